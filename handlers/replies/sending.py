"""Rate limits per chat, and the errors of sending.

Telegram accepts about one message a second in a private chat and 20 a minute in a group, and
answers more with 429. Each chat has its own limiter, in which messages wait, the most urgent
first, so a chat with a 429 delays no other. A cosmetic request that would have to wait is skipped.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import re
from contextlib import contextmanager, nullcontext, suppress
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx
from aiolimiter import AsyncLimiter
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)
from telegram.ext import BaseRateLimiter

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from contextlib import AbstractAsyncContextManager
    from datetime import timedelta

    from telegram._utils.types import JSONDict


Placement: TypeAlias = "tuple[int | None, int | None]"
"""Where a message goes in a chat: the ids of its topic and of the message it replies to."""


class SendError(Exception):
    """A message was not sent, or may not have been."""


class NotSent(SendError):
    """The message was certainly not sent; `retry_after` is in seconds."""

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Skipped(SendError):
    """A cosmetic request was not made, since the chat's budget is needed for other messages."""


class MaybeSent(SendError):
    """Telegram's answer was lost, so the message may have been sent."""


class Unreadable(MaybeSent):
    """The message was sent, but Telegram's answer is malformed, so its id is unknown."""


class ChatMoved(SendError):
    """The group became a supergroup."""

    def __init__(self, telegram_id: int) -> None:
        super().__init__(f"the chat is now {telegram_id}")
        self.telegram_id = telegram_id


class Unreachable(SendError):
    """The bot cannot write to this chat."""


class UploadTooLarge(SendError):
    """The file is larger than the server accepts."""


class Refused(SendError):
    """Telegram rejected the message."""


class NotPermitted(Refused):
    """The bot may not send this kind of message to the chat, though it may send others."""


class Misplaced(Refused):
    """The topic, or the message to reply to, does not exist in the chat."""

    def elsewhere(self, thread_id: int | None, reply_to: int | None) -> Placement | None:
        """Return the next placement to try in the chat, or None if there is none."""
        return None if reply_to is None else (thread_id, None)


class NoTopic(Misplaced):
    """The topic is closed or gone."""

    def __init__(self, text: str, *, is_closed: bool) -> None:
        super().__init__(text)
        self.is_closed = is_closed

    def elsewhere(self, thread_id: int | None, reply_to: int | None) -> Placement | None:
        """Return the next placement: a reply goes to its message's topic, even a closed one."""
        if thread_id is None:
            return super().elsewhere(thread_id, reply_to)
        return None, None if self.is_closed else reply_to


UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)
"""What python-telegram-bot raises for a malformed answer."""
_NOT_PERMITTED = re.compile(
    "not enough rights|have no rights|need administrator rights|chat_restricted"
    "|chat_write_forbidden|chat_send_[a-z]+_forbidden"
)
_REFUSALS: tuple[tuple[re.Pattern[str], Callable[[str], SendError]], ...] = (
    (re.compile("topic_closed|topic closed"), partial(NoTopic, is_closed=True)),
    (re.compile("message thread not found|topic_deleted"), partial(NoTopic, is_closed=False)),
    (
        re.compile(
            "message to be replied not found|replied message not found"
            "|message to reply not found|reply_message_id_invalid"
        ),
        Misplaced,
    ),
    (_NOT_PERMITTED, NotPermitted),
    (
        re.compile(
            "chat not found|user is deactivated|group chat was deleted|peer_id_invalid|kicked"
        ),
        Unreachable,
    ),
)
"""The meaning of Telegram's error descriptions, in lower case."""
_NOT_SENT_ERRORS = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn the errors of python-telegram-bot into SendErrors, those of parsing an answer too."""
    try:
        yield
    except TelegramError as error:
        raise to_send_error(error) from error
    except UnicodeError:
        raise  # from encoding the request
    except UNREADABLE as error:
        raise Unreadable(f"an answer nobody can read: {error!r}") from error


def to_send_error(error: TelegramError) -> SendError:
    """Return what an error of python-telegram-bot means for the message that was to be sent."""
    outcome: SendError = MaybeSent(error.message)
    match error:
        case RetryAfter():
            outcome = NotSent(error.message, to_seconds(error.retry_after))
        case ChatMigrated():
            outcome = ChatMoved(error.new_chat_id)
        case Forbidden() if not _NOT_PERMITTED.search(error.message.lower()):
            outcome = Unreachable(error.message)
        case BadRequest() | Forbidden():
            said = error.message.lower()
            kinds = (kind for words, kind in _REFUSALS if words.search(said))
            outcome = next(kinds, Refused)(error.message)
        case InvalidToken():
            outcome = NotSent(error.message)
        case _ if isinstance(error.__cause__, _NOT_SENT_ERRORS):
            outcome = NotSent(error.message)
        case _ if "too large" in error.message.lower():
            outcome = UploadTooLarge(error.message)
    return outcome


def to_seconds(wait: float | timedelta) -> float:
    """Return python-telegram-bot's `retry_after` in seconds, whichever type it has."""
    return wait if isinstance(wait, int | float) else wait.total_seconds()


