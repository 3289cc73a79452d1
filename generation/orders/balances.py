"""Balances of accounts and groups, the pots a request draws on, and whether it is accepted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from generation.media.pictures import last_frame_video
from generation.models import pricing
from generation.models.pricing import Period, began_at, ends_at
from storage import DAY_SECONDS, chats, films, generations, ledger, outages, people, statistics
from storage.generations import State
from storage.ledger import Account, Pot
from storage.outages import ContentBrake, Pause

if TYPE_CHECKING:
    from collections.abc import Collection
    from decimal import Decimal
    from zoneinfo import ZoneInfo

    from storage.database import Connection
    from storage.generations import Generation, Request


QUEUED_BUDGET_DIVISOR = 3
"""The queued requests of one account may hold one in this many parts of the budget."""
PRICE_MEMORY_SECONDS = DAY_SECONDS
"""How long the real price of a video is expected of alike requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The operator's limits: credits per person and period, and a budget for all in US dollars.

    `budget_usd` None means no ceiling. `max_pending` is the number of unfinished requests per
    account.
    """

    free_credits: int
    period: Period
    zone: ZoneInfo
    budget_usd: Decimal | None
    budget_period: Period
    max_pending: int

    def with_allowance(self, allowance: int | None) -> Terms:
        """Return these terms with a person's own allowance in credits, if there is one."""
        return self if allowance is None else replace(self, free_credits=allowance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Credits left in each pot, credits held, and when the allowance renews."""

    allowance: int
    granted: int = 0
    bought: int
    held: int
    renews_at: float | None

    @property
    def unexpiring(self) -> int:
        """Credits that do not expire with the period."""
        return self.granted + self.bought

    @property
    def total(self) -> int:
        """Credits that can be spent now; a debt in one pot is paid from the others."""
        return max(0, self.allowance + self.unexpiring)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A group's credits, and what one member can draw of them.

    `size` is what the group gets per period and `left` what remains of it; `share` is what a
    member may use per period and `share_left` what remains, None without a limit. `bought` is
    negative if a payment was refunded whose credits were used: only new purchases pay that debt.
    """

    size: int
    share: int | None
    left: int
    share_left: int | None
    renews_at: float | None
    bought: int = 0

    @property
    def total(self) -> int:
        """Credits that all members together can draw."""
        return self.left + max(0, self.bought)

    @property
    def available(self) -> int:
        """Credits that this member can draw."""
        return self.total if self.share_left is None else min(self.total, self.share_left)

    def pots(self, given: int) -> list[Draw]:
        """Return what this member can draw from each pot: `given` credits from the pool."""
        bought = min(max(0, self.bought), self.available - given)
        return [Draw(Pot.POOL, given, shared=True), Draw(Pot.BOUGHT, bought, shared=True)]


@dataclass(frozen=True, slots=True)
class Draw:
    """Credits drawn from one pot: of the group if `shared`, otherwise of the account."""

    pot: Pot
    credits: int
    shared: bool = False


def choose_draws(cost: int, balance: Balance, pool: Pool | None = None) -> tuple[Draw, ...] | None:
    """Choose the pots for a cost in credits, or None if they do not suffice.

    The order is: the group's pool, credits bought for the group, the account's own allowance,
    granted credits, bought credits.
    """
    if shortfall(cost, balance, pool) is not None:
        return None
    pots = pool.pots(min(pool.left, pool.available)) if pool else []
    pots += [
        Draw(Pot.ALLOWANCE, balance.allowance),
        Draw(Pot.GRANTED, balance.granted),
        Draw(Pot.BOUGHT, balance.bought),
    ]
    draws = list[Draw]()
    for pot in pots:
        if (part := min(cost, pot.credits)) > 0:
            draws.append(replace(pot, credits=part))
            cost -= part
    return tuple(draws)


def choose_bought_draws(
    cost: int, balance: Balance, pool: Pool | None = None
) -> tuple[Draw, ...] | None:
    """Choose as `choose_draws` among bought credits alone."""
    pool = None if pool is None else replace(pool, left=0)
    return choose_draws(cost, replace(balance, allowance=0, granted=0), pool)


def budget_share(price_micros: int, cost: int, draws: tuple[Draw, ...]) -> int:
    """Return the part of a price, in micro-dollars, that no bought credits pay: the operator's."""
    given = sum(part.credits for part in draws if part.pot is not Pot.BOUGHT)
    return pricing.part_of(price_micros, given, cost)


async def balance(tx: Connection, account: Account, terms: Terms, now: float) -> Balance:
    """Return the balance of an account; chats (anonymous admins, channels) have no allowance."""
    began = began_at(terms.period, terms.zone, now)
    free = 0
    if account.is_person:
        free = terms.with_allowance(await people.allowance_of(tx, account.id)).free_credits
    used = await ledger.drawn(tx, account, Pot.ALLOWANCE, since=began)
    return Balance(
        allowance=max(0, free - used),
        granted=await ledger.stored(tx, account, Pot.GRANTED),
        bought=await ledger.stored(tx, account, Pot.BOUGHT),
        held=await ledger.held(tx, account),
        renews_at=ends_at(terms.period, terms.zone, now) if account.is_person else None,
    )


async def pool(
    tx: Connection, chat: int, account: Account, terms: Terms, now: float
) -> Pool | None:
    """Return a group's credits as the account can use them, or None if it has none."""
    group, owner = await chats.find_group(tx, chat), Account.chat(chat)
    bought = await ledger.stored(tx, owner, Pot.BOUGHT) if group else 0
    if group is None or not (group.pool or bought):
        return None
    began = began_at(terms.period, terms.zone, now)
    used = await ledger.drawn(tx, owner, Pot.POOL, since=began) if group.pool else 0
    share_left = None
    if group.share is not None:
        share_left = group.share
        for pot in (Pot.POOL, Pot.BOUGHT):
            share_left -= await ledger.drawn_by(tx, owner, pot, member(account), since=began)
    return Pool(
        size=group.pool,
        share=group.share,
        left=max(0, group.pool - used),
        share_left=None if share_left is None else max(0, share_left),
        renews_at=ends_at(terms.period, terms.zone, now) if group.pool else None,
        bought=bought,
    )


async def balance_and_pool(
    tx: Connection, chat: int, account: Account, terms: Terms, now: float
) -> tuple[Balance, Pool | None]:
    """Return the balance of an account and the pool of the group it asks in.

    If the account is the group itself, its bought credits count in the pool only.
    """
    shared, own = await pool(tx, chat, account, terms, now), await balance(tx, account, terms, now)
    return replace(own, bought=0) if account == Account.chat(chat) else own, shared


def member(account: Account) -> int | None:
    """Return whose share of a group's credits is drawn: None for all anonymous ones together."""
    return account.id if account.is_person else None


async def budget_left(
    tx: Connection, terms: Terms, now: float, *, without: Collection[State] = frozenset()
) -> int | None:
    """Return what is left of the budget in micro-dollars, or None if there is no ceiling.

    Requests in the states `without` do not count.
    """
    if terms.budget_usd is None:
        return None
    began = began_at(terms.budget_period, terms.zone, now)
    used = await statistics.budget_used(tx, since=began, without=without)
    return pricing.to_micros(terms.budget_usd) - used


async def current_price(tx: Connection, request: Request, now: float) -> int:
    """Return the price of a request, in micro-dollars: at least the real price of alike ones."""
    real = await generations.max_recent_cost(tx, request, since=now - PRICE_MEMORY_SECONDS)
    return max(request.price_micros, real)


async def affordable_price(
    tx: Connection, request: Generation, terms: Terms, now: float
) -> int | None:
    """Return the present price of a queued request, None if it rose beyond the budget since."""
    price = await current_price(tx, request, now)
    if request.budget_micros:
        left = await budget_left(tx, terms, now, without={State.QUEUED})
        given = pricing.part_of(price, request.budget_micros, request.price_micros)
        if left is not None and given > left:
            return None
    return price


@dataclass(frozen=True, slots=True)
class Accepted:
    """Queued with credits held, `pooled` from the group; `left` and `pool_left` are what remain."""

    generation: Generation
    pooled: int
    left: int
    pool_left: int


@dataclass(frozen=True, slots=True)
class Repeated:
    """This generation was made earlier for the same cause; nothing changed."""

    generation: Generation


@dataclass(frozen=True, slots=True)
class TooManyPending:
    """The account has the maximum of unfinished requests, `elsewhere` of them in other chats."""

    pending: int
    elsewhere: int = 0


@dataclass(frozen=True, slots=True)
class TooFewCredits:
    """The request costs more than the balance and `pooled`, what the group gives."""

    cost: int
    balance: Balance
    pooled: int = 0

    @property
    def available(self) -> int:
        """Credits that could be spent on the request."""
        return self.balance.total + self.pooled


@dataclass(frozen=True, slots=True)
class OverBudget:
    """The operator's budget for this period is spent."""

    renews_at: float | None


@dataclass(frozen=True, slots=True)
class BudgetHeld:
    """The rest of the budget is held for unfinished requests, some of which may release it.

    `own` is whether this account's own queued requests hold as much as one account may.
    """

    own: bool


@dataclass(frozen=True, slots=True)
class ProviderRefuses:
    """The provider accepts nothing at present, for instance because the account is empty."""


OrderRefusal: TypeAlias = (
    TooManyPending
    | TooFewCredits
    | OverBudget
    | BudgetHeld
    | ProviderRefuses
    | Pause
    | ContentBrake
)
AcceptResult: TypeAlias = Accepted | Repeated | OrderRefusal


async def accept(
    tx: Connection, request: Request, terms: Terms, *, now: float, wait: float = 0.0
) -> AcceptResult:
    """Queue a request and hold its credits, or return why not; a refusal changes nothing.

    It is submitted after `wait` seconds at the earliest, so that it can be undone.
    """
    before = await generations.by_cause(tx, request.cause)
    if before is not None and (request.origin != "press" or before.state in generations.UNFINISHED):
        return Repeated(before)
    if (refusal := await _refusal(tx, request, terms, now)) is not None:
        return refusal
    own, shared = await balance_and_pool(tx, request.chat, request.account, terms, now)
    draws = choose_draws(request.credits, own, shared)
    if draws is None:
        return TooFewCredits(request.credits, own, shared.available if shared else 0)
    price = await current_price(tx, request, now)
    given = budget_share(price, request.credits, draws)
    over = await _budget_refusal(tx, request.account, given, terms, now)
    if over is not None:
        # bought credits cost the operator nothing
        draws, given = choose_bought_draws(request.credits, own, shared), 0
        if draws is None:
            return over
    request = replace(request, price_micros=price, budget_micros=given)
    if request.picture and (before_it := last_frame_video(request.picture)) is not None:
        request = replace(request, parent=await films.by_file_id(tx, before_it))
    generation = await generations.insert(tx, request, now=now, due_at=now + wait)
    for part in draws:
        await ledger.hold(
            tx,
            Account.chat(request.chat) if part.shared else request.account,
            part.pot,
            part.credits,
            generation=generation.id,
            member=member(request.account) if part.shared else None,
            now=now,
        )
    pooled = sum(part.credits for part in draws if part.shared)
    left = max(0, own.total - request.credits + pooled)
    return Accepted(generation, pooled, left, shared.total - pooled if shared else 0)


async def _budget_refusal(
    tx: Connection, account: Account, given: int, terms: Terms, now: float
) -> OverBudget | BudgetHeld | None:
    """Return why the budget does not cover `given` micro-dollars now, or None if it does."""
    left = await budget_left(tx, terms, now)
    if left is None or terms.budget_usd is None or not given:
        return None
    waiting = await statistics.budget_waiting(tx, account)
    whole = pricing.to_micros(terms.budget_usd)
    own = bool(waiting) and QUEUED_BUDGET_DIVISOR * (waiting + given) > whole
    if given <= left and not own:
        return None
    without_pending = await budget_left(tx, terms, now, without=generations.PENDING)
    if without_pending is not None and given > without_pending:
        return OverBudget(ends_at(terms.budget_period, terms.zone, now))
    return BudgetHeld(own=own)


async def _refusal(
    tx: Connection, request: Request, terms: Terms, now: float
) -> TooManyPending | Pause | ContentBrake | ProviderRefuses | None:
    """Return why an account may order nothing at present, whatever its balance."""
    if (refusal := await outages.wait_reason(tx, request.account, request.chat, now)) is not None:
        return refusal
    pending = await generations.pending_of(tx, request.account)
    if len(pending) >= terms.max_pending:
        return TooManyPending(len(pending), sum(one.chat != request.chat for one in pending))
    outage = await outages.current(tx)
    return None if outage is None or outage.half_open else ProviderRefuses()


def shortfall(cost: int, balance: Balance, pool: Pool | None) -> TooFewCredits | None:
    """Return the refusal of a cost that cannot be paid, before it is ordered; None if it can."""
    pooled = pool.available if pool else 0
    return TooFewCredits(cost, balance, pooled) if cost > balance.total + pooled else None
