"""One budget for speaking per chat: results come first, and what nobody misses is left out.

Telegram takes about one message a second in a private chat and 20 a minute in a group,
and silences a bot that says more. So each chat has a limiter of its own: messages wait
there, the most urgent first, and a chat that Telegram told us to leave alone holds up
nobody else. A cosmetic request that would have to wait is not made at all.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import re
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
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


Spot: TypeAlias = "tuple[int | None, int | None]"
"""Where a message stands in a chat: in a topic, as an answer to another message."""


class SendError(Exception):
    """A message did not surely arrive."""


class NotSent(SendError):
    """Telegram surely did not take it; `retry_after` is in seconds."""

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Skipped(SendError):
    """It was cosmetic, and the chat's budget for speaking is needed for what matters."""


class MaybeSent(SendError):
    """The answer was lost: nobody can tell whether it arrived."""


class Unreadable(MaybeSent):
    """Telegram said yes, in words nobody can read: it arrived, and nobody knows where."""


class ChatMoved(SendError):
    """The group became a supergroup."""

    def __init__(self, telegram_id: int) -> None:
        super().__init__(f"the chat is now {telegram_id}")
        self.telegram_id = telegram_id


class Unreachable(SendError):
    """The bot cannot speak to this chat."""


class UploadTooLarge(SendError):
    """The file is over what the server takes."""


class Refused(SendError):
    """Telegram will not take this message."""


class NotPermitted(Refused):
    """The bot may not send this kind of message to this chat, though it may send others."""


class Misplaced(Refused):
    """The chat has no such topic, or no such message to answer."""

    def elsewhere(self, thread_id: int | None, reply_to: int | None) -> Spot | None:
        """Return the topic and the message to answer that are left in the chat, if any are."""
        return None if reply_to is None else (thread_id, None)


class NoTopic(Misplaced):
    """The topic is closed or gone."""

    def __init__(self, text: str, *, is_closed: bool) -> None:
        super().__init__(text)
        self.is_closed = is_closed

    def elsewhere(self, thread_id: int | None, reply_to: int | None) -> Spot | None:
        """Return what is left: what answers a message goes to its topic, also a closed one."""
        if thread_id is None:
            return super().elsewhere(thread_id, reply_to)
        return None, None if self.is_closed else reply_to


UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)
"""What python-telegram-bot raises for an answer that is not as it knows them."""
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
"""What Telegram's words mean, in small letters."""
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise ours instead of python-telegram-bot's errors, and of those it has with an answer."""
    try:
        yield
    except TelegramError as error:
        raise translate(error) from error
    except UnicodeError:
        raise  # that was about our own words
    except UNREADABLE as error:
        raise Unreadable(f"an answer nobody can read: {error!r}") from error


def translate(error: TelegramError) -> SendError:
    """Say what an error of python-telegram-bot means for the message that was to be sent."""
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
        case _ if isinstance(error.__cause__, _NEVER_LEFT):
            outcome = NotSent(error.message)
        case _ if "too large" in error.message.lower():
            outcome = UploadTooLarge(error.message)
    return outcome


def to_seconds(wait: float | timedelta) -> float:
    """Return a wait of python-telegram-bot's in seconds, whichever of its two forms it has."""
    return wait if isinstance(wait, int | float) else wait.total_seconds()


FINISH_SECONDS = 1.0
"""How long a stop waits for what must be `finished`; a call that takes longer is cut."""


async def run_to_completion(work: Coroutine[Any, Any, object]) -> None:
    """Do something short to its end, even where this task is cancelled meanwhile."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(Exception):
            await asyncio.wait_for(task, FINISH_SECONDS)
        raise


PATIENCE_SECONDS = 60.0
"""How long an answer waits for a chat; later nobody remembers the question."""
MOST_LIMITERS = 1000
"""Limiters remembered; beyond them, those with nothing to remember are let go."""

_SPOKEN = ("send", "copy", "forward", "edit")
"""What Telegram counts: messages, edits and chat actions; not deletions, reactions, answers."""
_SHOWN = "sendChatAction"
"""Shown only where the budget is not needed, and then no result waits for it."""


class Urgency(IntEnum):
    """How much a request matters, most urgent first; python-telegram-bot passes no 0 on."""

    RESULT = 1
    """A video: its turn was taken before (`Pacing.turn`), and whoever sends it tries again."""
    ANSWER = 2
    """What somebody asked for; it waits its turn."""
    COSMETIC = 3
    """Status texts, their edits, chat actions, reactions."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many at once; as many again within so many seconds."""

    count: float
    seconds: float


PRIVATE = RateLimit(3, 3.0)
GROUP = RateLimit(5, 20.0)
"""A full bucket and what leaks out of it come to 20 in any minute, never more."""
SPARE = RateLimit(20, 1.0)
"""What nobody misses, in all chats together: Telegram takes about 30 requests a second."""


