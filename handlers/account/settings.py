"""/settings: defaults for videos, set by buttons.

Options in the prompt come first, then in a group its admins' choices, then the person's own.
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
    price_choice,
)
from generation.orders.quotes import Quote, resolve_or_replace
from handlers.groups.group_settings import SetGroupVideo, show_group_settings
from handlers.membership import is_group_admin
from handlers.replies.keyboards import Button, CallbackData, encode_value, in_rows, ticked
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


class SetDefault(CallbackData, prefix="set"):
    """Set a default of the owner's; `field` is a column of people's defaults."""

    owner: int
    field: str
    value: str


class _SetLanguage(CallbackData, prefix="speak"):
    language: str


def usual_quote(
    saved: Person | Group, offer: Offer, family: str | None = None, *, named: Offer | None = None
) -> Quote | None:
    """Return the quote of a video without options, or None if none can be ordered.

    `family` replaces the saved family. `named` holds all families the operator names: a saved
    family that is not served is replaced as in an order.
    """
    defaults = Defaults(saved.family, saved.seconds, saved.aspect_ratio, saved.resolution)
    found = resolve_or_replace(
        Options(model=family), defaults, offer=offer, named=named, kind="t2v"
    )
    if isinstance(found, Problem):
        return None
    choice, instead_of = found
    cost = price_choice(choice, offer)
    return Quote("", choice, choice.aspect_ratio, cost.usd, cost.credits, instead_of)


def choices(mode: Mode) -> dict[str, tuple[str | int, ...]]:
    """Return the values a mode offers, by column of the defaults."""
    return {
        "seconds": mode.seconds,
        "aspect_ratio": mode.aspect_ratios,
        "resolution": mode.resolutions,
    }


def changes_for(
    saved: Person | Group, offer: Offer, field: str, value: str, named: Offer | None = None
) -> dict[str, Any] | None:
    """Return the columns that a press changes, or None if the value is not offered.

    Another family keeps the values it offers too and clears the others. If the family shown
    replaces one that is not served (see `usual_quote`), it is saved too.
    """
    if field == "family":
        if value not in offer:
            return None
        mode = next(iter(offer[value].modes.values()))
        kept = {
            name: one if (one := getattr(saved, name)) in offered else None
            for name, offered in choices(mode).items()
        }
        return {"family": value, **kept}
    shown = usual_quote(saved, offer, named=named)
    if shown is None:
        return None
    choice = shown.choice
    offered = choices(choice.mode).get(field, ())
    tapped = next((one for one in offered if encode_value(one) == value), None)
    if tapped is None:
        return None
    stand_in = {"family": choice.family.name} if shown.instead_of else {}
    return {field: tapped, **stand_in, **_matching_resolution(choice, field, tapped)}


def _matching_resolution(present: Choice, field: str, tapped: str | int) -> dict[str, Any]:
    """Return another resolution if the present one is not offered at the length that was tapped.

    The other way round, the nearest length that a resolution allows is taken anyway.
    """
    mode, now = present.mode, present.resolution
    if field != "seconds" or now is None or mode.offers(int(tapped), now):
        return {}
    return {"resolution": nearest_resolution(now, mode.resolutions_of(int(tapped)))}


def text(quote: Quote, translator: Translator) -> str:
    """Describe a person's usual video, its cost, and the family it replaces, if any."""
    words = translator.gettext(
        "Your usual video:\n{video}\n\nEach costs {credits}. A photo keeps its own shape.\n\n"
        "The last rows: what I do with a photo that does not fit, and whether I ask before "
        "each video."
    ).format(video=video_summary(translator, quote), credits=translator.credits(quote.credits))
    return f"{substitution_note(quote, translator)}\n\n{words}".strip()


def _group_text(quote: Quote, translator: Translator) -> str:
    return translator.gettext(
        "A video in this group, where its idea says nothing else:\n{video}\n\n"
        "Each costs {credits}. Where nothing is ticked, each member's own choice counts. "
        "Tap a tick to take it away."
    ).format(video=video_summary(translator, quote), credits=translator.credits(quote.credits))


def buttons(
    saved: Person | Group, quote: Quote, offer: Offer, translator: Translator
) -> list[list[Button]]:
    """Return the buttons of all values, the present ones ticked; a single value has no button.

    For a group, only its admins' choices are ticked, and a tap on a ticked one clears it.
    """
    choice = quote.choice

    def button(field: str, value: str | int, label: str, present: str | int | None) -> Button:
        if isinstance(saved, Group):
            is_on = value == getattr(saved, field)
            data: CallbackData = SetGroupVideo(field, "" if is_on else encode_value(value))
        else:
            is_on, data = value == present, SetDefault(saved.id, field, encode_value(value))
        return Button(ticked(label, is_on=is_on), data)

    families = [
        button("family", family.name, f"{family.title} · {other.credits}", choice.family.name)
        for family in offer
        if (other := usual_quote(saved, offer, family.name))
    ]
    rows = in_rows(families, 2) if len(families) > 1 else []
    for field, offered in choices(choice.mode).items():
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
            rows += in_rows(row, 5)
    return rows


