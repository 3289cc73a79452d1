"""Balances: what somebody can spend, which pots a request draws on, and whether it is accepted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from generation.media.pictures import end_of
from generation.models import pricing
from generation.models.pricing import Period, began_at, ends_at
from storage import DAY_SECONDS, chats, films, generations, ledger, outages, people, statistics
from storage.generations import State
from storage.ledger import Account, Pot
from storage.outages import ContentBrake, Pause

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from decimal import Decimal
    from zoneinfo import ZoneInfo

    from storage.database import Connection
    from storage.generations import Generation, Request


WAITING_PARTS = 3
"""What waits of one account may hold one of so many parts of the budget."""
PRICES_LAST = DAY_SECONDS
"""How long alike videos are believed to cost what one did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the operator gives: credits per person and period, dollars for all together.

    `budget_usd` None: no ceiling; `max_pending` counts requests.
    """

    free_credits: int
    period: Period
    zone: ZoneInfo
    budget_usd: Decimal | None
    budget_period: Period
    max_pending: int

    def of(self, allowance: int | None) -> Terms:
        """Return them for somebody who has another allowance than everybody."""
        return self if allowance is None else replace(self, free_credits=allowance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Credits left in each pot, credits set aside, and when the allowance renews."""

    allowance: int
    granted: int = 0
    bought: int
    held: int
    renews_at: float | None

    @property
    def kept(self) -> int:
        """What does not end with the period."""
        return self.granted + self.bought

    @property
    def total(self) -> int:
        """What can be spent now; a debt in one pot takes from the others."""
        return max(0, self.allowance + self.kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A group's credits: given per period, `left` of those, bought, and left of a member's share.

    `bought` is below zero where a payment went back whose credits were used: what is bought next
    pays that, and nothing else does.
    """

    all: int
    share: int | None
    left: int
    share_left: int | None
    renews_at: float | None
    bought: int = 0

    @property
    def total(self) -> int:
        """What all members together can draw on."""
        return self.left + max(0, self.bought)

    @property
    def available(self) -> int:
        """What this member can draw on."""
        return self.total if self.share_left is None else min(self.total, self.share_left)

    def pots(self, given: int) -> list[Draw]:
        """Return what this member can draw, where the operator gives so many credits of it."""
        bought = min(max(0, self.bought), self.available - given)
        return [Draw(Pot.POOL, given, shared=True), Draw(Pot.BOUGHT, bought, shared=True)]


@dataclass(frozen=True, slots=True)
class Draw:
    """Credits taken from one pot, of the group where it is shared."""

    pot: Pot
    credits: int
    shared: bool = False


def draw(cost: int, balance: Balance, pool: Pool | None = None) -> tuple[Draw, ...] | None:
    """Choose the pots for a cost in credits; None where they do not suffice.

    The group's pool gives first, then what was bought for the group; then their own allowance,
    what was granted, and what was bought.
    """
    if cost > balance.total + (pool.available if pool else 0):
        return None
    own = ((Pot.ALLOWANCE, balance.allowance), (Pot.GRANTED, balance.granted))
    pots = pool.pots(min(pool.left, pool.available)) if pool else []
    return _taken(cost, [*pots, *(Draw(*pot) for pot in own), Draw(Pot.BOUGHT, balance.bought)])


def draw_bought(
    cost: int, balance: Balance, pool: Pool | None = None
) -> tuple[Draw, ...] | None:  # fmt: skip
    """Take a cost in credits from what was bought alone; None where that does not suffice."""
    pots = pool.pots(given=0) if pool else []
    draws = _taken(cost, [*pots, Draw(Pot.BOUGHT, balance.bought)])
    return draws if sum(part.credits for part in draws) == cost else None


def _taken(cost: int, pots: Iterable[Draw]) -> tuple[Draw, ...]:
    """Take a cost out of pots, one after the other, as far as they go."""
    draws = list[Draw]()
    for pot in pots:
        if (part := min(cost, pot.credits)) > 0:
            draws.append(replace(pot, credits=part))
            cost -= part
    return tuple(draws)


def budget_share(price_micros: int, cost: int, draws: tuple[Draw, ...]) -> int:
    """Return the part of a price the operator gives, in micro-dollars: all but bought credits."""
    given = sum(part.credits for part in draws if part.pot is not Pot.BOUGHT)
    return pricing.part_of(price_micros, given, cost)


async def balance(tx: Connection, account: Account, terms: Terms, now: float) -> Balance:
    """Add up an account; chats (anonymous admins, channels) have no allowance."""
    began = began_at(terms.period, terms.zone, now)
    free = 0
    if account.is_person:
        free = terms.of(await people.allowance_of(tx, account.id)).free_credits
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
    """Add up a group's credits for one who asks there; None where it has none."""
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
        all=group.pool,
        share=group.share,
        left=max(0, group.pool - used),
        share_left=None if share_left is None else max(0, share_left),
        renews_at=ends_at(terms.period, terms.zone, now) if group.pool else None,
        bought=bought,
    )


async def means(
    tx: Connection, chat: int, account: Account, terms: Terms, now: float
) -> tuple[Balance, Pool | None]:
    """Add up what somebody has, and what the group has they ask in.

    For who writes as the group these are one account, whose bought credits are the group's.
    """
    shared, own = await pool(tx, chat, account, terms, now), await balance(tx, account, terms, now)
    return replace(own, bought=0) if account == Account.chat(chat) else own, shared


def member(account: Account) -> int | None:
    """Return who draws on a group's credits; anonymous admins and channels share one share."""
    return account.id if account.is_person else None


