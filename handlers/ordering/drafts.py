"""Order drafts: the words, the picture and the options of an order before it is placed."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from telegram import ExternalReplyInfo
from telegram.constants import MessageLimit

from generation.media.pictures import frame_of, which_frame
from generation.orders import quotes
from generation.orders.options import Defaults
from generation.orders.quotes import Quote
from generation.orders.reading import options_only, read, shows_nothing, strip_options
from handlers.attachments import Seen, is_fetchable, is_image, moving_in
from handlers.commands import COMMANDS
from handlers.replies.keyboards import max_fetch_bytes
from handlers.replies.texts import ZERO_WIDTH_SPACE, utf16_length
from handlers.senders import cause_of
from storage import SHARED_IDS, statistics
from storage.cards import FOLLOWS, CardContent, CardKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telegram import Message, User

    from generation.models.offer import Kind
    from generation.orders.options import Problem
    from generation.orders.quotes import Alternative
    from handlers.context import Services
    from handlers.senders import Sender
    from storage.cards import Card
    from storage.generations import Generation

_SIDE_UNIT = 80
"""Pixels per unit of an aspect ratio: cropping depends on the ratio alone, so any size will do."""
MAX_SIDE = 100_000
"""Pixels: ten times the size that Telegram reports of any video."""

_LAST_FRAME_OPTION = re.compile(r"(?:^|(?<=\s))(?:--|[—–]-?)last(?=\s|\Z)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SentPicture:
    """A picture in a message: Telegram's file id, and its size in pixels if Telegram told it.

    `by` is the id of the person who sent it, if known.
    """

    file_id: str
    width: int | None = None
    height: int | None = None
    by: int | None = None

    @classmethod
    def on(cls, card: Card) -> SentPicture | None:
        """Return the picture of a card, or None if it has none."""
        if card.picture is None:
            return None
        return cls(card.picture, card.picture_width, card.picture_height, card.picture_by)

    @classmethod
    def behind(cls, video: Generation) -> SentPicture | None:
        """Return the picture that a video was made from, or None if it was withdrawn."""
        return cls(video.picture, by=video.picture_by) if video.picture else None

    @classmethod
    def ending(cls, video: Generation) -> SentPicture:
        """Return the last frame of a video, in the aspect ratio that was ordered."""
        width, height = map(int, (video.aspect_ratio or "0:0").split(":"))
        frame = frame_of(video.file_id or "", last=True)
        return cls(frame, width * _SIDE_UNIT or None, height * _SIDE_UNIT or None, video.picture_by)

    @property
    def moves(self) -> bool:
        """Whether it is a frame of a video."""
        return which_frame(self.file_id) is not None

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels, or None if unknown."""
        return (self.width, self.height) if self.width and self.height else None

    @classmethod
    def of(cls, file_id: str, shown: object, by: int | None) -> SentPicture:
        """Return a picture with the size of the Telegram object, unless that size is absurd."""
        width, height = getattr(shown, "width", None), getattr(shown, "height", None)
        if not all(type(one) is int and 0 < one <= MAX_SIDE for one in (width, height)):
            width = height = None
        return cls(file_id, width, height, by)


def picture_of(message: Seen | None) -> SentPicture | None:
    """Return the picture in a message, or None if it has none that can be fetched."""
    if message is None:
        return None
    by = _picture_sender(message)
    sizes = message.photo or getattr(message, "new_chat_photo", ())
    if sizes:
        return SentPicture.of(sizes[-1].file_id, sizes[-1], by)
    document = message.document
    if document is None or not is_image(document) or not is_fetchable(document.file_size):
        return None
    # Telegram tells no size of a file, but its thumbnail has the same shape
    return SentPicture.of(document.file_id, document.thumbnail, by)


def any_picture_of(message: Seen | None, words: str = "") -> tuple[SentPicture | None, str]:
    """Return the picture, sticker or video frame in a message, and the remaining words.

    The frame is the first one, or the last if the words contain `--last`, which is removed.
    """
    still = picture_of(message)
    if message is None or still is not None:
        return still, words
    sticker = message.sticker
    if sticker is not None and not sticker.is_video:
        if sticker.is_animated:
            # vector animations cannot be rendered here
            return None, words
        return SentPicture.of(sticker.file_id, sticker, _picture_sender(message)), words
    moving = moving_in(message) or sticker
    if moving is None or not is_fetchable(moving.file_size, max_fetch_bytes(message.get_bot())):
        return None, words
    left, wants_last = _LAST_FRAME_OPTION.subn("", words)
    frame = frame_of(moving.file_id, last=bool(wants_last))
    return SentPicture.of(frame, moving, _picture_sender(message)), left.strip()