class ChatLimiter:
    """The budget of one chat, and who waits for it."""

    def __init__(self, rate: RateLimit) -> None:
        self._bucket = AsyncLimiter(rate.count, rate.seconds)
        self._half = rate.count / 2
        self._silent_until = dict[str, float]()
        self._waiting: list[tuple[Urgency, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._server: asyncio.Task[None] | None = None

    def silence(self, kind: str = "") -> float:
        """Return the seconds until Telegram wants such requests again: "" are all that count."""
        return max(0.0, self._silent_until.get(kind, 0.0) - asyncio.get_running_loop().time())

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to remember of it."""
        is_hushed = self._waiting or any(map(self.silence, self._silent_until))
        return not is_hushed and self._bucket.has_capacity(self._bucket.max_rate)

    @property
    def is_free(self) -> bool:
        """Whether a turn can be had at once."""
        return not self._waiting and not self.silence() and self._bucket.has_capacity()

    def is_spare(self) -> bool:
        """Whether something cosmetic may be said: half of the budget stays for what matters."""
        return not self._waiting and not self.silence() and self._bucket.has_capacity(self._half)

    def hush(self, wait: float, kind: str = "") -> None:
        """Say nothing here for so many seconds, or make no such request."""
        self._silent_until[kind] = asyncio.get_running_loop().time() + wait

    async def turn(self, urgency: Urgency) -> None:
        """Wait until it is this one's turn; the most urgent goes first, then who came first."""
        if self.is_free:
            await self._bucket.acquire()
            return
        place = (urgency, next(self._numbers), asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiting, place)
        if self._server is None or self._server.done():
            self._server = asyncio.create_task(self._serve())
        await place[2]

    async def close(self) -> None:
        """Let nobody wait any longer."""
        if self._server is not None:
            self._server.cancel()
            with suppress(asyncio.CancelledError):
                await self._server
        for _, _, waits in self._waiting:
            waits.cancel()

    async def _until_it_may_speak(self) -> None:
        if wait := self.silence():
            await asyncio.sleep(wait)
            # Telegram may have asked for more meanwhile
            await self._until_it_may_speak()

    async def _serve(self) -> None:
        while self._waiting:
            # who is next is decided when somebody may speak, not before
            await self._bucket.acquire()
            await self._until_it_may_speak()
            while self._waiting:
                _, _, waits = heapq.heappop(self._waiting)
                if not waits.done():
                    waits.set_result(None)
                    break


class Pacing(BaseRateLimiter[Urgency]):
    """Paces requests chat by chat.

    Args:
        second: how long a second of Telegram's limits is; shorter where nobody keeps them.
        while_waiting: entered for each wait: who waits gives away what others need meanwhile.
    """

    def __init__(
        self,
        second: float = 1.0,
        *,
        while_waiting: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> None:
        self._second = second
        self._while_waiting = while_waiting
        self._cosmetic = AsyncLimiter(SPARE.count, SPARE.seconds * second)
        self._limiters: dict[int, ChatLimiter] = {}
        self._most = MOST_LIMITERS

    async def initialize(self) -> None:
        """Nothing to prepare."""

    async def shutdown(self) -> None:
        """Let nobody wait any longer."""
        for limiter in self._limiters.values():
            await limiter.close()

    def silence(self, telegram_id: int) -> float:
        """Return the seconds until Telegram wants to hear from us in a chat again."""
        return self._limiter(telegram_id).silence()

    async def turn(self, telegram_id: int, urgency: Urgency = Urgency.RESULT) -> None:
        """Wait for a turn in a chat.

        Raises:
            NotSent: Telegram wants longer silence there than one should wait for.
        """
        limiter = self._limiter(telegram_id)
        if limiter.silence() > PATIENCE_SECONDS:
            raise NotSent("the chat is to be left alone", limiter.silence())
        if limiter.is_free:
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
        """Make a request when it is its turn.

        Raises:
            Skipped: it is cosmetic and would have to wait.
            NotSent: Telegram wants longer silence in this chat than one should wait for.
        """
        chat = data.get("chat_id")
        if not isinstance(chat, int):
            return await callback(*args, **kwargs)
        urgency = Urgency.ANSWER if rate_limit_args is None else rate_limit_args
        limiter, spoken = self._limiter(chat), endpoint.startswith(_SPOKEN)
        counts = spoken and endpoint != _SHOWN
        # too many reactions are no reason to keep a video back
        kind = "" if counts else endpoint
        patience_ends = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            if urgency is Urgency.COSMETIC:
                is_spare = limiter.is_spare() if spoken else not limiter.silence()
                if not is_spare or limiter.silence(kind) or not self._cosmetic.has_capacity():
                    raise Skipped(f"{endpoint} would have to wait")
                await self._cosmetic.acquire()
            if counts and urgency is not Urgency.RESULT:
                await self.turn(chat, urgency)
            try:
                return await callback(*args, **kwargs)
            except RetryAfter as refusal:
                limiter.hush(wait := to_seconds(refusal.retry_after), kind)
                over = asyncio.get_running_loop().time() + wait > patience_ends
                # a result has a clock of its own, and its file is read to the end by now
                if urgency is not Urgency.ANSWER or not counts or over:
                    raise

    def _limiter(self, telegram_id: int) -> ChatLimiter:
        limiter = self._limiters.get(telegram_id)
        if limiter is None:
            if len(self._limiters) >= self._most:
                self._limiters = {
                    key: one for key, one in self._limiters.items() if not one.is_idle
                }
                self._most = max(MOST_LIMITERS, 2 * len(self._limiters))
            rate = PRIVATE if telegram_id > 0 else GROUP
            limiter = ChatLimiter(RateLimit(rate.count, rate.seconds * self._second))
            self._limiters[telegram_id] = limiter
        return limiter
