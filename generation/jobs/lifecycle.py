"""Applies transitions: the only place where a generation changes its state.

One transaction has the guarded UPDATE, its ledger entries and the notices that follow; a trigger
writes the history (see `storage/schema`). Side effects in memory are applied after the commit.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, assert_never

from generation.jobs import outcomes as on
from generation.jobs.outcomes import Credits
from generation.jobs.schedule import CircuitBreaker, Estimate, JobPolicy
from generation.jobs.transitions import NEXT_STATES, decide
from generation.media.videos import delete_expired
from generation.models import pricing
from generation.orders import balances
from generation.provider.client import LOOKUP_SECONDS
from storage import chats, generations, ledger, notices, outages, people, personal_data
from storage.generations import State
from storage.ledger import Account, EntryKind
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from generation.jobs.outcomes import Outcome, SideFact, Transition
    from generation.jobs.schedule import DurationEstimates
    from generation.models.catalogue import Cooldowns
    from generation.orders.balances import Terms
    from storage.database import Connection, Database
    from storage.generations import Changes, Generation
    from storage.notices import Admins

CLOCK_TOLERANCE = 10.0
"""How far the clock may be set, in seconds, without any correction."""
MAX_PROMPT_SHOWN = 300

logger = logging.getLogger(__name__)

_DEFAULT_POLICY, _NO_ESTIMATE = JobPolicy(), Estimate(0.0)


class IllegalTransition(Exception):
    """A transition that `NEXT_STATES` does not allow was decided: a bug."""


@dataclass(frozen=True, slots=True)
class AppliedTransition:
    """A transition that was applied, and the generation before and after it."""

    before: Generation
    transition: Transition
    after: Generation


@dataclass(eq=False, kw_only=True)
class Lifecycle:
    """Applies outcomes to generations, with their effects on the account, models and admins."""

    db: Database
    policy: JobPolicy
    estimates: DurationEstimates
    breaker: CircuitBreaker
    cooldowns: Cooldowns
    admins: Admins
    clock: Callable[[], float]
    terms: Terms | None = None
    uptime: Callable[[], float] | None = None
    """A monotonic clock; None if `clock` is never set."""
    _clock_offset: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._clock_offset = self._clock_shift()

    def _clock_shift(self) -> float:
        """Return by how many seconds the clock was set since this was last corrected."""
        return 0.0 if self.uptime is None else self.clock() - self.uptime() - self._clock_offset

    async def adjust_to_clock(self) -> None:
        """Shift the times of unfinished generations if the clock was set: elapsed time counts."""
        if abs(self._clock_shift()) > CLOCK_TOLERANCE:
            async with self.db.transaction() as tx:
                # another task may have done it while this one waited for the lock
                if abs(seconds := self._clock_shift()) > CLOCK_TOLERANCE:
                    await generations.shift_times(tx, seconds)
                    self.breaker.shift_times(seconds)
                    self._clock_offset += seconds
                    logger.warning("the clock was set by %.0f s", seconds)

    async def advance(self, generation: Generation, outcome: Outcome) -> Generation | None:
        """Apply an outcome to the state in the database; return None if it has no effect."""
        await self.adjust_to_clock()
        now = self.clock()
        async with self.db.transaction() as tx:
            match outcome:
                case on.TurnCame():
                    outcome = await self._check_budget(tx, generation.id, outcome, now)
                case on.SubmissionAccepted(provider_id) | on.FoundInLog(provider_id):
                    if await generations.is_taken_provider_id(tx, provider_id, generation.id):
                        # one video is not delivered and paid twice; the right id may be in the log
                        outcome = (
                            on.AnswerLost("answered with the id of another request")
                            if isinstance(outcome, on.SubmissionAccepted)
                            else on.NotInLog(LOOKUP_SECONDS)
                        )
            estimate = await self.estimates.within(tx, generation)
            steps = await apply(
                tx, generation.id, outcome, now=now, policy=self.policy, estimate=estimate
            )
            effects = [
                await self._apply_fact(tx, step.before, fact, now)
                for step in steps
                for fact in step.transition.facts
            ]
        for take_effect in effects:
            take_effect()
        log_steps(steps, getattr(outcome, "explanation", ""))
        for step in steps:
            if step.transition.to is State.READY and step.before.state is not State.READY:
                self.estimates.learn(step.after)
        return steps[-1].after if steps else None

    async def _check_budget(
        self, tx: Connection, number: int, turn: on.TurnCame, now: float
    ) -> Outcome:
        """Return the turn with the present price, or BudgetExhausted if that is over the budget."""
        generation = await generations.find(tx, number)
        if generation is None or self.terms is None:
            return turn
        price = await balances.affordable_price(tx, generation, self.terms, now)
        return on.BudgetExhausted() if price is None else replace(turn, price_micros=price)

    async def _apply_fact(
        self, tx: Connection, generation: Generation, fact: SideFact, now: float
    ) -> Callable[[], None]:
        """Write a side effect of an outcome; return the function to call after the commit."""
        match fact:
            case on.OutageBegins(reason, explanation):
                outage = await self.breaker.open(tx, reason, explanation, now=now)
                return partial(self.breaker.adopt, outage)
            case on.AccountServed():
                return partial(self.breaker.adopt, await self.breaker.close(tx, now=now))
            case on.AccountRateLimited(retry_after):
                return partial(self.breaker.back_off, retry_after)
            case on.ModelIsGone():
                gone = await self.cooldowns.gone(tx, generation.model)
                return partial(self.cooldowns.adopt, gone)
            case on.ModelFailed():
                failing = await self.cooldowns.count_failure(tx, generation.model, generation.id)
                return partial(self.cooldowns.adopt, failing)
            case on.PromptRefused():
                await self._notify_brake(tx, generation, now)
            case on.BadResult(explanation):
                await self.admins.notify(
                    tx, NoticeKind.BAD_RESULT, cause=f"result:{generation.id}", now=now,
                    generation=generation.id, explanation=explanation,
                )  # fmt: skip
            case _:
                assert_never(fact)
        return lambda: None

    async def _notify_brake(self, tx: Connection, generation: Generation, now: float) -> None:
        """Tell the admins once, and a person in private, of an account that is often refused."""
        account = generation.account
        person = await people.of_account(tx, account)
        chat = None if account.is_person else await chats.find(tx, account.id)
        if brake := await outages.content_brake_of(tx, account, generation.chat, now):
            await self.admins.notify(
                tx, NoticeKind.CONTENT_BRAKE, now=now,
                cause=f"brake:{account}:{brake.began_at:.0f}",
                generation=generation.id, by_person=account.is_person,
                name=person.name if person else chat.title if chat else "",
                number=chat.telegram_id if chat else account.id,
                prompt=generation.prompt[:MAX_PROMPT_SHOWN],
            )  # fmt: skip
            place = await chats.find(tx, generation.chat)
            if place is not None and place.is_private and now < brake.until:
                cause, wait = f"braked:{account.id}:{brake.until:.0f}", brake.until - now
                await notices.owe_person(
                    tx, account.id, NoticeKind.BRAKED, cause=cause, now=now, wait=wait
                )


async def apply(
    tx: Connection,
    number: int,
    outcome: Outcome,
    *,
    now: float,
    policy: JobPolicy = _DEFAULT_POLICY,
    estimate: Estimate = _NO_ESTIMATE,
) -> list[AppliedTransition]:
    """Apply an outcome within an open transaction; the caller passes the result to `log_steps`."""
    steps: list[AppliedTransition] = []
    generation, following = await generations.find(tx, number), outcome
    while generation is not None:
        transition = decide(generation, following, now=now, policy=policy, estimate=estimate)
        if transition is None:
            break
        after = await _write(tx, generation, transition, now)
        steps.append(AppliedTransition(generation, transition, after))
        if transition.also is None:
            break
        generation, following = after, transition.also
    return steps


async def _write(
    tx: Connection, before: Generation, transition: Transition, now: float
) -> Generation:
    changes: Changes = {**transition.changes}
    if transition.due_at is not None:
        changes["due_at"] = transition.due_at
    if transition.credits is Credits.HOLD_LESS:
        given = await ledger.hold_less(tx, before.id, changes["credits"], now=now)
        changes["budget_micros"] = pricing.part_of(
            changes["price_micros"], given, changes["credits"]
        )
    if transition.to is before.state:
        after = await generations.update(tx, before.id, before.state, **changes)
    elif transition.to in NEXT_STATES[before.state]:
        after = await generations.change_state(
            tx, before.id, before.state, transition.to, reason=transition.reason, now=now, **changes
        )
    else:
        raise IllegalTransition(f"generation {before.id}: {before.state} → {transition.to}")
    if after is None:
        raise IllegalTransition(f"generation {before.id} changed within a transaction")
    await _settle(tx, before.id, transition.credits, now)
    for notice in transition.owes:
        await notices.owe(tx, notice, now=now)
    return after


async def _settle(tx: Connection, number: int, credits_: Credits, now: float) -> None:
    match credits_:
        case Credits.CAPTURE:
            await ledger.end_holds(tx, number, EntryKind.CAPTURE, now=now)
        case Credits.RELEASE:
            # a parked generation holds nothing any more
            await ledger.end_holds(tx, number, EntryKind.RELEASE, now=now)
        case Credits.COMPENSATE:
            await ledger.compensate(tx, number, now=now)
        case Credits.KEEP | Credits.HOLD_LESS:
            pass
        case _:
            assert_never(credits_)


def log_steps(steps: Iterable[AppliedTransition], explanation: str = "") -> None:
    """Log each committed transition."""
    for step in steps:
        was, to, reason = step.before.state, step.transition.to, step.transition.reason
        if was is not to or step.transition.credits is not Credits.KEEP:
            logger.info(
                "generation %d: %s → %s (%s) %s",
                step.before.id, was, to, reason, explanation,
                extra={
                    "event": "transition", "generation": step.before.id,
                    "from": was, "to": to, "reason": reason,
                    "model": step.after.model, "provider_id": step.after.provider_id,
                },
            )  # fmt: skip


async def cancel(db: Database, number: int, account: Account, *, now: float) -> Generation | None:
    """Cancel an account's request, now or once it is queued again; return None if it has none."""
    async with db.transaction() as tx:
        generation = await generations.find(tx, number)
        if generation is None or generation.account != account:
            return None
        steps = await apply(tx, number, on.CancelWanted(), now=now)
    log_steps(steps)
    return steps[-1].after if steps else generation