def _picture_sender(message: Seen) -> int | None:
    """Return the sender's user id, or None for channels, anonymous admins and bots."""
    user: User | None
    if isinstance(message, ExternalReplyInfo):
        user = getattr(message.origin, "sender_user", None)
    else:
        user = None if message.sender_chat else message.from_user
    if user is None or user.is_bot or user.id in SHARED_IDS:
        return None
    return user.id


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDraft:
    """An order before it is placed.

    `options` were tapped before the `text` was written, and are spelt as in a text. `origin` is
    `message`, `card` or `press`; `cause` is its idempotency key; the video replies to
    `message_id`. `asks` requires a tap whatever the price. `answers` is the id of the question it
    answers, which is asked again if the order is refused. `card` is the id of its card, and
    `instead` the alternative tapped there. A price above the `agreed` credits needs another tap:
    on a card, or if `taps_twice`, on the same button. `saw_cut` tells that the sender has seen
    how the picture is cropped.
    """

    text: str
    picture: SentPicture | None
    origin: str
    cause: str
    message_id: int | None
    asks: bool = False
    answers: int | None = None
    card: int | None = None
    instead: Alternative | None = None
    agreed: int | None = None
    taps_twice: bool = False
    saw_cut: bool = False
    options: str = ""

    @property
    def typed(self) -> str:
        """The options and the text, as they would be typed."""
        return f"{self.options} {self.text}".strip()

    @property
    def words(self) -> str:
        """The text without its options."""
        return read(self.text).prompt

    @property
    def kind(self) -> Kind:
        """Text to video, or image to video."""
        return "t2v" if self.picture is None else "i2v"


def is_own_message(message: Message) -> bool:
    """Return whether a message was written by its sender: not forwarded, no album, no other bot."""
    return not (message.forward_origin or message.media_group_id or message.via_bot)


_COMMAND_NAMES = frozenset(name for command in COMMANDS for name in command.names) | {"prompt"}


def _is_surely_idea(words: str) -> bool:
    """Return whether words surely describe a video.

    Not if they are small talk, a link, a question (it may be for the bot), or the name of a
    command or the placeholder PROMPT, copied from the help.
    """
    alone = words.strip("/[]<>\"'.! \n").lower()
    return not (
        small_talk(words)
        or shows_nothing(words)
        or words.rstrip().endswith(("?", "\uff1f", "\u061f"))
        or _begins_as_question(words)
        or alone in _COMMAND_NAMES
    )


def draft_of_message(
    message: Message, words: str, picture: SentPicture | None, *, asks: bool = False
) -> OrderDraft:
    """Return the order that a message holds.

    It asks for confirmation unless it is surely the sender's own idea, and too short to be the
    first part of a split text.
    """
    # present in text copied from one of the bot's captions
    words = words.replace(ZERO_WIDTH_SPACE, "")
    is_whole = utf16_length(words) <= MessageLimit.MAX_TEXT_LENGTH // 2
    said = read(words).prompt
    if picture is not None and said and (typed := options_only(words)):
        words, said, asks = typed, "", True
    is_idea = not said or _is_surely_idea(said)
    return OrderDraft(
        text=words,
        picture=picture,
        origin="message",
        cause=cause_of(message),
        message_id=message.message_id,
        asks=asks or not (is_own_message(message) and is_whole and is_idea),
    )


def is_question(card: Card) -> bool:
    """Whether the next message answers the card; a card with words waits for a tap."""
    if card.kind is CardKind.PICTURE:
        return card.picture is None or not strip_options(card.prompt)
    return card.kind is CardKind.QUESTION


def new_card(sender: Sender, draft: OrderDraft, *, kept: bool) -> CardContent:
    """Return the content of the card that holds a draft until it is tapped."""
    picture = draft.picture or SentPicture("")
    kind = CardKind.PICTURE if draft.picture else CardKind.PROMPT
    return CardContent(
        # each press asks a new question
        cause=f"{draft.cause}:{sender.press.query.id}" if sender.press else draft.cause,
        kind=CardKind.QUESTION if draft.cause.startswith(FOLLOWS) else kind,
        chat=sender.chat.id,
        thread_id=sender.thread_id,
        account=sender.account,
        message_id=draft.message_id,
        prompt=draft.typed,
        picture=picture.file_id or None,
        picture_width=picture.width,
        picture_height=picture.height,
        picture_by=picture.by,
        kept=kept,
    )


async def quote_draft(
    services: Services, sender: Sender, draft: OrderDraft
) -> Quote | tuple[Problem, ...]:
    """Return the quote of a draft for this sender, or the problems with its options.

    A changed default model is pointed out until the sender has had a video of the new one.
    """
    named, model = services.catalogue.named, read(draft.typed).requested.model
    if draft.origin != "message" and model and model not in named:
        # a button may be older than the operator's present choice of models
        named = services.catalogue.known
    quote = quotes.quote(
        draft.typed,
        kind=draft.kind,
        offer=services.offer,
        named=named,
        defaults=Defaults.of(sender.person, sender.group),
        picture_size=draft.picture.size if draft.picture else None,
        instead=draft.instead,
        reads=draft.origin != "press",
    )
    if not isinstance(quote, Quote) or quote.instead_of is None or quote.instead_of.chosen:
        return quote
    async with services.db.reading() as connection:
        had = await statistics.last_family(connection, sender.account, draft.kind)
    return replace(quote, instead_of=None) if had == quote.choice.family.name else quote


