"""What a group's admins choose for it: who may ask, where, when, how often, or nobody at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from handlers.membership import is_group_admin
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.sending import Refused
from handlers.routing import Router
from storage import groups
from storage.groups import Asking, Group

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from telegram import CallbackQuery

    from handlers.context import Context, Sender, Services
    from handlers.replies.texts import Translator

router = Router()

PER_DAY = (None, 1, 3, 10)
"""Videos per member and day that can be chosen; None is as many as their credits allow."""
QUIET_HOURS = ((22, 7), (23, 8), (0, 6))
"""Quiet hours that can be chosen: from and until, as a clock of 24 hours shows them."""
_SWITCHES = frozenset({"blurred", "own_pictures"})
_ON, _OFF = "on", "off"
_GENERAL = 0


@dataclass(frozen=True, slots=True)
class Choose(CallbackData):
    """Set a choice of the group the button stands in; `value` as `choice` reads it."""

    prefix: ClassVar[str] = "group"
    field: str
    value: str


def _written(hours: tuple[int, int]) -> str:
    """Write quiet hours: "22–7"."""
    return f"{hours[0]}–{hours[1]}"


def choice(field: str, value: str, thread_id: int | None) -> dict[str, Any] | None:
    """Return the change a press makes; None where there is no such choice.

    `thread_id` is the topic the button stands in: "here" means it.
    """
    if field == "asking" and value in set(Asking):
        return {"asking": Asking(value)}
    if field == "where" and value in {"here", "anywhere"}:
        return {"thread_id": (thread_id or _GENERAL) if value == "here" else None}
    if field == "perday" and value in {str(number or 0) for number in PER_DAY}:
        return {"per_day": int(value) or None}
    if field == "quiet":
        presets = {_written(hours): hours for hours in QUIET_HOURS}
        begins, ends = presets.get(value, (None, None))
        if value in presets or value == _OFF:
            return {"quiet_from": begins, "quiet_until": ends}
    if field in _SWITCHES and value in {_ON, _OFF}:
        return {field: value == _ON}
    return None


def text(group: Group, zone: ZoneInfo, translator: Translator) -> str:
    """Say how it stands; quiet hours are those of `zone`."""
    say = translator.gettext
    asking = {
        Asking.EVERYONE: say("Everyone here may ask for videos."),
        Asking.ADMINS: say("Only admins may ask for videos here."),
        Asking.NOBODY: say("I am switched off here."),
    }[group.asking]
    lines = [asking]
    if group.thread_id is not None:
        lines.append(say("I work in one topic only."))
    if group.per_day is not None:
        lines.append(
            translator.ngettext(
                "Each member gets {count} video a day.",
                "Each member gets {count} videos a day.",
                group.per_day,
            ).format(count=translator.number(group.per_day))
        )
    hours = group.quiet_hours
    lines.append(
        say("🌙 Quiet hours: {hours} ({zone})").format(
            hours=_written(hours) if hours else say("none"), zone=zone.key
        )
    )
    if group.blurred:
        lines.append(say("Videos are covered until they are tapped."))
    if group.own_pictures:
        lines.append(say("Members bring to life only pictures they sent themselves."))
    return "\n".join(lines)


def buttons(group: Group, translator: Translator, *, in_topic: bool) -> list[list[Button]]:
    """Return the choices, the present ones marked."""
    say, hours = translator.gettext, group.quiet_hours

    def button(label: str, field: str, value: str, *, present: bool) -> Button:
        return Button(f"✓ {label}" if present else label, Choose(field, value))

    def switch(label: str, field: str, *, is_on: bool) -> Button:
        return button(label, field, _OFF if is_on else _ON, present=is_on)

    labels = {
        Asking.EVERYONE: say("Everyone"),
        Asking.ADMINS: say("Admins"),
        Asking.NOBODY: say("Off here"),
    }
    rows = [
        [
            button(label, "asking", asking, present=asking is group.asking)
            for asking, label in labels.items()
        ],
        [
            button(
                say("{count} a day").format(count=number) if number else say("No limit"),
                "perday",
                str(number or 0),
                present=number == group.per_day,
            )
            for number in PER_DAY
        ],
        [
            button(say("🌙 Off"), "quiet", _OFF, present=hours is None),
            *(
                button(label, "quiet", label, present=preset == hours)
                for preset, label in zip(QUIET_HOURS, map(_written, QUIET_HOURS), strict=True)
            ),
        ],
        [
            switch(say("Blur videos"), "blurred", is_on=group.blurred),
            switch(say("Own pictures only"), "own_pictures", is_on=group.own_pictures),
        ],
    ]
    if in_topic or group.thread_id is not None:
        here = group.thread_id is not None
        rows.append(
            [
                button(say("Only this topic"), "where", "here", present=here),
                button(say("Every topic"), "where", "anywhere", present=not here),
            ]
        )
    return rows


async def show_group_settings(
    services: Services, sender: Sender, group: Group, reply_to: int
) -> None:
    """Show an admin of the group what there is to choose."""
    await sender.reply(
        text(group, services.terms.zone, sender.translator),
        buttons=buttons(group, sender.translator, in_topic=sender.thread_id is not None),
        reply_to=reply_to,
    )


@router.button(Choose, when_off=True)
async def choose(sender: Sender, press: Choose, query: CallbackQuery, context: Context) -> None:
    """Set a choice for an admin of the group."""
    services = context.services
    say = sender.translator.gettext
    if not await is_group_admin(context.bot, sender):
        await sender.answer(say("Only this group's admins choose that."))
        return
    change = choice(press.field, press.value, sender.thread_id)
    if change is None or query.message is None:
        await sender.answer(say("This button is old. Try /settings."))
        return
    async with services.db.transaction() as tx:
        await groups.choose(tx, sender.chat.id, **change)
        group = await groups.find(tx, sender.chat.id)
    await sender.answer(say("Saved."))
    in_topic = sender.thread_id is not None
    try:
        await sender.outbox.edit(
            sender.chat,
            query.message.message_id,
            text(group, services.terms.zone, sender.translator),
            buttons(group, sender.translator, in_topic=in_topic),
        )
    except Refused:
        # the message is gone; the choice stands
        return
