"""Settings of a group, chosen by its admins: who may order videos, in which topic, and when."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from telegram.ext import MessageHandler, filters

from handlers.membership import is_group_admin, pool_text
from handlers.replies.keyboards import Button, CallbackData, button_data, ticked
from handlers.replies.sending import Refused
from handlers.replies.texts import sanitize
from handlers.routing import Router
from handlers.senders import identify_sender
from storage import chats
from storage.chats import GENERAL, Asking, Group

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from telegram import CallbackQuery, Message, Update

    from handlers.context import Context, Services
    from handlers.replies.texts import Languages, Translator
    from handlers.senders import Sender

router = Router()

DAILY_LIMITS = (None, 1, 3, 10)
"""The choices for videos per member and day; None is no limit."""
QUIET_HOURS = ((22, 7), (23, 8), (0, 6))
"""The choices for quiet hours: first and last hour, of 24."""
_SWITCHES = frozenset({"blurred", "own_pictures"})
_ON, _OFF = "on", "off"
_HERE, _ANYWHERE = "here", "anywhere"
_MAX_TOPIC_BYTES = 40
"""Bytes of a topic's name that fit in a button's data."""


class _SetGroupChoice(CallbackData, prefix="group"):
    """Set a setting of the group; `value` is read by `change_for`."""

    field: str
    value: str

    @property
    def topic(self) -> str | None:
        """The name of the topic the button carries, or None."""
        names_one = self.field == "where" and self.value.startswith(_HERE)
        return self.value.removeprefix(_HERE) if names_one else None


class SetGroupVideo(CallbackData, prefix="gvideo"):
    """Set a default for the group's videos, or show the defaults if `field` is empty.

    `field` is a column of the group's choices; an empty `value` clears it, so that each member's
    own default counts.
    """

    field: str = ""
    value: str = ""


def _hours_text(hours: tuple[int, int]) -> str:
    return f"{hours[0]}–{hours[1]}"


def _topic_of(message: Message) -> str | None:
    """Return the name of a message's topic, "" if it is unknown, or None outside of forums.

    A message that replies to no other is a reply to the one that created its topic.
    """
    if not message.chat.is_forum:
        return None
    above = message.reply_to_message
    opened = above.forum_topic_created if above is not None else None
    if opened is None:
        return "" if message.is_topic_message else "General"
    name = opened.name.replace(":", " ").encode()[:_MAX_TOPIC_BYTES]
    return name.decode(errors="ignore")


def change_for(field: str, value: str, thread_id: int | None) -> dict[str, Any] | None:
    """Return the columns a press changes, or None if there is no such choice.

    `thread_id` is the topic of the button; the value "here" means it, followed by its name.
    """
    if field == "asking" and value in set(Asking):
        return {"asking": Asking(value)}
    if field == "where" and (value == _ANYWHERE or value.startswith(_HERE)):
        return {"thread_id": None if value == _ANYWHERE else thread_id or GENERAL}
    if field == "perday" and value in {str(number or 0) for number in DAILY_LIMITS}:
        return {"per_day": int(value) or None}
    if field == "quiet":
        presets = {_hours_text(hours): hours for hours in QUIET_HOURS}
        begins, ends = presets.get(value, (None, None))
        if value in presets or value == _OFF:
            return {"quiet_from": begins, "quiet_until": ends}
    if field in _SWITCHES and value in {_ON, _OFF}:
        return {field: value == _ON}
    return None


def text(group: Group, zone: ZoneInfo, translator: Translator) -> str:
    """Describe a group's settings; quiet hours are in the time zone `zone`."""
    _ = translator.gettext
    asking = {
        Asking.EVERYONE: _("Everyone here may ask for videos."),
        Asking.ADMINS: _("Only admins may ask for videos here."),
        Asking.NOBODY: _("I am switched off here."),
    }[group.asking]
    lines = [asking]
    if group.topic is not None:
        lines.append(_("I work in the topic “{topic}” only.").format(topic=sanitize(group.topic)))
    elif group.thread_id is not None:
        lines.append(_("I work in one topic only."))
    if group.per_day is not None:
        lines.append(
            translator.ngettext(
                "Each member gets {count} video a day.",
                "Each member gets {count} videos a day.",
                group.per_day,
            )
        )
    hours = group.quiet_hours
    lines.append(
        _("🌙 Quiet hours: {hours} ({zone})").format(
            hours=_hours_text(hours) if hours else _("none"), zone=zone.key
        )
    )
    if group.blurred:
        lines.append(_("Videos are hidden until somebody taps them."))
    if group.own_pictures:
        lines.append(_("Members can animate only photos that they sent themselves."))
    return "\n".join(lines)