async def process_erasures(
    db: Database, folder: Path, *, wake: Callable[[int], None], clock: Callable[[], float]
) -> None:
    """Delete the data of people who asked for it; `folder` holds the videos.

    Queued requests are cancelled. Requests that were already submitted are finished first: their
    data is deleted by a later call.
    """
    async with db.reading() as connection:
        wanted = await personal_data.open_erasures(connection)
    ended = False
    for erasure in wanted:
        async with db.reading() as connection:
            pending = await generations.pending_of(connection, erasure.account)
        for one in pending:
            if one.state is State.QUEUED and one.created_at <= erasure.asked_at:
                await cancel(db, one.id, erasure.account, now=clock())
                wake(one.chat)
        await personal_data.erase_past(db, erasure, now=clock())
        async with db.transaction(in_thread=True) as tx:
            ended |= await personal_data.end_erasure(tx, erasure, now=clock())
    if ended:
        await delete_expired(db, folder, now=clock())
        await db.truncate_wal()


async def cancel_queued(
    tx: Connection, who: int, *, now: float, why: str | None = None
) -> list[AppliedTransition]:
    """Fail the queued requests of a banned person or chat; those being made go on.

    `who` is a Telegram id. For a group or channel, these are the requests made in it, and those
    made in its name elsewhere. The caller passes the result to `log_steps`.
    """
    stopped: list[AppliedTransition] = []
    if who > 0:
        unfinished = await generations.pending_of(tx, Account.person(who))
    else:
        group = await chats.by_telegram_id(tx, who)
        unfinished = await generations.in_work(tx, group.id) if group else []
        unfinished += await generations.pending_of(tx, Account.chat(group.id)) if group else []
    for one in unfinished:
        place = await chats.find(tx, one.chat)
        # the reason is not shown in a group
        banned = on.SenderBanned(place is not None and place.is_private, why)
        stopped += await apply(tx, one.id, banned, now=now)
    return stopped
