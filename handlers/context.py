"""What every handler is handed: the services, typed, and nothing global."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from telegram import Message
from telegram.ext import Application, CallbackContext, ExtBot, JobQueue

from generation.models.pricing import Period, began_at
from handlers.replies.keyboards import video_under
from handlers.replies.sending import Urgency
from handlers.replies.texts import usual_cost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from telegram import MaybeInaccessibleMessage

    from generation.jobs.account import AccountWatch
    from generation.media.pictures import Pictures
    from generation.models.catalogue import Catalogue
    from generation.models.offer import Offer
    from generation.orders.balances import Terms
    from handlers.replies.outbox import Outbox
    from handlers.replies.status import StatusMessages
    from handlers.replies.texts import Languages
    from storage.chats import Chat
    from storage.database import Database
    from storage.generations import Generation
    from storage.ledger import Account
    from storage.migrations import RestoreGap
    from storage.notices import Admins
    from storage.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorPolicy:
    """The operator's choices that people meet: who may ask, who runs it, what asks first.

    An order without a tap on a price waits `undo_seconds` before it leaves. `ai_label` puts
    "Made with AI" under every video. `stars_per_credit` is the price of a credit; 0 sells none.
    `retention_days` is after how long ideas are forgotten.
    """

    admin_ids: frozenset[int]
    allowed_ids: frozenset[int]
    confirm_credits: int
    undo_seconds: int
    support_contact: str | None
    ai_label: bool
    stars_per_credit: int
    terms_url: str | None
    retention_days: int | None = None
    privacy_url: str | None = None


class FirstAdmin:
    """The one-time link that makes its first user an admin, while there is none."""

    PREFIX = "admin-"
    """How what the link gives to /start begins."""
    VALID_SECONDS = 900.0
    """How long it lives after the start."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._secret: str | None = None
        self._until = 0.0

    def invite(self) -> str:
        """Make the link's payload, valid for 15 minutes and for one person."""
        self._secret = secrets.token_urlsafe(24)
        self._until = self._clock() + self.VALID_SECONDS
        return self.PREFIX + self._secret

    def claim(self, payload: str) -> bool:
        """Whether this is the payload, still valid; it works once."""
        if self._secret is None or self._clock() > self._until:
            return False
        right = hmac.compare_digest(payload.encode(), (self.PREFIX + self._secret).encode())
        if right:
            self._secret = None
        return right


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All that handlers use; made once at the start."""

    db: Database
    catalogue: Catalogue
    terms: Terms
    policy: OperatorPolicy
    languages: Languages
    outbox: Outbox
    status: StatusMessages
    pictures: Pictures
    first_admin: FirstAdmin
    clock: Callable[[], float]
    wake: Callable[[int], None]
    """Tells the clocks that a chat, by our number, has something new to do."""
    wake_in: Callable[[int, float], None]
    """Tells them that it has something to do in so many seconds."""
    admins: Admins
    account: AccountWatch
    """How long the money at the provider lasts."""
    pause: Callable[[float], None]
    """Has nothing submitted until then; what is being made goes on."""
    erase: Callable[[], Awaitable[None]]
    """Goes on with what people asked to be deleted."""
    bring: Callable[[Generation, Chat], None]
    """Sends a kept video to a chat, in its own time."""
    changed: Callable[[Account], None]
    """Has somebody's film shown as it is now: one of their videos went."""
    kept_since: Callable[[int], float | None]
    """When an update came that was left over at a start, in seconds since 1970."""
    restore_gaps: Sequence[RestoreGap]
    """Since what moment, until which one, nobody knows any more what happened."""
    clock_ahead: Callable[[], float]
    """How many seconds our clock is ahead of Telegram's, which dates messages."""
    is_excess: Callable[[int], bool]
    """Whether an update is the first of too many: the others were dropped unread."""

    @property
    def offer(self) -> Offer:
        """The families that are served now."""
        return self.catalogue.offer

    def terms_of(self, person: Person | None) -> Terms:
        """What the operator gives somebody."""
        return self.terms.with_allowance(person.allowance if person else None)

    def today(self) -> float:
        """Return when the operator's day began, in seconds since 1970."""
        return began_at(Period.DAY, self.terms.zone, self.clock())

    def is_lost(self, message: MaybeInaccessibleMessage | None) -> bool:
        """Whether a message of ours is from a time that a restored backup knows nothing of.

        The numbers its buttons carry were given to others since. Telegram tells whole seconds.
        """
        if not isinstance(message, Message):
            return bool(self.restore_gaps)
        dates = filter(None, (message.date, message.edit_date))
        moment = max(date.timestamp() for date in dates) + self.clock_ahead()
        return any(int(lost.since) <= moment < int(lost.until) for lost in self.restore_gaps)

    def video_under(self, message: Message | None) -> int | None:
        """Return the number of the video that a message of ours shows."""
        return None if self.is_lost(message) else video_under(message)

    @property
    def restored_at(self) -> float:
        """When the bot last began to run on a backup: what was said before may be done."""
        return max((lost.until for lost in self.restore_gaps), default=-inf)

    @property
    def usual_cost(self) -> int:
        """The credits of the video one gets who chooses nothing."""
        return usual_cost(self.offer)


class BotData:
    """Where python-telegram-bot keeps the services for the context."""

    services: Services


class Context(CallbackContext[ExtBot[Urgency], dict[Any, Any], dict[Any, Any], BotData]):
    """The context of a callback, with the services at hand."""

    @property
    def services(self) -> Services:
        """The services of this application."""
        return self.bot_data.services


App = Application[
    ExtBot[Urgency], Context, dict[Any, Any], dict[Any, Any], BotData, JobQueue[Context]
]
