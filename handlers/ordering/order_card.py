"""Order cards: what a card says of the video it would start, its buttons, and where it is shown."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self, Unpack

from generation.media.formats import MediaError
from generation.media.pictures import BadPicture, PictureDelayed, PictureGone, which_frame
from generation.orders import reading
from generation.orders.quotes import Instead
from generation.orders.substitutes import keeping
from handlers.ordering.drafts import SentPicture
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.texts import described, gone, shortened, unlinked, worth
from storage import cards
from storage.cards import CardKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiosqlite import Connection

    from generation.orders.balances import Balance, Pool
    from generation.orders.quotes import Quote
    from generation.orders.substitutes import Priced
    from handlers.context import Services
    from handlers.replies.outbox import Manner, Said
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.cards import Card

logger = logging.getLogger(__name__)

LONGEST_PROMPT = 400
"""Characters of the prompt shown on a card."""


@dataclass(frozen=True, slots=True)
class Start(CallbackData):
    """Make the video of a card, for as many credits as the button says.

    What is 0 or empty else stays as the card says.
    """

    prefix: ClassVar[str] = "start"
    card: int
    seconds: int = 0
    family: str = ""
    fit: str = ""
    shape: str = ""
    resolution: str = ""
    credits: int = 0

    @classmethod
    def with_instead(cls, card: int, instead: Instead, credits_: int) -> Self:
        """Return what a button for something else than the card says carries."""
        # the colon of a shape separates fields in a button
        shape = instead.aspect_ratio.replace(":", "x")
        return cls(
            card, instead.seconds, instead.family, instead.fit, shape, instead.resolution, credits_
        )

    @property
    def instead(self) -> Instead:
        """What was tapped in the place of what the card says."""
        shape = self.shape.replace("x", ":")
        return Instead(self.seconds, self.family, self.fit, shape, self.resolution)


@dataclass(frozen=True, slots=True)
class StartAlone(CallbackData):
    """Make the video of a card that changes another, by what should be different alone."""

    prefix: ClassVar[str] = "alone"
    card: int
    credits: int


@dataclass(frozen=True, slots=True)
class Drop(CallbackData):
    """Make nothing of a card."""

    prefix: ClassVar[str] = "drop"
    card: int


def price(
    quote: Quote, balance: Balance, pool: Pool | None, translator: Translator, *, in_private: bool
) -> str:
    """Say what a video costs, and of what; how much somebody has is told to them alone."""
    cost = translator.number(quote.credits)
    if in_private:
        left = worth(translator, balance.total, quote.credits)
        return translator.gettext("{cost} of your {left}").format(cost=cost, left=left)
    if pool is not None and pool.available >= quote.credits:
        left = translator.credits(pool.left)
        return translator.gettext("{cost} of the group's {left}").format(cost=cost, left=left)
    return translator.credits(quote.credits)


def text(card: Card, quote: Quote, price: str, translator: Translator) -> str:
    """Return what a card says; `price` is in words."""
    prompt = unlinked(shortened(quote.prompt, LONGEST_PROMPT))
    head = _head(card, translator).format(prompt=prompt)
    if quote.instead_of is not None:
        return f"{head}\n\n{gone(quote, translator)}\n{price}"
    parts = [described(translator, quote), price]
    mode = quote.choice.mode
    if mode.sound and mode.fields.sound is None and reading.plain(quote.prompt).silent:
        sounds = translator.gettext("{model} always makes sound.")
        parts.insert(1, sounds.format(model=quote.choice.family.title))
    if quote.cuts:
        cut = translator.gettext("{share} of the photo is cut away")
        parts.insert(1, cut.format(share=translator.share(quote.lost)))
    return "\n".join([f"{head}\n", *parts])


def _head(card: Card, translator: Translator) -> str:
    """Ask what a card asks."""
    _, frame = translator.gettext, which_frame(card.picture or "")
    if card.asks_what_follows:
        return _("What happens next? Answer this with it, or tap Just go on.")
    if frame == "first":
        return (
            _("Animate its first frame?\n\n“{prompt}”")
            if card.prompt
            else _("Animate its first frame? Write what should happen, or tap Gentle movement.")
        )
    if frame == "last":
        return (
            _("Animate its last frame?\n\n“{prompt}”")
            if card.prompt
            else _("Animate its last frame? Write what should happen, or tap Gentle movement.")
        )
    if card.prompt or card.kind is not CardKind.PICTURE:
        return _("Make a video of this?\n\n“{prompt}”")
    return _("Nice! What should happen? Write it, or tap Gentle movement.")


def buttons(
    card: Card, quote: Quote, translator: Translator, *, keeping: Priced | None = None
) -> list[list[Button]]:
    """Return a card's buttons: to start, to leave it, to keep the whole of a picture.

    `keeping` is another family's video that keeps its shape.
    """
    cost = translator.number(quote.credits)
    if card.asks_what_follows:
        label = translator.gettext("🎞 Just go on · {credits}")
    elif card.kind is CardKind.PICTURE and not card.prompt:
        label = translator.gettext("Gentle movement · {credits}")
    elif quote.cuts:
        label = translator.gettext("✂️ Crop · {credits}")
    else:
        label = translator.gettext("🎬 Make it · {credits}")
    first = [Button(label.format(credits=cost), Start(card.id, credits=quote.credits))]
    others = list[list[Button]]()
    if quote.cuts:
        whole = translator.gettext("Whole picture · {credits}").format(credits=cost)
        # beside what it is the other choice to
        first.append(Button(whole, Start(card.id, fit="pad", credits=quote.credits)))
        if keeping is not None:
            family = keeping.choice.family
            other = translator.gettext("With {title} · {credits}").format(
                title=family.title, credits=translator.number(keeping.credits)
            )
            instead = Instead(family=family.name)
            others.append([Button(other, Start.with_instead(card.id, instead, keeping.credits))])
    if reading.CHANGE in card.prompt and not card.asks_what_follows:
        alone = translator.gettext("Only my words · {credits}").format(credits=cost)
        others.append([Button(alone, StartAlone(card.id, quote.credits))])
    leave = Button(translator.gettext("No"), Drop(card.id))
    return [first, *others, [leave]] if quote.cuts else [[*first, leave], *others]


async def note_shown(tx: Connection, sender: Sender, card: int, said: Said) -> None:
    """Remember where a card is shown: alone with its sender where their group takes no word."""
    alone = None if said.chat is sender.chat else said.chat.telegram_id
    await cards.shown(tx, card, said.message_id, alone_with=alone)


async def show_card(
    services: Services,
    sender: Sender,
    card: Card,
    text: str,
    **how: Unpack[Manner],
) -> None:
    """Put a card up, where it does not stand already as it is."""
    if card.state != "open" or (card.card_message is not None and sender.edited is None):
        return
    how["reply_to"] = card.message_id
    said = await sender.tell(text, **how)
    async with services.db.transaction() as tx:
        await note_shown(tx, sender, card.id, said)


CUT_SECONDS = 6.0
"""How long a card waits for its picture."""


async def cut_of(services: Services, card: Card, sent: SentPicture, quote: Quote) -> bytes | None:
    """Draw what would be cut away; None where that cannot be had soon: the text says it too."""
    try:
        async with asyncio.timeout(CUT_SECONDS):
            return await services.pictures.cut(sent.file_id, quote.frame, card.account)
    except (PictureGone, PictureDelayed, BadPicture, MediaError, TimeoutError) as error:
        logger.info("a card shows no picture: %r", error)
        return None


async def put_up(
    services: Services, sender: Sender, card: Card, quote: Quote, price: Callable[..., str]
) -> None:
    """Show a card, or on one that stands the words of its album that came since.

    Where its group takes no word it is shown, and paid, alone with its sender.
    """

    def said(*, in_private: bool) -> str:
        words = price(in_private=in_private)
        words = text(card, quote, words, sender.translator)
        if sender.is_late:
            words = sender.translator.gettext("I was away. Still want this?") + "\n\n" + words
        if not sender.account.is_person:
            # whoever writes as a group or a channel presses as somebody else
            words += "\n" + sender.translator.gettext("Send the command again to start it.")
        return words

    here = said(in_private=sender.chat.is_private)
    sent, other, picture = SentPicture.on(card), None, None
    if quote.cuts and sent is not None and sent.size is not None:
        other = keeping(
            quote.choice, quote.prompt, sent.size, services.offer, services.terms.credit_usd
        )
        if card.card_message is None:
            picture = await cut_of(services, card, sent, quote)
    rows = buttons(card, quote, sender.translator, keeping=other)
    if not sender.account.is_person:
        rows = []
    if card.card_message is not None and sender.edited is None:
        await sender.outbox.edit(sender.chat, card.card_message, here, rows)
    alone = said(in_private=True)
    await show_card(services, sender, card, here, buttons=rows, alone=alone, picture=picture)
