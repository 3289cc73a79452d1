"""The card that asks before a video is started: what it would be, what it costs, one tap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from generation.media.pictures import is_frame, share_lost
from generation.orders.quotes import Instead
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.texts import described, gone, shortened, worth
from storage.cards import CardKind

if TYPE_CHECKING:
    from generation.orders.balances import Balance, Pool
    from generation.orders.quotes import Quote
    from handlers.replies.texts import Translator
    from storage.cards import Card

WORTH_SAYING = 0.1
"""The share of a picture whose loss somebody would notice."""
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
class Drop(CallbackData):
    """Make nothing of a card."""

    prefix: ClassVar[str] = "drop"
    card: int


def price(
    quote: Quote, balance: Balance, pool: Pool | None, translator: Translator, *, in_private: bool
) -> str:
    """Say what a video costs, and of what; how much somebody has is told to them alone."""
    cost = translator.credits(quote.credits)
    if in_private:
        left = worth(translator, balance.total, quote.credits)
        return translator.gettext("{cost} of your {left}").format(cost=cost, left=left)
    if pool is not None and pool.available >= quote.credits:
        left = translator.credits(pool.left)
        return translator.gettext("{cost} of the group's {left}").format(cost=cost, left=left)
    return cost


def text(card: Card, quote: Quote, price: str, translator: Translator) -> str:
    """Return what a card says; `price` is in words."""
    if card.picture is not None and is_frame(card.picture) and not card.prompt:
        head = translator.gettext(
            "Animate its first frame? Write what should happen, or tap Gentle movement."
        )
    elif card.kind is CardKind.PICTURE and not card.prompt:
        head = translator.gettext("Nice! What should happen? Write it, or tap Gentle movement.")
    else:
        head = translator.gettext("Make a video of this?\n\n“{prompt}”").format(
            prompt=shortened(quote.prompt, LONGEST_PROMPT)
        )
    if quote.instead_of is not None:
        return f"{head}\n\n{gone(quote, translator)}\n{price}"
    parts = [described(translator, quote), price]
    if quote.choice.fit == "crop" and (lost := _lost(card, quote)) > WORTH_SAYING:
        parts.insert(
            1,
            translator.gettext("{share} of the photo is cut away").format(
                share=translator.share(lost)
            ),
        )
    return "\n".join([f"{head}\n", *parts])


def buttons(card: Card, quote: Quote, translator: Translator) -> list[list[Button]]:
    """Return a card's buttons: to start, to leave it, to keep the whole of a picture."""
    label = (
        translator.gettext("Gentle movement · {credits}")
        if card.kind is CardKind.PICTURE and not card.prompt
        else translator.gettext("🎬 Make it · {credits}")
    )
    rows = [
        [
            Button(
                label.format(credits=translator.number(quote.credits)),
                Start(card.id, credits=quote.credits),
            ),
            Button(translator.gettext("No"), Drop(card.id)),
        ]
    ]
    if quote.choice.fit == "crop" and _lost(card, quote) > WORTH_SAYING:
        whole = translator.gettext("Whole picture · {credits}").format(
            credits=translator.number(quote.credits)
        )
        rows.append([Button(whole, Start(card.id, fit="pad", credits=quote.credits))])
    return rows


def _lost(card: Card, quote: Quote) -> float:
    """Return the share of the picture that filling the video's shape would cut away."""
    if not card.picture_width or not card.picture_height or quote.aspect_ratio is None:
        return 0.0
    return share_lost(card.picture_width, card.picture_height, quote.aspect_ratio)