_SAVED_AS: Mapping[str, Mapping[str, str | bool | None]] = {
    "fit": {"ask": None, "crop": "crop", "pad": "pad"},
    "asks_first": {"off": False, "on": True},
}
"""Values of the settings that are the same for every model, by column and button data."""


def _common_buttons(
    person: Person, languages: Languages, translator: Translator
) -> list[list[Button]]:
    """Return the buttons of the settings that are the same for every model."""
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
    return rows + _language_buttons(languages, translator)


def _language_buttons(languages: Languages, translator: Translator) -> list[list[Button]]:
    """Return a button for each language, the present one ticked; none if there is only one."""
    if len(languages.texts) == 1:
        return []
    return [
        [Button(ticked(label, is_on=languages.translator(name).locale == translator.locale),
                _SetLanguage(name))]
        for name, label in languages.names.items()
    ]  # fmt: skip


@router.command("settings")
async def settings(sender: Sender, message: Message, context: Context) -> None:
    """Show the sender's settings, or to an admin of a group the group's."""
    if sender.group and await is_group_admin(context.bot, sender):
        await show_group_settings(context.services, sender, sender.group, message)
    elif not sender.chat.is_private:
        await sender.invite("settings", message.message_id)
    elif sender.person is not None:
        await _show(context.services, sender, sender.person)


def usual_quote_of(services: Services, saved: Person | Group) -> Quote | None:
    """Return the quote of a person's or a group's usual video with the models served now."""
    return usual_quote(saved, services.offer, named=services.catalogue.named)


async def _show(
    services: Services, sender: Sender, person: Person, message_id: int | None = None
) -> None:
    translator = sender.translator
    quote = usual_quote_of(services, person)
    if quote is None:
        words, rows = translator.gettext("There is nothing to choose right now."), []
    else:
        words = text(quote, translator)
        rows = buttons(person, quote, services.offer, translator)
    await sender.show(
        words, rows + _common_buttons(person, services.languages, translator), message_id
    )


@router.button(SetDefault)
async def choose(sender: Sender, press: SetDefault, shown: int | None, services: Services) -> None:
    """Set a default of the presser's and show the settings."""
    _ = sender.translator.gettext
    if sender.person is None or press.owner != sender.person.id or not sender.chat.is_private:
        await sender.answer(_("These are not your settings."))
        return
    changes: dict[str, Any] | None
    if press.field in _SAVED_AS:
        offered = _SAVED_AS[press.field]
        changes = {press.field: offered[press.value]} if press.value in offered else None
    else:
        named = services.catalogue.named
        changes = changes_for(sender.person, services.offer, press.field, press.value, named)
    if changes is not None:
        async with services.db.transaction() as tx:
            await people.set_default(tx, sender.person.id, **changes)
    await sender.answer(_("Saved.") if changes else _("Not offered now."))
    await _show(services, sender, replace(sender.person, **(changes or {})), shown)


@router.command("language")
async def language(sender: Sender, services: Services) -> None:
    """Ask the sender for their language."""
    _, rows = sender.translator.gettext, _language_buttons(services.languages, sender.translator)
    words = _("Which language should I speak with you?")
    if not rows:
        words = _("I speak one language so far, this one.")
    await sender.reply(words, buttons=rows if sender.chat.is_private else ())


@router.button(_SetLanguage)
async def set_language(
    sender: Sender, press: _SetLanguage, shown: int | None, services: Services
) -> None:
    """Set the presser's language, and show their settings in it."""
    if sender.person is None or press.language not in services.languages.names:
        await sender.answer(sender.translator.gettext("Not offered now."))
        return
    async with services.db.transaction() as tx:
        await people.set_default(tx, sender.person.id, spoken=press.language)
    sender = replace(sender, translator=services.languages.translator(press.language))
    await sender.answer(sender.translator.gettext("Saved."))
    if sender.person is not None and sender.chat.is_private:
        await _show(services, sender, sender.person, shown)


@router.button(SetGroupVideo)
async def choose_for_group(
    sender: Sender, press: SetGroupVideo, shown: int | None, context: Context
) -> None:
    """Set a default of the group's for one of its admins, and show the group's defaults."""
    services, group, _ = context.services, sender.group, sender.translator.gettext
    if group is None or not await is_group_admin(context.bot, sender):
        await sender.answer(_("Only admins of this group can change that."))
        return
    changes: dict[str, Any] | None = {}
    if press.field in {"family", "seconds", "aspect_ratio", "resolution"}:
        changes, named = {press.field: None}, services.catalogue.named
        if press.value:
            changes = changes_for(group, services.offer, press.field, press.value, named)
        if changes:
            async with services.db.transaction() as tx:
                await chats.choose(tx, sender.chat.id, **changes)
    words = _("Saved.") if changes else _("Not offered now.")
    await sender.answer(words if press.field else "")
    group = replace(group, **(changes or {}))
    quote = usual_quote_of(services, group)
    if quote is not None:
        translator = sender.translator
        rows = buttons(group, quote, services.offer, translator)
        await sender.show(_group_text(quote, translator), rows, shown if press.field else None)