FINISH_SECONDS = 1.0
"""How long a cancelled task waits in `run_to_completion`."""


async def run_to_completion(work: Coroutine[Any, Any, object]) -> None:
    """Finish some short work, even if this task is cancelled meanwhile."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(Exception):
            await asyncio.wait_for(task, FINISH_SECONDS)
        raise


MAX_WAIT_SECONDS = 60.0
"""How long an answer waits for its turn in a chat; later it is of no use."""
MAX_LIMITERS = 1000
"""Limiters kept; beyond that, idle ones are dropped."""

_COUNTED_PREFIXES = ("send", "copy", "forward", "edit")
"""Methods that Telegram counts against a chat's limit; not deletions, reactions and answers."""
_CHAT_ACTION = "sendChatAction"
"""Sent only if there is spare budget, and then without using it."""


class Urgency(IntEnum):
    """The priority of a request, most urgent first; python-telegram-bot does not pass on a 0."""

    RESULT = 1
    """A video: the sender has taken its turn before (`Pacing.turn`), and retries by itself."""
    ANSWER = 2
    """A reply that somebody waits for."""
    COSMETIC = 3
    """Status texts, their edits, chat actions, reactions."""


PRIVATE_LIMIT, GROUP_LIMIT = (3, 3.0), (5, 20.0)
"""A burst of messages, and the seconds that refill it; a group gets at most 20 in any minute."""
COSMETIC_LIMIT = 20
"""Cosmetic requests a second in all chats together: Telegram accepts about 30 requests."""