def buttons(
    group: Group,
    translator: Translator,
    thread_id: int | None,
    topic: str | None,
    languages: Languages,
) -> list[list[Button]]:
    """Return the buttons of all choices, the present ones ticked; `topic` is the message's."""
    _, hours = translator.gettext, group.quiet_hours

    def button(label: str, field: str, value: str, *, present: bool) -> Button:
        return Button(ticked(label, is_on=present), _SetGroupChoice(field, value))

    def switch(label: str, field: str, *, is_on: bool) -> Button:
        return button(label, field, _OFF if is_on else _ON, present=is_on)

    labels = {
        Asking.EVERYONE: _("Everyone"),
        Asking.ADMINS: _("Admins"),
        Asking.NOBODY: _("Off here"),
    }
    rows = [
        [
            button(label, "asking", asking, present=asking is group.asking)
            for asking, label in labels.items()
        ],
        [
            button(
                _("{count} a day").format(count=number) if number else _("No limit"),
                "perday",
                str(number or 0),
                present=number == group.per_day,
            )
            for number in DAILY_LIMITS
        ],
        [
            button(_("🌙 Off"), "quiet", _OFF, present=hours is None),
            *(
                button(label, "quiet", label, present=preset == hours)
                for preset, label in zip(QUIET_HOURS, map(_hours_text, QUIET_HOURS), strict=True)
            ),
        ],
        [
            switch(_("Blur videos"), "blurred", is_on=group.blurred),
            switch(_("Own pictures only"), "own_pictures", is_on=group.own_pictures),
        ],
    ]
    rows.append([Button(_("🎬 Model, length, shape…"), SetGroupVideo())])
    if len(languages.names) > 1:
        spoken = languages.translator(group.language).locale
        rows += (
            [button(label, "language", name, present=languages.translator(name).locale == spoken)]
            for name, label in languages.names.items()
        )
    everywhere = group.thread_id is None
    every = button(_("Every topic"), "where", _ANYWHERE, present=everywhere)
    if topic is not None:
        here = group.thread_id == (thread_id or GENERAL)
        rows.append([button(_("Only this topic"), "where", f"{_HERE}{topic}", present=here), every])
    elif not everywhere:
        # the group is no longer a forum, or the message has no readable topic
        rows.append([every])
    return rows


async def _store_topic_name(update: Update, context: Context) -> None:
    """Store the new name of a topic, if it is the one the bot works in."""
    message, services = update.message, context.services
    sender = None if message is None else await identify_sender(update, services)
    edited = message.forum_topic_edited if message is not None else None
    if sender is None or sender.group is None or edited is None or not edited.name:
        return
    if sender.group.thread_id == sender.thread_id:
        async with services.db.transaction() as tx:
            await chats.choose(tx, sender.chat.id, topic=edited.name)


router.handlers.append(MessageHandler(filters.StatusUpdate.FORUM_TOPIC_EDITED, _store_topic_name))


async def show_group_settings(
    services: Services, sender: Sender, group: Group, message: Message
) -> None:
    """Show an admin of the group its settings."""
    words, rows = await _page(services, sender, group, _topic_of(message))
    await sender.reply(words, buttons=rows, reply_to=message.message_id)


async def _page(
    services: Services, sender: Sender, group: Group, topic: str | None
) -> tuple[str, list[list[Button]]]:
    lines = text(group, services.terms.zone, sender.translator), await pool_text(services, sender)
    rows = buttons(group, sender.translator, sender.thread_id, topic, services.languages)
    return "\n".join(filter(None, lines)), rows


@router.button(_SetGroupChoice, when_off=True)
async def choose(
    sender: Sender,
    press: _SetGroupChoice,
    query: CallbackQuery,
    shown: int | None,
    context: Context,
) -> None:
    """Set a setting of the group for one of its admins."""
    services = context.services
    _ = sender.translator.gettext
    if not await is_group_admin(context.bot, sender):
        await sender.answer(_("Only admins of this group can change that."))
        return
    if press.field == "language" and press.value in services.languages.names:
        change: dict[str, Any] | None = {"language": press.value}
    else:
        change = change_for(press.field, press.value, sender.thread_id)
    if change is None or shown is None:
        await sender.answer(_("This button is old. Try /settings."))
        return
    if "thread_id" in change:
        change["topic"] = press.topic or None
    async with services.db.transaction() as tx:
        await chats.choose(tx, sender.chat.id, **change)
        group = await chats.group_of(tx, sender.chat.id)
    await sender.answer(_("Saved."))
    # the name of the message's topic is known from its buttons
    topics = (
        one.topic for one in button_data(query.message, _SetGroupChoice) if one.topic is not None
    )
    words, rows = await _page(services, sender, group, next(topics, None))
    # the setting is saved even if the message is gone
    with suppress(Refused):
        await sender.outbox.edit(sender.chat, shown, words, rows)