async def budget_left(
    tx: Connection, terms: Terms, now: float, *, without: Collection[State] = frozenset()
) -> int | None:
    """Return what the operator still gives in this period, in micro-dollars; None = no ceiling.

    What is in the states `without` is left out of account.
    """
    if terms.budget_usd is None:
        return None
    began = began_at(terms.budget_period, terms.zone, now)
    used = await statistics.budget_used(tx, since=began, without=without)
    return pricing.to_micros(terms.budget_usd) - used


async def price_now(tx: Connection, request: Request, now: float) -> int:
    """Return what a request will cost, in micro-dollars: what alike ones really cost counts."""
    real = await generations.dearest_lately(tx, request, since=now - PRICES_LAST)
    return max(request.price_micros, real)


async def may_leave(tx: Connection, request: Generation, terms: Terms, now: float) -> int | None:
    """Return the price at which a queued request may be submitted; None while the budget is used.

    That it fitted when it was accepted is not enough: real prices may have risen meanwhile.
    """
    price = await price_now(tx, request, now)
    if request.budget_micros:
        left = await budget_left(tx, terms, now, without={State.QUEUED})
        given = pricing.part_of(price, request.budget_micros, request.price_micros)
        if left is not None and given > left:
            return None
    return price


@dataclass(frozen=True, slots=True)
class Accepted:
    """The request is queued and its credits are held: so many of the group's, if any.

    `left` is what its account has left, `pool_left` what the group has.
    """

    generation: Generation
    pooled: int
    left: int
    pool_left: int


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same cause made this generation before; nothing changed."""

    generation: Generation


@dataclass(frozen=True, slots=True)
class TooManyPending:
    """As many requests as one may have at a time are on their way, some in other chats."""

    pending: int
    elsewhere: int = 0


@dataclass(frozen=True, slots=True)
class TooFewCredits:
    """The request costs more than is left, and more than the group gives besides."""

    cost: int
    balance: Balance
    pooled: int = 0

    @property
    def available(self) -> int:
        """The credits that could be spent on it."""
        return self.balance.total + self.pooled


@dataclass(frozen=True, slots=True)
class OverBudget:
    """The operator's ceiling for this period is reached; it renews then."""

    renews_at: float | None


@dataclass(frozen=True, slots=True)
class BudgetHeld:
    """All that is left of the ceiling is set aside for what is not made yet: some may come back.

    `own` tells that so much is set aside for this account's own requests as one may have waiting.
    """

    own: bool


@dataclass(frozen=True, slots=True)
class ProviderRefuses:
    """The provider accepts nothing at present (a bad key, an empty account)."""


Refused: TypeAlias = (
    TooManyPending
    | TooFewCredits
    | OverBudget
    | BudgetHeld
    | ProviderRefuses
    | Pause
    | ContentBrake
)
Answer: TypeAlias = Accepted | Repeated | Refused


async def accept(
    tx: Connection, request: Request, terms: Terms, *, now: float, wait: float = 0.0
) -> Answer:
    """Queue a request and hold its credits, or say why not; refusing changes nothing.

    For `wait` seconds it is not submitted, so that it can be cancelled.
    """
    before = await generations.by_cause(tx, request.cause)
    if before is not None and (request.origin != "press" or before.state in generations.UNFINISHED):
        return Repeated(before)
    if (hindrance := await _hindrance(tx, request, terms, now)) is not None:
        return hindrance
    own, shared = await means(tx, request.chat, request.account, terms, now)
    draws = draw(request.credits, own, shared)
    if draws is None:
        return TooFewCredits(request.credits, own, shared.available if shared else 0)
    price = await price_now(tx, request, now)
    given = budget_share(price, request.credits, draws)
    over = await _over_budget(tx, request.account, given, terms, now)
    if over is not None:
        # what the operator cannot give today, somebody may still have paid for
        draws, given = draw_bought(request.credits, own, shared), 0
        if draws is None:
            return over
    request = replace(request, price_micros=price, budget_micros=given)
    if request.picture and (before_it := end_of(request.picture)) is not None:
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


async def _over_budget(
    tx: Connection, account: Account, given: int, terms: Terms, now: float
) -> OverBudget | BudgetHeld | None:
    """Say why the operator does not give so many micro-dollars now; None where they do."""
    left = await budget_left(tx, terms, now)
    if left is None or terms.budget_usd is None or not given:
        return None
    waiting = await statistics.budget_waiting(tx, account)
    whole = pricing.to_micros(terms.budget_usd)
    own = bool(waiting) and WAITING_PARTS * (waiting + given) > whole
    if given <= left and not own:
        return None
    for_good = await budget_left(tx, terms, now, without=generations.PENDING)
    if for_good is not None and given > for_good:
        return OverBudget(ends_at(terms.budget_period, terms.zone, now))
    return BudgetHeld(own=own)


async def _hindrance(
    tx: Connection, request: Request, terms: Terms, now: float
) -> TooManyPending | Pause | ContentBrake | ProviderRefuses | None:
    """Say why an account may order nothing at present, whatever it has."""
    if (hindrance := await outages.waits(tx, request.account, request.chat, now)) is not None:
        return hindrance
    pending = await generations.pending_of(tx, request.account)
    if len(pending) >= terms.max_pending:
        return TooManyPending(len(pending), sum(one.chat != request.chat for one in pending))
    outage = await outages.present(tx)
    return None if outage is None or outage.half_open else ProviderRefuses()


def shortfall(cost: int, balance: Balance, pool: Pool | None) -> TooFewCredits | None:
    """Say what a cost in credits lacks, before anything is ordered; None where it can be paid."""
    pooled = pool.available if pool else 0
    return TooFewCredits(cost, balance, pooled) if cost > balance.total + pooled else None
