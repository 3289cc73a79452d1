"""What somebody wants, as it was said or tapped; nothing is promised yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.cards import CardKind, Draft

if TYPE_CHECKING:
    from generation.models import Kind
    from generation.quotes import Instead
    from handlers.identity import Asker


@dataclass(frozen=True, slots=True)
class SentPicture:
    """A picture somebody sent: Telegram's file id, its size in pixels where Telegram told it.

    `by` is who sent it: they may have taken away what was made of it.
    """

    file_id: str
    width: int | None = None
    height: int | None = None
    by: int | None = None

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height, where they are known."""
        return (self.width, self.height) if self.width and self.height else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants.

    `origin` is `message`, `card` or `press`; `cause` makes a repetition of it known;
    `message_id` is what the video answers; `asks` wants a tap even for a cheap video;
    `card` is the card it comes from, and `instead` what was tapped there; `agreed` are the credits
    that stood on the button; `tap` tells presses of one cause apart.
    """

    text: str
    picture: SentPicture | None
    origin: str
    cause: str
    message_id: int | None
    asks: bool = False
    card: int | None = None
    instead: Instead | None = None
    agreed: int = 0
    tap: str = ""

    @property
    def kind(self) -> Kind:
        """From text alone, or from a picture."""
        return "t2v" if self.picture is None else "i2v"


def draft(asker: Asker, wish: Wish) -> Draft:
    """Return the card that keeps a wish until it is tapped."""
    return Draft(
        # what one press asked is over when the next is made
        cause=f"{wish.cause}:{wish.tap}" if wish.tap else wish.cause,
        kind=CardKind.PROMPT if wish.picture is None else CardKind.PICTURE,
        chat=asker.chat.id,
        thread_id=asker.thread_id,
        account=asker.account,
        message_id=wish.message_id,
        prompt=wish.text,
        picture=wish.picture.file_id if wish.picture else None,
        picture_width=wish.picture.width if wish.picture else None,
        picture_height=wish.picture.height if wish.picture else None,
        picture_by=wish.picture.by if wish.picture else None,
    )
