"""/settings: what a video is like when one does not say, chosen by tapping.

What the prompt says counts first, then in a group what its admins chose, then one's own choice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from generation.orders.options import (
    Choice,
    Defaults,
    Options,
    Problem,
    nearest_resolution,
    priced,
    settle,
)
from generation.orders.quotes import Quote, meant
from handlers.groups.group_settings import GroupVideo, show_group_settings
from handlers.membership import is_group_admin
from handlers.replies.keyboards import Button, CallbackData, carried, in_rows, ticked
from handlers.replies.texts import substitution_note, video_summary
from handlers.routing import Router
from storage import chats, people
from storage.chats import Group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telegram import Message

    from generation.models.offer import Mode, Offer
    from handlers.context import Context, Services
    from handlers.replies.texts import Languages, Translator
    from handlers.senders import Sender
    from storage.people import Person

router = Router()

_PER_ROW = 2
"""Models beside each other: their names are long."""
_VALUES = 5
"""Lengths, shapes or resolutions beside each other."""


class SetDefault(CallbackData, prefix="set"):
    """Make a value the owner's default; `field` is a column of people's defaults."""

    owner: int
    field: str
    value: str


class SpeakIn(CallbackData, prefix="speak"):
    """Speak a language with the presser, whatever their client claims."""

    language: str


def _defaults(saved: Person | Group) -> Defaults:
    return Defaults(saved.family, saved.seconds, saved.aspect_ratio, saved.resolution)


def usual(
    saved: Person | Group, offer: Offer, family: str | None = None, *, named: Offer | None = None
) -> Quote | None:
    """Return what an idea becomes, with this family or the saved one; None where nothing can.

    `named` is every family the operator names: what replaces one that is gone is what an order
    gets.
    """
    found = meant(
        Options(model=family), _defaults(saved),
        offer=offer, named=named, kind="t2v",
    )  # fmt: skip
    if isinstance(found, Problem):
        return None
    choice, instead_of = found
    cost = priced(choice, offer)
    return Quote("", choice, choice.aspect_ratio, cost.usd, cost.credits, instead_of)


def values(mode: Mode) -> dict[str, tuple[str | int, ...]]:
    """Return what can be chosen beside the model, by column."""
    return {
        "seconds": mode.seconds,
        "aspect_ratio": mode.aspect_ratios,
        "resolution": mode.resolutions,
    }


def chosen(
    saved: Person | Group, offer: Offer, field: str, value: str, shown: Quote | None = None
) -> dict[str, Any] | None:
    """Return the defaults that a press sets; None where nothing like it is offered.

    Another family keeps what it offers too and forgets the rest. `shown` is the usual video that
    was chosen from; where it stands in for one that is gone, its family is chosen with the value.
    """
    if field == "family":
        if value not in offer:
            return None
        mode = next(iter(offer[value].modes.values()))
        kept = {
            name: one if (one := getattr(saved, name)) in offered else None
            for name, offered in values(mode).items()
        }
        return {"family": value, **kept}
    choice = shown.choice if shown else settle(Options(), _defaults(saved), offer, "t2v")
    if not isinstance(choice, Choice):
        return None
    offered = values(choice.mode).get(field, ())
    tapped = next((one for one in offered if carried(one) == value), None)
    if tapped is None:
        return None
    stand_in = {"family": choice.family.name} if shown and shown.instead_of else {}
    return {field: tapped, **stand_in, **_moved_along(choice, field, tapped)}


def _moved_along(present: Choice, field: str, tapped: str | int) -> dict[str, Any]:
    """Return the resolution that goes with a length that was tapped, where the present does not.

    A length needs no such care: the nearest that goes with the resolution is always taken.
    """
    mode, now = present.mode, present.resolution
    if field != "seconds" or now is None or mode.offers(int(tapped), now):
        return {}
    together = [one for one in mode.resolutions if mode.offers(int(tapped), one)]
    return {"resolution": nearest_resolution(now, together)}


def text(quote: Quote, translator: Translator) -> str:
    """Say what somebody's usual video is and what it costs, and what it stands in for."""
    said = translator.gettext(
        "Your usual video:\n{video}\n\nEach costs {credits}. A photo keeps its own shape.\n\n"
        "The last rows: what I do with a photo that does not fit, and whether I ask before "
        "each video."
    ).format(video=video_summary(translator, quote), credits=translator.credits(quote.credits))
    return f"{substitution_note(quote, translator)}\n\n{said}".strip()


