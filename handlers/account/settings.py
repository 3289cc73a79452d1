"""/settings: what a video is like when one does not say, chosen by tapping."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from generation.orders import substitutes
from generation.orders.options import (
    Choice,
    Defaults,
    Options,
    Problem,
    nearest_resolution,
    settle,
)
from generation.orders.quotes import Quote, meant
from handlers.groups import show_group_settings
from handlers.membership import is_group_admin
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.texts import described, gone
from handlers.routing import Router
from storage import people

if TYPE_CHECKING:
    from decimal import Decimal

    from telegram import Message

    from generation.models.offer import Mode, Offer
    from handlers.context import Context, Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.people import Person

router = Router()

_PER_ROW = 2
"""Models beside each other: their names are long."""
_VALUES = 5
"""Lengths, shapes or resolutions beside each other."""


@dataclass(frozen=True, slots=True)
class SetDefault(CallbackData):
    """Make a value the owner's default; `field` is a column of people's defaults."""

    prefix: ClassVar[str] = "set"
    owner: int
    field: str
    value: str


def carried(value: str | int) -> str:
    """Spell a value as a button can carry it: the colon of a shape separates fields there."""
    return str(value).replace(":", "x")


def usual(
    person: Person,
    offer: Offer,
    credit_usd: Decimal,
    family: str | None = None,
    *,
    named: Offer | None = None,
) -> Quote | None:
    """Return what an idea becomes, with this family or the person's; None where nothing can.

    `named` is every family the operator names: what replaces one that is gone is what an order
    gets.
    """
    found = meant(
        Options(model=family), Defaults.of(person),
        offer=offer, named=named, kind="t2v", credit_usd=credit_usd,
    )  # fmt: skip
    if isinstance(found, Problem):
        return None
    choice, instead_of = found
    cost = substitutes.priced(choice, credit_usd)
    return Quote("", choice, choice.aspect_ratio, cost.usd, cost.credits, instead_of)


def values(mode: Mode) -> dict[str, tuple[str | int, ...]]:
    """Return what can be chosen beside the model, by column."""
    return {
        "seconds": mode.seconds,
        "aspect_ratio": mode.aspect_ratios,
        "resolution": mode.resolutions,
    }


def chosen(
    person: Person, offer: Offer, field: str, value: str, shown: Quote | None = None
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
            name: saved if (saved := getattr(person, name)) in offered else None
            for name, offered in values(mode).items()
        }
        return {"family": value, **kept}
    choice = shown.choice if shown else settle(Options(), Defaults.of(person), offer, "t2v")
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
        "Your usual video:\n{video}\n\nEach costs {credits}. A photo keeps its own shape."
    ).format(video=described(translator, quote), credits=translator.credits(quote.credits))
    return f"{gone(quote, translator)}\n\n{said}".strip()


def buttons(
    person: Person, quote: Quote, offer: Offer, credit_usd: Decimal, translator: Translator
) -> list[list[Button]]:
    """Return what can be chosen, the present choice marked; a single value is no choice."""
    choice = quote.choice

    def button(field: str, value: str | int, label: str, present: str | int | None) -> Button:
        mark = "✓ " if value == present else ""
        return Button(mark + label, SetDefault(person.id, field, carried(value)))

    families = [
        button("family", family.name, f"{family.title} · {other.credits}", choice.family.name)
        for family in offer
        if (other := usual(person, offer, credit_usd, family.name))
    ]
    rows = [families[start : start + _PER_ROW] for start in range(0, len(families), _PER_ROW)]
    if len(families) == 1:
        rows = []
    for field, offered in values(choice.mode).items():
        row = [
            button(field, value, _label(value, translator), getattr(choice, field))
            for value in offered
        ]
        if len(row) > 1:
            rows += [row[start : start + _VALUES] for start in range(0, len(row), _VALUES)]
    return rows


def _label(value: str | int, translator: Translator) -> str:
    return translator.lasts(value) if isinstance(value, int) else value


@router.command("settings")
async def settings(sender: Sender, message: Message, context: Context) -> None:
    """Show somebody's usual video and what else it could be; to a group's admins, the group's."""
    if sender.group and await is_group_admin(context.bot, sender):
        await show_group_settings(context.services, sender, sender.group, message)
    elif not sender.chat.is_private:
        await sender.invite("settings", message.message_id)
    elif sender.person is not None:
        await _show(context.services, sender, sender.person)


def _usual_of(services: Services, person: Person) -> Quote | None:
    return usual(person, services.offer, services.terms.credit_usd, named=services.catalogue.named)


async def _show(
    services: Services, sender: Sender, person: Person, message_id: int | None = None
) -> None:
    """Show the settings, in the message they are shown in already where that is still there."""
    credit_usd = services.terms.credit_usd
    quote = _usual_of(services, person)
    if quote is None:
        words, rows = sender.translator.gettext("There is nothing to choose right now."), []
    else:
        words = text(quote, sender.translator)
        rows = buttons(person, quote, services.offer, credit_usd, sender.translator)
    await sender.show(words, rows, message_id)


@router.button(SetDefault)
async def choose(sender: Sender, press: SetDefault, shown: int | None, services: Services) -> None:
    """Set a default of the presser's own and show how it stands."""
    _ = sender.translator.gettext
    if sender.person is None or press.owner != sender.person.id or not sender.chat.is_private:
        await sender.answer(_("These are not your settings."))
        return
    present = _usual_of(services, sender.person)
    changes = chosen(sender.person, services.offer, press.field, press.value, present)
    if changes is not None:
        async with services.db.transaction() as tx:
            await people.set_default(tx, sender.person.id, **changes)
    await sender.answer(_("Saved.") if changes else _("Not offered now."))
    await _show(services, sender, replace(sender.person, **(changes or {})), shown)
