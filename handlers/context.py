"""The services that handlers use, the operator's policy, and the typed context."""

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
    """The operator's settings about people: access, admins, confirmation, prices, contacts.

    An order placed without a tap on a price is submitted after `undo_seconds`. `ai_label` puts
    "Made with AI" under every video. `stars_per_credit` is the price of a credit; 0 sells none.
    Prompts are erased after `retention_days`.
    """

    admin_ids: frozenset[int]
    allowed_ids: frozenset[int]
    confirm_credits: int
    undo_seconds: int
    support_contact: str | None
    ai_label: bool
    stars_per_credit: int
    terms_url: str | None
    retention_days: int | None
    privacy_url: str | None


class FirstAdmin:
    """The one-time link that makes its first user an admin, if the bot has none."""

    PREFIX = "admin-"
    """Prefix of the payload that the link passes to /start."""
    VALID_SECONDS = 900.0
    """How long it is valid after the start."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._secret: str | None = None
        self._until = 0.0

    def invite(self) -> str:
        """Return the link's payload, valid for `VALID_SECONDS` and for one person."""
        self._secret = secrets.token_urlsafe(24)
        self._until = self._clock() + self.VALID_SECONDS
        return self.PREFIX + self._secret

    def claim(self, payload: str) -> bool:
        """Whether this is the payload and still valid; True at most once."""
        if self._secret is None or self._clock() > self._until:
            return False
        is_right = hmac.compare_digest(payload.encode(), (self.PREFIX + self._secret).encode())
        if is_right:
            self._secret = None
        return is_right


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that handlers use; made once at the start."""

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
    """Tells the scheduler that the chat with this id has something to do."""
    wake_in: Callable[[int, float], None]
    """Tells the scheduler that the chat has something to do in this many seconds."""
    admins: Admins
    account: AccountWatch
    """Watches how long the balance at the provider lasts."""
    pause: Callable[[float], None]
    """Stops submissions until this time; running generations continue."""
    erase: Callable[[], Awaitable[None]]
    """Continues the erasures that people requested."""
    deliver_kept: Callable[[Generation, Chat], None]
    """Sends a kept video to a chat, in the background."""
    update_film: Callable[[Account], None]
    """Updates the shown film of an account after one of its videos was deleted."""
    received_at: Callable[[int], float | None]
    """Returns when an update that waited through a restart was received (Unix time), else None."""
    restore_gaps: Sequence[RestoreGap]
    """The periods that a restored backup knows nothing of."""
    clock_ahead: Callable[[], float]
    """Returns how many seconds our clock is ahead of Telegram's, which dates messages."""
    is_excess: Callable[[int], bool]
    """Returns whether an update is the first over the rate limit; the next ones are dropped."""

    @property
    def offer(self) -> Offer:
        """The model families that are available now."""
        return self.catalogue.offer

    def terms_of(self, person: Person | None) -> Terms:
        """Return the terms of a person, with their own allowance if they have one."""
        return self.terms.with_allowance(person.allowance if person else None)

    def today(self) -> float:
        """Return when the current day began in the operator's time zone, in Unix time."""
        return began_at(Period.DAY, self.terms.zone, self.clock())

    def is_lost(self, message: MaybeInaccessibleMessage | None) -> bool:
        """Whether a message of the bot is from a time that a restored backup knows nothing of.

        The ids in its buttons belong to other rows since. Telegram's dates are whole seconds.
        """
        if not isinstance(message, Message):
            return bool(self.restore_gaps)
        dates = filter(None, (message.date, message.edit_date))
        moment = max(date.timestamp() for date in dates) + self.clock_ahead()
        return any(int(lost.since) <= moment < int(lost.until) for lost in self.restore_gaps)

    def video_under(self, message: Message | None) -> int | None:
        """Return the id of the video that a message of the bot shows, or None."""
        return None if self.is_lost(message) else video_under(message)

    @property
    def restored_at(self) -> float:
        """When the bot last started from a backup; older requests may be done already."""
        return max((lost.until for lost in self.restore_gaps), default=-inf)

    @property
    def usual_cost(self) -> int:
        """The cost of a video with the default options, in credits."""
        return usual_cost(self.offer)


class BotData:
    """The bot data of python-telegram-bot: holds the services for the context."""

    services: Services


class Context(CallbackContext[ExtBot[Urgency], dict[Any, Any], dict[Any, Any], BotData]):
    """The context of a callback, with the services."""

    @property
    def services(self) -> Services:
        """The application's services."""
        return self.bot_data.services


App = Application[
    ExtBot[Urgency], Context, dict[Any, Any], dict[Any, Any], BotData, JobQueue[Context]
]