MAX_SMALL_TALK_LENGTH = 100
"""Characters; a longer text is never small talk."""


class SmallTalk(StrEnum):
    """Kinds of small talk, by priority: if a message has several, the first one here counts."""

    NO = "no"
    THANKS = "thanks"
    HELLO = "hello"
    NOTED = "noted"
    """Praise, laughter, yes: answered, but nothing is done."""


_GESTURES = re.compile(
    "[\u263a\u270a-\u270d\u2763\u2764\U0001f440-\U0001f450\U0001f493-\U0001f49f"
    "\U0001f600-\U0001f64f\U0001f90c-\U0001f92f\U0001f970-\U0001f97a\U0001fae0-\U0001fae9"
    "\U0001faf0-\U0001faf8]"
)
"""Emoji of faces, hands and hearts; any other may be an idea."""


def small_talk(text: str) -> SmallTalk | None:
    """Return the kind of small talk that a text consists of, or None.

    All phrases must be of one language, since a mix may be an idea in either.
    """
    if len(text) > MAX_SMALL_TALK_LENGTH:
        return None
    words = _normalized_words(text)
    if not words:
        # "?", "…"
        return SmallTalk.NOTED if text.strip() else None
    others = {word for word in words if not _GESTURES.fullmatch(word)}
    found = (
        _only_small_talk(words, phrases)
        for phrases, known in _phrases_by_language()[0]
        if others <= known
    )
    return next(filter(None, found), None)


def _only_small_talk(words: list[str], phrases: Mapping[str, str]) -> SmallTalk | None:
    """Return the kind of small talk if the words are known phrases and gestures only, else None.

    At each word, the longest phrase counts.
    """
    said, at = set[str](), 0
    while at < len(words):
        spans = (" ".join(words[at:end]) for end in range(len(words), at, -1))
        phrase = next((span for span in spans if span in phrases), "")
        if not phrase and not _GESTURES.fullmatch(words[at]):
            return None
        said.add(phrases.get(phrase, SmallTalk.NOTED))
        at += phrase.count(" ") + 1
    return next((kind for kind in SmallTalk if kind in said), None)


_ACCENTS = "[\u0300-\u036f\u064b-\u0655\u0670\u0640\u200b-\u200f]"
_ONE_WORD_EACH = "([\u3040-\u30ff\u3400-\u9fff])"
"""Characters of Japanese and Chinese, which have no spaces between words."""


def _normalized_words(text: str) -> list[str]:
    """Return the words and symbols of a text, without case, accents and punctuation."""
    text = re.sub(_ACCENTS, "", unicodedata.normalize("NFKD", text.casefold()))
    # map the Arabic forms of yeh and kaf to the Persian ones
    text = unicodedata.normalize("NFC", text).translate({0x064A: 0x06CC, 0x0643: 0x06A9})
    text = re.sub(r"['’‘\u02bb\u02bc`]", "", text)
    # "noooo", "hiii"
    text = re.sub(r"(.)\1{2,}", r"\1", text)
    found = re.findall(r"[^\W_](?:[^\W_]|[\u0900-\u094f])*|[^\w\s]", text)
    words = (one for one in found if one[0].isalnum() or unicodedata.category(one) == "So")
    return re.sub(_ONE_WORD_EACH, r" \1 ", " ".join(words)).split()


@cache
def _phrases_by_language() -> tuple[
    tuple[tuple[dict[str, str], frozenset[str]], ...], frozenset[str]
]:
    """Return each language's phrases and their words, and the words that questions begin with.

    Every language includes the English phrases.
    """
    data = resources.files("handlers.ordering") / "small_talk.json"
    languages = json.loads(data.read_text(encoding="utf-8"))
    questions = frozenset(
        " ".join(_normalized_words(begins)) for begins in languages.pop("questions")
    )
    english = _by_phrase({kind: languages["en"][kind] for kind in SmallTalk})
    phrases = [english | _by_phrase(spoken) for spoken in languages.values()]
    return tuple((one, frozenset(" ".join(one).split())) for one in phrases), questions


def _begins_as_question(text: str) -> bool:
    """Return whether a text begins like a question: people often omit the question mark."""
    words, (_, questions) = _normalized_words(text[:MAX_SMALL_TALK_LENGTH]), _phrases_by_language()
    return any(" ".join(words[:count]) in questions for count in range(1, 6))


def _by_phrase(spoken: dict[str, list[str]]) -> dict[str, str]:
    """Return the kind of each phrase; if it has several, the first counts."""
    return {
        " ".join(_normalized_words(phrase)): kind
        for kind, phrases in reversed(spoken.items())
        for phrase in phrases
    }


def replied_to(message: Message) -> Message | None:
    """Return the message that this one replies to, or None.

    Telegram marks every message of a topic as a reply to the message that created the topic.
    """
    reply = message.reply_to_message
    return None if reply is None or reply.forum_topic_created is not None else reply


def shown_by_reply(message: Message) -> Seen | None:
    """Return the message that this one replies to, even if it is in another chat or topic."""
    return replied_to(message) or message.external_reply