class ChatLimiter:
    """The budget of one chat, and the queue of requests that wait for it."""

    def __init__(self, count: float, seconds: float) -> None:
        self._bucket = AsyncLimiter(count, seconds)
        self.cosmetic_reserve = count / 2
        """What is kept of the budget for others than cosmetic requests."""
        self._muted_until = dict[str, float]()
        self._waiting: list[tuple[Urgency, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._granting: asyncio.Task[None] | None = None

    def muted_seconds(self, kind: str = "") -> float:
        """Return the seconds until Telegram accepts requests of a kind again: "" are messages."""
        return max(0.0, self._muted_until.get(kind, 0.0) - asyncio.get_running_loop().time())

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and the whole budget is free."""
        is_busy = self._waiting or any(map(self.muted_seconds, self._muted_until))
        return not is_busy and self._bucket.has_capacity(self._bucket.max_rate)

    def can_send(self, count: float = 1.0) -> bool:
        """Return whether so many messages can be sent at once."""
        return not self._waiting and not self.muted_seconds() and self._bucket.has_capacity(count)

    def mute(self, wait: float, kind: str = "") -> None:
        """Stop requests of a kind for so many seconds."""
        self._muted_until[kind] = asyncio.get_running_loop().time() + wait

    async def turn(self, urgency: Urgency) -> None:
        """Wait for a turn; the most urgent request goes first, then the oldest."""
        if self.can_send():
            await self._bucket.acquire()
            return
        place = (urgency, next(self._numbers), asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiting, place)
        if self._granting is None or self._granting.done():
            self._granting = asyncio.create_task(self._grant_turns())
        await place[2]

    async def close(self) -> None:
        """Cancel all that wait."""
        if self._granting is not None:
            self._granting.cancel()
            with suppress(asyncio.CancelledError):
                await self._granting
        for _, _, waits in self._waiting:
            waits.cancel()

    async def _grant_turns(self) -> None:
        while self._waiting:
            # choose the next one only when it may send: a more urgent one may come until then
            await self._bucket.acquire()
            # another 429 may come meanwhile
            while wait := self.muted_seconds():  # noqa: ASYNC110 - it ends at a known time
                await asyncio.sleep(wait)
            while self._waiting:
                _, _, waits = heapq.heappop(self._waiting)
                if not waits.done():
                    waits.set_result(None)
                    break


class Pacing(BaseRateLimiter[Urgency]):
    """Rate limiter of python-telegram-bot that limits each chat on its own.

    Args:
        second: the length of a second of Telegram's limits; tests shorten it.
        while_waiting: a context entered during each wait, to release what others need meanwhile.
    """

    def __init__(
        self,
        second: float = 1.0,
        *,
        while_waiting: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> None:
        self._second = second
        self._while_waiting = while_waiting
        self._cosmetic = AsyncLimiter(COSMETIC_LIMIT, second)
        self._limiters: dict[int, ChatLimiter] = {}
        self._most = MAX_LIMITERS

    async def initialize(self) -> None:
        """Do nothing: there is nothing to prepare."""

    async def shutdown(self) -> None:
        """Cancel all that wait."""
        for limiter in self._limiters.values():
            await limiter.close()

    def muted_seconds(self, telegram_id: int) -> float:
        """Return the seconds until Telegram accepts messages to a chat again."""
        return self._limiter(telegram_id).muted_seconds()

    async def turn(self, telegram_id: int, urgency: Urgency = Urgency.RESULT) -> None:
        """Wait for a turn in a chat.

        Raises:
            NotSent: Telegram's 429 asks for a longer wait than MAX_WAIT_SECONDS.
        """
        limiter = self._limiter(telegram_id)
        if limiter.muted_seconds() > MAX_WAIT_SECONDS:
            raise NotSent("the chat is to be left alone", limiter.muted_seconds())
        if limiter.can_send():
            await limiter.turn(urgency)
        else:
            async with self._while_waiting():
                await limiter.turn(urgency)

    async def process_request(  # noqa: PLR0917 - python-telegram-bot's signature
        self,
        callback: Callable[..., Coroutine[Any, Any, bool | JSONDict | list[JSONDict]]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: Urgency | None,
    ) -> bool | JSONDict | list[JSONDict]:
        """Make a request at its turn.

        Raises:
            Skipped: it is cosmetic and would have to wait.
            NotSent: Telegram's 429 asks for a longer wait than MAX_WAIT_SECONDS.
        """
        chat = data.get("chat_id")
        if not isinstance(chat, int):
            return await callback(*args, **kwargs)
        urgency = Urgency.ANSWER if rate_limit_args is None else rate_limit_args
        limiter, spoken = self._limiter(chat), endpoint.startswith(_COUNTED_PREFIXES)
        counts = spoken and endpoint != _CHAT_ACTION
        # a 429 to reactions does not delay messages
        kind = "" if counts else endpoint
        patience_ends = asyncio.get_running_loop().time() + MAX_WAIT_SECONDS
        while True:
            if urgency is Urgency.COSMETIC:
                reserve = limiter.cosmetic_reserve
                may_send = limiter.can_send(reserve) if spoken else not limiter.muted_seconds()
                may_send = may_send and not limiter.muted_seconds(kind)
                if not may_send or not self._cosmetic.has_capacity():
                    raise Skipped(f"{endpoint} would have to wait")
                await self._cosmetic.acquire()
            if counts and urgency is not Urgency.RESULT:
                await self.turn(chat, urgency)
            try:
                return await callback(*args, **kwargs)
            except RetryAfter as refusal:
                limiter.mute(wait := to_seconds(refusal.retry_after), kind)
                over = asyncio.get_running_loop().time() + wait > patience_ends
                # a result is retried by its sender, since its file has been read to the end
                if urgency is not Urgency.ANSWER or not counts or over:
                    raise

    def _limiter(self, telegram_id: int) -> ChatLimiter:
        limiter = self._limiters.get(telegram_id)
        if limiter is None:
            if len(self._limiters) >= self._most:
                self._limiters = {
                    key: one for key, one in self._limiters.items() if not one.is_idle
                }
                self._most = max(MAX_LIMITERS, 2 * len(self._limiters))
            count, seconds = PRIVATE_LIMIT if telegram_id > 0 else GROUP_LIMIT
            limiter = ChatLimiter(count, seconds * self._second)
            self._limiters[telegram_id] = limiter
        return limiter