def group_text(quote: Quote, translator: Translator) -> str:
    """Say what a usual video of a group is, and that its prompt counts before."""
    return translator.gettext(
        "A video in this group, where its idea says nothing else:\n{video}\n\n"
        "Each costs {credits}. Where nothing is ticked, each member's own choice counts. "
        "Tap a tick to take it away."
    ).format(video=video_summary(translator, quote), credits=translator.credits(quote.credits))


def buttons(
    saved: Person | Group, quote: Quote, offer: Offer, translator: Translator
) -> list[list[Button]]:
    """Return what can be chosen, the present choice marked; a single value is no choice.

    Of a group only what its admins chose is marked, and a tap there takes that back.
    """
    choice = quote.choice

    def button(field: str, value: str | int, label: str, present: str | int | None) -> Button:
        if isinstance(saved, Group):
            is_on = value == getattr(saved, field)
            data: CallbackData = GroupVideo(field, "" if is_on else carried(value))
        else:
            is_on, data = value == present, SetDefault(saved.id, field, carried(value))
        return Button(ticked(label, is_on=is_on), data)

    families = [
        button("family", family.name, f"{family.title} · {other.credits}", choice.family.name)
        for family in offer
        if (other := usual(saved, offer, family.name))
    ]
    rows = in_rows(families, _PER_ROW) if len(families) > 1 else []
    for field, offered in values(choice.mode).items():
        row = [
            button(
                field,
                value,
                translator.short_duration(value) if isinstance(value, int) else value,
                getattr(choice, field),
            )
            for value in offered
        ]
        if len(row) > 1:
            rows += in_rows(row, _VALUES)
    return rows


_ASK = "ask"
_SAVED_AS: Mapping[str, Mapping[str, str | bool | None]] = {
    "fit": {_ASK: None, "crop": "crop", "pad": "pad"},
    "asks_first": {"off": False, "on": True},
}
"""What a button saves that is the same for every model, by column and by what it carries."""


def habits(person: Person, languages: Languages, translator: Translator) -> list[list[Button]]:
    """Return what can be chosen whatever the model is; one language is no choice."""
    _ = translator.gettext
    labels = {
        "fit": (_("❓ Ask me"), _("✂️ Crop"), _("🖼 Whole")),
        "asks_first": (_("Start at once"), _("Ask first")),
    }
    rows = [
        [
            Button(
                ticked(label, is_on=saved == getattr(person, field)),
                SetDefault(person.id, field, value),
            )
            for (value, saved), label in zip(_SAVED_AS[field].items(), shown, strict=True)
        ]
        for field, shown in labels.items()
    ]
    return rows + spoken(languages, translator)


def spoken(languages: Languages, translator: Translator) -> list[list[Button]]:
    """Return the languages there are, the present one marked; one is no choice."""
    if len(languages.texts) == 1:
        return []
    return [
        [Button(ticked(label, is_on=languages.translator(name).locale == translator.locale),
                SpeakIn(name))]
        for name, label in languages.names.items()
    ]  # fmt: skip


@router.command("settings")
async def settings(sender: Sender, message: Message, context: Context) -> None:
    """Show somebody's usual video and what else it could be; to a group's admins, the group's."""
    if sender.group and await is_group_admin(context.bot, sender):
        await show_group_settings(context.services, sender, sender.group, message)
    elif not sender.chat.is_private:
        await sender.invite("settings", message.message_id)
    elif sender.person is not None:
        await _show(context.services, sender, sender.person)


