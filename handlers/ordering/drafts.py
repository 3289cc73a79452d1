"""An order before it is placed: what somebody wants, as it was said or tapped, and its price."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from generation.orders import quotes
from generation.orders.options import Defaults
from generation.orders.quotes import Quote
from handlers.identity import cause_of
from handlers.ordering.addressed import small_talk
from handlers.ordering.pictures import SentPicture
from storage import generations
from storage.cards import CardKind, Draft

if TYPE_CHECKING:
    from telegram import Message

    from generation.models.offer import Kind
    from generation.orders.options import Problem
    from generation.orders.quotes import Instead
    from handlers.context import Services
    from handlers.identity import Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDraft:
    """An order before it is placed.

    `origin` is `message`, `card` or `press`; `cause` makes a repetition of it known;
    `message_id` is what the video answers; `asks` wants a tap even for a cheap video;
    `answers` is the question it answers, which is asked anew where there can be no such video;
    `card` is the card it comes from, and `instead` what was tapped there; `tap` is the press still
    to be answered, and tells presses of one cause apart. For more credits than were `agreed`
    another tap is needed: on a card, or where it `taps_twice` on the same button.
    """

    text: str
    picture: SentPicture | None
    origin: str
    cause: str
    message_id: int | None
    asks: bool = False
    answers: int | None = None
    card: int | None = None
    instead: Instead | None = None
    agreed: int | None = None
    tap: str = ""
    taps_twice: bool = False

    @property
    def kind(self) -> Kind:
        """From text alone, or from a picture."""
        return "t2v" if self.picture is None else "i2v"


def is_own(message: Message) -> bool:
    """Whether somebody meant just this message: none that was forwarded, or part of an album."""
    return message.forward_origin is None and message.media_group_id is None


def draft_of(
    message: Message, words: str, picture: SentPicture | None, *, asks: bool = False
) -> OrderDraft:
    """Return the order a message holds; forwards, albums and small talk are never just charged."""
    return OrderDraft(
        text=words,
        picture=picture,
        origin="message",
        cause=cause_of(message),
        message_id=message.message_id,
        asks=asks or not is_own(message) or small_talk(words) is not None,
    )


def card_draft(sender: Sender, draft: OrderDraft, *, kept: bool) -> Draft:
    """Return the card that keeps an order until it is tapped."""
    picture = draft.picture or SentPicture("")
    return Draft(
        # what one press asked is over when the next is made
        cause=f"{draft.cause}:{draft.tap}" if draft.tap else draft.cause,
        kind=CardKind.PICTURE if draft.picture else CardKind.PROMPT,
        chat=sender.chat.id,
        thread_id=sender.thread_id,
        account=sender.account,
        message_id=draft.message_id,
        prompt=draft.text,
        picture=picture.file_id or None,
        picture_width=picture.width,
        picture_height=picture.height,
        picture_by=picture.by,
        kept=kept,
    )


async def quoted(
    services: Services, sender: Sender, draft: OrderDraft
) -> Quote | tuple[Problem, ...]:
    """Say what an order would be and cost for this sender.

    That our own choice for those who make none is another one now is said until they had it.
    """
    person = sender.person
    defaults = (
        Defaults(person.family, person.seconds, person.aspect_ratio, person.resolution)
        if person
        else Defaults()
    )
    quote = quotes.quote(
        draft.text,
        kind=draft.kind,
        offer=services.offer,
        named=services.catalogue.named,
        defaults=defaults,
        credit_usd=services.terms.credit_usd,
        picture_size=draft.picture.size if draft.picture else None,
        instead=draft.instead,
    )
    if not isinstance(quote, Quote) or quote.instead_of is None or quote.instead_of.chosen:
        return quote
    async with services.db.reading() as connection:
        had = await generations.last_family(connection, sender.account, draft.kind)
    return replace(quote, instead_of=None) if had == quote.choice.family.name else quote
