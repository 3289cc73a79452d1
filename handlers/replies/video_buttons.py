"""The buttons under a finished video: once more, go on from its end, share, take away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from generation.orders import quotes, substitutes
from generation.orders.options import Defaults
from handlers.replies.buttons import Button, CallbackData

if TYPE_CHECKING:
    from decimal import Decimal

    from generation.models.offer import Offer
    from handlers.replies.language import Translator
    from storage.generations import Generation


@dataclass(frozen=True, slots=True)
class Again(CallbackData):
    """Make another video like this one; whoever presses pays."""

    prefix: ClassVar[str] = "again"
    generation: int


@dataclass(frozen=True, slots=True)
class GoOn(CallbackData):
    """Make a video that begins with this one's last frame; whoever presses pays."""

    prefix: ClassVar[str] = "goon"
    generation: int


@dataclass(frozen=True, slots=True)
class Change(CallbackData):
    """Ask for other words, and make them with all else as it was."""

    prefix: ClassVar[str] = "change"
    generation: int


@dataclass(frozen=True, slots=True)
class Remove(CallbackData):
    """Take the video out of the chat."""

    prefix: ClassVar[str] = "remove"
    generation: int


@dataclass(frozen=True, slots=True)
class More(CallbackData):
    """Show the buttons that are needed less."""

    prefix: ClassVar[str] = "more"
    generation: int


@dataclass(frozen=True, slots=True)
class ResultButtons:
    """Lays out the buttons under a video; `shares` is whether the bot has inline mode."""

    offer: Offer
    credit_usd: Decimal
    shares: bool

    def under(
        self, video: Generation, translator: Translator, *, in_private: bool, unfolded: bool = False
    ) -> list[list[Button]]:
        """Return the rows: in private the useful three and the rest on demand, in a group all."""
        say = translator.gettext
        again = Button(
            say("🔁 Again · {credits}").format(credits=translator.number(video.credits)),
            Again(video.id),
        )
        rest = [*self._on(video, translator), Button(say("🗑 Delete"), Remove(video.id))]
        if not in_private:
            # the long label has a row of its own
            return [[again, rest[-1]], rest[:-1]]
        first = [again, Button(say("✏️ Change"), Change(video.id))]
        if self.shares:
            first.append(Button(say("↗️ Share"), share=f"#{video.id}"))
        return [first, rest if unfolded else [Button(say("More…"), More(video.id))]]

    def _on(self, video: Generation, translator: Translator) -> list[Button]:
        """Return the button to go on from the last frame, with its price, where that is offered."""
        quote = quotes.quote(
            substitutes.going_on(video, self.offer),
            kind="i2v",
            offer=self.offer,
            defaults=Defaults(),
            credit_usd=self.credit_usd,
        )
        if not isinstance(quote, quotes.Quote):
            return []
        label = translator.gettext("🎞 Animate its last frame · {credits}")
        return [Button(label.format(credits=translator.number(quote.credits)), GoOn(video.id))]