def usual_of(services: Services, saved: Person | Group) -> Quote | None:
    """Return what an idea becomes for somebody, or in a group, now."""
    return usual(saved, services.offer, named=services.catalogue.named)


async def _show(
    services: Services, sender: Sender, person: Person, message_id: int | None = None
) -> None:
    """Show the settings, in the message they are shown in already where that is still there."""
    translator = sender.translator
    quote = usual_of(services, person)
    if quote is None:
        words, rows = translator.gettext("There is nothing to choose right now."), []
    else:
        words = text(quote, translator)
        rows = buttons(person, quote, services.offer, translator)
    await sender.show(words, rows + habits(person, services.languages, translator), message_id)


@router.button(SetDefault)
async def choose(sender: Sender, press: SetDefault, shown: int | None, services: Services) -> None:
    """Set a default of the presser's own and show how it stands."""
    _ = sender.translator.gettext
    if sender.person is None or press.owner != sender.person.id or not sender.chat.is_private:
        await sender.answer(_("These are not your settings."))
        return
    changes: dict[str, Any] | None
    if press.field in _SAVED_AS:
        offered = _SAVED_AS[press.field]
        changes = {press.field: offered[press.value]} if press.value in offered else None
    else:
        present = usual_of(services, sender.person)
        changes = chosen(sender.person, services.offer, press.field, press.value, present)
    if changes is not None:
        async with services.db.transaction() as tx:
            await people.set_default(tx, sender.person.id, **changes)
    await sender.answer(_("Saved.") if changes else _("Not offered now."))
    await _show(services, sender, replace(sender.person, **(changes or {})), shown)


@router.command("language")
async def language(sender: Sender, services: Services) -> None:
    """Ask somebody which language they want to read."""
    _, rows = sender.translator.gettext, spoken(services.languages, sender.translator)
    words = _("Which language should I speak with you?")
    if not rows:
        words = _("I speak one language so far, this one.")
    await sender.reply(words, buttons=rows if sender.chat.is_private else ())


@router.button(SpeakIn)
async def speak_in(sender: Sender, press: SpeakIn, shown: int | None, services: Services) -> None:
    """Speak a language with the presser from now on, and show their settings in it."""
    if sender.person is None or press.language not in services.languages.names:
        await sender.answer(sender.translator.gettext("Not offered now."))
        return
    async with services.db.transaction() as tx:
        await people.set_default(tx, sender.person.id, spoken=press.language)
    sender = replace(sender, translator=services.languages.translator(press.language))
    await sender.answer(sender.translator.gettext("Saved."))
    if sender.person is not None and sender.chat.is_private:
        await _show(services, sender, sender.person, shown)


@router.button(GroupVideo)
async def choose_for_group(
    sender: Sender, press: GroupVideo, shown: int | None, context: Context
) -> None:
    """Show an admin of a group what its videos are like, and set what they tap."""
    services, group, _ = context.services, sender.group, sender.translator.gettext
    if group is None or not await is_group_admin(context.bot, sender):
        await sender.answer(_("Only admins of this group can change that."))
        return
    changes: dict[str, Any] | None = {}
    if press.field in {"family", "seconds", "aspect_ratio", "resolution"}:
        present = usual_of(services, group)
        changes = {press.field: None}
        if press.value:
            changes = chosen(group, services.offer, press.field, press.value, present)
        if changes:
            async with services.db.transaction() as tx:
                await chats.choose(tx, sender.chat.id, **changes)
    words = _("Saved.") if changes else _("Not offered now.")
    await sender.answer(words if press.field else "")
    group = replace(group, **(changes or {}))
    quote = usual_of(services, group)
    if quote is not None:
        translator = sender.translator
        rows = buttons(group, quote, services.offer, translator)
        await sender.show(group_text(quote, translator), rows, shown if press.field else None)
