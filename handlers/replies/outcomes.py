"""How sending can end; python-telegram-bot's errors are translated here and nowhere else.

SendError
├── NotSent       surely not sent; try again, after `retry_after` seconds where given
├── LeftOut       not sent, because nobody misses it and the chat's budget is spent
├── SentPerhaps   the answer was lost: it may have arrived
├── ChatMoved         the group became a supergroup: `telegram_id` is its new id
├── Unreachable   the bot cannot speak to this chat (blocked, removed, deleted)
├── NoTopic       the topic is closed or gone; the chat itself may be reachable
├── UploadTooLarge      the file is over what the server takes
└── Refused       Telegram will not take this message, however often it is sent
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta


class SendError(Exception):
    """A message did not surely arrive."""


class NotSent(SendError):
    """Telegram surely did not take it; `retry_after` is in seconds."""

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class LeftOut(SendError):
    """It was cosmetic, and the chat's budget for speaking is needed for what matters."""


class SentPerhaps(SendError):
    """The answer was lost: nobody can tell whether it arrived."""


class ChatMoved(SendError):
    """The group became a supergroup."""

    def __init__(self, telegram_id: int) -> None:
        super().__init__(f"the chat is now {telegram_id}")
        self.telegram_id = telegram_id


class Unreachable(SendError):
    """The bot cannot speak to this chat."""


class NoTopic(SendError):
    """The topic is closed or gone."""


class UploadTooLarge(SendError):
    """The file is over what the server takes."""


class Refused(SendError):
    """Telegram will not take this message."""


_NO_TOPIC = ("message thread not found", "topic_closed", "topic_deleted", "topic closed")
_UNREACHABLE = (
    "chat not found",
    "user is deactivated",
    "not enough rights",
    "have no rights",
    "need administrator rights",
    "chat_write_forbidden",
    "chat_restricted",
    "group chat was deleted",
    "peer_id_invalid",
    "kicked",
)
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@contextmanager
def translated() -> Iterator[None]:
    """Raise ours instead of python-telegram-bot's errors."""
    try:
        yield
    except TelegramError as error:
        raise translate(error) from error


def translate(error: TelegramError) -> SendError:
    """Say what an error of python-telegram-bot means for the message that was to be sent."""
    outcome: SendError = SentPerhaps(error.message)
    match error:
        case RetryAfter():
            outcome = NotSent(error.message, seconds(error.retry_after))
        case ChatMigrated():
            outcome = ChatMoved(error.new_chat_id)
        case Forbidden():
            outcome = Unreachable(error.message)
        case BadRequest():
            outcome = _refusal(error.message)
        case InvalidToken():
            outcome = NotSent(error.message)
        case _ if isinstance(error.__cause__, _NEVER_LEFT):
            outcome = NotSent(error.message)
        case _ if "too large" in error.message.lower():
            outcome = UploadTooLarge(error.message)
    return outcome


def _refusal(text: str) -> SendError:
    lowered = text.lower()
    if any(words in lowered for words in _NO_TOPIC):
        return NoTopic(text)
    if any(words in lowered for words in _UNREACHABLE):
        return Unreachable(text)
    return Refused(text)


def seconds(wait: float | timedelta) -> float:
    """Return a wait of python-telegram-bot's in seconds, whichever of its two forms it has."""
    return wait if isinstance(wait, int | float) else wait.total_seconds()
