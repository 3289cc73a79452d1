"""/models: what can be chosen from, with lengths, shapes and prices; a tap makes it the default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from telegram.ext import CallbackQueryHandler

from generation import fallback
from generation.models import KINDS
from generation.options import Choice, Defaults, Wishes, settle
from handlers.commands import on
from handlers.identity import meet
from handlers.pressing import pressed
from handlers.replies.buttons import Button, Press
from handlers.replies.outcomes import Refused
from handlers.replies.status import about
from handlers.settings import chosen
from storage import people

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from telegram import Update
    from telegram.ext import BaseHandler

    from generation.models import Family, Offer
    from handlers.context import Context, Services
    from handlers.identity import Asker
    from handlers.replies.language import Speech

SOUND, PHOTO, CHOSEN = "🔊", "🖼", "✓"
_PER_ROW = 2
"""Names are long."""


@dataclass(frozen=True, slots=True)
class UseFamily(Press):
    """Make a family the presser's default."""

    prefix: ClassVar[str] = "use"
    family: str


def text(offer: Offer, default: str | None, credit_usd: Decimal, speech: Speech) -> str:
    """Return the menu: two lines for each family."""
    if not offer.families:
        return speech.gettext("There is nothing to choose right now.")
    parts = [_family(family, default, offer, credit_usd, speech) for family in offer]
    legend = speech.gettext("{sound} with sound · {photo} from a photo").format(
        sound=SOUND, photo=PHOTO
    )
    return "\n\n".join([*parts, legend])


def _family(
    family: Family, default: str | None, offer: Offer, credit_usd: Decimal, speech: Speech
) -> str:
    modes = family.modes.values()
    marks = [
        *([SOUND] if any(mode.sound for mode in modes) else []),
        *([PHOTO] if family.i2v else []),
    ]
    title = f"{CHOSEN} {family.title}" if family.name == default else family.title
    shapes = list(dict.fromkeys(shape for mode in modes for shape in mode.aspect_ratios))
    facts = [
        _lengths(sorted({seconds for mode in modes for seconds in mode.seconds}), speech),
        ", ".join(shapes) or speech.gettext("the photo's shape"),
        speech.gettext("from {cost}").format(
            cost=speech.credits(_cheapest(family, offer, credit_usd))
        ),
        about(speech, min(mode.typical_seconds for mode in modes)),
    ]
    return f"{' '.join([title, *marks])}\n{' · '.join(facts)}"


def _lengths(seconds: Sequence[int], speech: Speech) -> str:
    """Write lengths in seconds: "4, 8, 12 s", or "3–15 s" where none between is missing."""
    whole = len(seconds) > 2 and list(seconds) == list(range(seconds[0], seconds[-1] + 1))  # noqa: PLR2004 - two are a list
    listed = f"{seconds[0]}\N{EN DASH}{seconds[-1]}" if whole else ", ".join(map(str, seconds))
    return speech.gettext("{lengths} s").format(lengths=listed)


def _cheapest(family: Family, offer: Offer, credit_usd: Decimal) -> int:
    """Return the credits of the family's usual video, the cheaper where kinds differ."""
    usual = [settle(Wishes(model=family.name), Defaults(), offer, kind) for kind in KINDS]
    return min(
        fallback.priced(choice, credit_usd).credits
        for choice in usual
        if isinstance(choice, Choice)
    )


def buttons(offer: Offer, default: str | None) -> list[list[Button]]:
    """Return a button for each family but the one that is chosen."""
    row = [
        Button(family.title, UseFamily(family.name)) for family in offer if family.name != default
    ]
    return [row[start : start + _PER_ROW] for start in range(0, len(row), _PER_ROW)]


async def models(update: Update, context: Context) -> None:
    """Show what can be chosen from; choosing is for those alone with the bot."""
    asker = await meet(update, context.services)
    if asker is None:
        return
    default = asker.person.family if asker.person else None
    await _show(context.services, asker, default)


async def _show(
    services: Services, asker: Asker, default: str | None, message_id: int | None = None
) -> None:
    """Show the menu, in the message it stands in already where that is still there."""
    offer = services.offer
    words = text(offer, default, services.terms.credit_usd, asker.speech)
    rows = buttons(offer, default) if asker.chat.is_private else []
    if message_id is not None:
        try:
            await services.outbox.edit(asker.chat, message_id, words, rows)
        except Refused:
            pass  # deleted, or too old to be changed
        else:
            return
    await services.outbox.say(asker.chat, words, buttons=rows, thread_id=asker.thread_id)


async def use(update: Update, context: Context) -> None:
    """Make a family the default of whoever tapped it."""
    services, found = context.services, await pressed(update, context, UseFamily)
    if found is None:
        return
    query, press, asker = found
    changes = asker.person and chosen(asker.person, services.offer, "family", press.family)
    say = asker.speech.gettext
    if not changes or asker.person is None:
        await services.outbox.answer(query.id, say("Not offered now."))
        return
    async with services.db.transaction() as tx:
        await people.set_default(tx, asker.person.id, **changes)
    await services.outbox.answer(query.id, say("Saved."))
    message_id = query.message.message_id if query.message else None
    await _show(services, asker, press.family, message_id)


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what answers /models and its buttons."""
    return [on("models", models), CallbackQueryHandler(use, pattern=UseFamily.matches)]
