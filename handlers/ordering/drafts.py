"""What somebody wants, as it was said or tapped; nothing is promised yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handlers.routing import cause_of
from storage.cards import CardKind, Draft

if TYPE_CHECKING:
    from telegram import Message

    from generation.models.offer import Kind
    from generation.orders.quotes import Instead
    from handlers.identity import Sender


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
    that stood on the button; `answers` is the card that is settled once this is a video or a card
    of its own; `tap` is the press still to be answered, and tells presses of one cause apart.
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
    answers: int | None = None
    tap: str = ""

    @property
    def kind(self) -> Kind:
        """From text alone, or from a picture."""
        return "t2v" if self.picture is None else "i2v"


def is_own(message: Message) -> bool:
    """Whether somebody meant just this message: none that was forwarded, or part of an album."""
    return message.forward_origin is None and message.media_group_id is None


def wish_of(
    sender: Sender, message: Message, words: str, picture: SentPicture | None, *, asks: bool = False
) -> Wish:
    """Return the wish a message holds; forwards and albums are asked about, never just charged."""
    return Wish(
        text=words,
        picture=picture,
        origin="message",
        cause=cause_of(sender.chat, message),
        message_id=message.message_id,
        asks=asks or not is_own(message),
    )


def draft(sender: Sender, wish: Wish) -> Draft:
    """Return the card that keeps a wish until it is tapped."""
    return Draft(
        # what one press asked is over when the next is made
        cause=f"{wish.cause}:{wish.tap}" if wish.tap else wish.cause,
        kind=CardKind.PROMPT if wish.picture is None else CardKind.PICTURE,
        chat=sender.chat.id,
        thread_id=sender.thread_id,
        account=sender.account,
        message_id=wish.message_id,
        prompt=wish.text,
        picture=wish.picture.file_id if wish.picture else None,
        picture_width=wish.picture.width if wish.picture else None,
        picture_height=wish.picture.height if wish.picture else None,
        picture_by=wish.picture.by if wish.picture else None,
    )
