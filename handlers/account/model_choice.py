"""/models: a menu of the model families with lengths, shapes and prices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from generation.models.offer import KINDS, Offer
from generation.orders.options import Choice, Defaults, Options, price_choice, resolve
from handlers.account.settings import changes_for
from handlers.replies.keyboards import Button, CallbackData, in_rows, page_buttons, ticked
from handlers.replies.texts import approximate_duration
from handlers.routing import Router
from storage import people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generation.models.offer import Family
    from handlers.context import Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender

router = Router()

SOUND, PHOTO, TIME = "🔊", "🖼", "⏱"
PER_PAGE = 12
"""Families in one message."""
MAX_LENGTHS = 8
"""Lengths of a family whose prices are listed."""


class UseFamily(CallbackData, prefix="use"):
    """Make a family the presser's default."""

    family: str


class ShowFamily(CallbackData, prefix="model"):
    """Show the prices of a family, in the message that shows a page."""

    family: str


class ShowPage(CallbackData, prefix="models"):
    """Show a page of the menu; the first is 0."""

    page: int


def pages(offer: Offer) -> list[Offer]:
    """Split the offer into pages; there is at least one, which may be empty."""
    starts = range(0, max(1, len(offer.families)), PER_PAGE)
    return [replace(offer, families=offer.families[at : at + PER_PAGE]) for at in starts]


def _page_of(offer: Offer, family: str | None) -> int:
    return next((page for page, part in enumerate(pages(offer)) if family in part), 0)


def text(offer: Offer, default: str | None, translator: Translator, page: int = 0) -> str:
    """Return a page of the menu, with three lines for each family."""
    if not offer.families:
        return translator.gettext("There is nothing to choose right now.")
    parts = [_family_lines(family, default, offer, translator) for family in pages(offer)[page]]
    legend = translator.gettext(
        "{sound} with sound · {photo} from a photo · {time} how long it takes"
    ).format(sound=SOUND, photo=PHOTO, time=TIME)
    return "\n\n".join([*parts, legend])


def _family_lines(family: Family, default: str | None, offer: Offer, translator: Translator) -> str:
    modes = family.modes.values()
    marks = [
        *([SOUND] if any(mode.sound for mode in modes) else []),
        *([PHOTO] if family.i2v else []),
    ]
    title = ticked(family.title, is_on=family.name == default)
    video = [
        _lengths(family.seconds, translator),
        ", ".join(family.aspect_ratios) or translator.gettext("the photo's shape"),
    ]
    costs = [
        translator.gettext("from {cost}").format(cost=translator.credits(_cheapest(family, offer))),
        f"{TIME} {approximate_duration(translator, min(mode.typical_seconds for mode in modes))}",
    ]
    return "\n".join([" ".join([title, *marks]), " · ".join(video), " · ".join(costs)])


def _lengths(seconds: Sequence[int], translator: Translator) -> str:
    """Write lengths in seconds: "4, 8, 12 s", or "3–15 s" if they are consecutive."""
    whole = len(seconds) > 2 and list(seconds) == list(range(seconds[0], seconds[-1] + 1))  # noqa: PLR2004 - two are a list
    listed = f"{seconds[0]}\N{EN DASH}{seconds[-1]}" if whole else ", ".join(map(str, seconds))
    return translator.gettext("{lengths} s").format(lengths=listed)


def _cheapest(family: Family, offer: Offer) -> int:
    """Return the credits of the family's usual video, of the cheaper kind if they differ."""
    choices = [resolve(Options(model=family.name), Defaults(), offer, kind) for kind in KINDS]
    return min(price_choice(one, offer).credits for one in choices if isinstance(one, Choice))


def buttons(offer: Offer, default: str | None, page: int = 0) -> list[list[Button]]:
    """Return a button for each family of a page, and those that turn pages."""
    parts = pages(offer)
    row = [
        Button(ticked(family.title, is_on=family.name == default), ShowFamily(family.name))
        for family in parts[page]
    ]
    beside = page_buttons(page, len(parts), ShowPage)
    return in_rows(row, 2) + ([beside] if beside else [])


@router.command("models")
async def models(sender: Sender, services: Services) -> None:
    """Show the menu; a choice can be made in private only."""
    default = sender.person.family if sender.person else None
    page = _page_of(services.offer, default) if sender.chat.is_private else 0
    await _show(services, sender, default, page)


async def _show(
    services: Services, sender: Sender, default: str | None, page: int, shown: int | None = None
) -> None:
    offer, translator = services.offer, sender.translator
    words = text(offer, default, translator, page)
    if not sender.chat.is_private:
        if len(pages(offer)) > 1:
            more = translator.gettext(
                "There are {count} in all. /models shows them in our private chat."
            )
            words += "\n\n" + more.format(count=translator.number(len(offer.families)))
        await sender.reply(words)
        return
    await sender.show(words, buttons(offer, default, page), shown)


@router.button(UseFamily)
async def use(sender: Sender, press: UseFamily, shown: int | None, services: Services) -> None:
    """Make a family the presser's default."""
    changes = sender.person and changes_for(sender.person, services.offer, "family", press.family)
    _ = sender.translator.gettext
    if not changes or sender.person is None:
        await sender.answer(_("Not offered now."))
        return
    async with services.db.transaction() as tx:
        await people.set_default(tx, sender.person.id, **changes)
    await sender.answer(_("Saved."))
    if sender.chat.is_private:
        page = _page_of(services.offer, press.family)
        await _show(services, sender, press.family, page, shown)


def details(family: Family, default: str | None, offer: Offer, translator: Translator) -> str:
    """Describe a family, with the price of each length."""
    lines = [_family_lines(family, default, offer, translator), ""]
    kind, mode = next(iter(family.modes.items()))
    for seconds in mode.seconds[:MAX_LENGTHS]:
        options = Options(model=family.name, seconds=str(seconds))
        choice = resolve(options, Defaults(), offer, kind)
        if isinstance(choice, Choice):
            cost = translator.credits(price_choice(choice, offer).credits)
            length = translator.duration(seconds)
            lines.append(translator.gettext("{length}: {cost}").format(length=length, cost=cost))
    return "\n".join(lines)


@router.button(ShowFamily)
async def show_family(
    sender: Sender, press: ShowFamily, shown: int | None, services: Services
) -> None:
    """Show the prices of a family, with a button that makes it the default."""
    offer, translator = services.offer, sender.translator
    if press.family not in offer or sender.person is None or not sender.chat.is_private:
        await sender.answer(translator.gettext("Not offered now."))
        return
    await sender.answer()
    default, family = sender.person.family, offer[press.family]
    rows = [[Button(translator.gettext("◀ Back"), ShowPage(_page_of(offer, family.name)))]]
    if default != family.name:
        rows.insert(0, [Button(translator.gettext("Use this"), UseFamily(family.name))])
    words = details(family, default, offer, translator)
    await sender.show(words, rows, shown)


@router.button(ShowPage)
async def show_page(sender: Sender, press: ShowPage, shown: int | None, services: Services) -> None:
    """Show another page of the menu."""
    await sender.answer()
    if sender.person is not None and sender.chat.is_private:
        # there may be fewer pages by now
        page = min(press.page, len(pages(services.offer)) - 1)
        await _show(services, sender, sender.person.family, page, shown)
