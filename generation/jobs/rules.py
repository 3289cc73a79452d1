"""The ways a request can go on, as transitions; which of them when is said in `transitions`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from generation.jobs import schedule
from generation.jobs.outcomes import BadResult, Credits, ModelIsGone, StillQueued, Transition
from generation.models import pricing
from storage.generations import Reason, State
from storage.notices import Notice, NoticeKind

if TYPE_CHECKING:
    from generation.jobs.schedule import Estimate, JobPolicy
    from generation.orders.substitutes import Failover
    from storage.generations import Changes, Generation


Counter: TypeAlias = Literal["picture_setbacks", "send_setbacks", "preparation_setbacks"]


@dataclass(frozen=True, slots=True)
class Situation:
    """A request as it is, the time, the operator's patience, and how long such a video takes."""

    request: Generation
    now: float
    policy: JobPolicy
    estimate: Estimate

    def move(
        self,
        to: State,
        reason: Reason,
        credits_: Credits = Credits.KEEP,
        *,
        due_at: float | None = None,
        changes: Changes | None = None,
        owes: tuple[Notice, ...] = (),
    ) -> Transition:
        """Go to another state, in which it is due at once unless told otherwise."""
        return Transition(
            to=to,
            reason=reason,
            credits=credits_,
            due_at=self.now if due_at is None else due_at,
            changes=changes or {},
            owes=owes,
        )

    def stay(self, due_at: float | None, changes: Changes) -> Transition:
        """Stay in its state."""
        request = self.request
        return Transition(to=request.state, reason=request.reason, due_at=due_at, changes=changes)

    def again(
        self, counter: Counter, retry_after: float | None = None, changes: Changes | None = None
    ) -> Transition:
        """Stay, and try again after a setback of this kind."""
        setbacks: int = getattr(self.request, counter)
        due_at = self.now + schedule.backoff(setbacks, retry_after)
        counted: Changes = {counter: setbacks + 1}  # type: ignore[misc]
        return self.stay(due_at, {**(changes or {}), **counted})

    def fail(self, reason: Reason, kind: NoticeKind | None, **facts: Any) -> Transition:
        """End without a video and without a bill."""
        changes: Changes = {"uncharged": True, "spent_micros": 0}
        owes = self._told_unless_parked(kind, **facts)
        return self.move(State.FAILED, reason, Credits.RELEASE, changes=changes, owes=owes)

    def lose(self, reason: Reason, spent: int | None) -> Transition:
        """End without a video that was made and billed."""
        owes = self._told_unless_parked(NoticeKind.FAILED_BROKEN)
        changes = self._borne(spent)
        return self.move(State.FAILED, reason, Credits.RELEASE, changes=changes, owes=owes)

    def park(self, reason: Reason, kind: NoticeKind, spent: int | None = None) -> Transition:
        """Give the credits back for what is late; it is still looked for, slowly."""
        return self.move(
            State.PARKED, reason, Credits.RELEASE, due_at=self.now + schedule.PARKED_POLL_SECONDS,
            changes=self._borne(spent), owes=(self._notice(kind),),
        )  # fmt: skip

    def expire(self, outage_since: float | None) -> Transition | None:
        """End what nobody wants any more, and what nobody will serve."""
        if self.request.cancel_wanted:
            return self.cancel(self._notice(NoticeKind.CANCELLED))
        if self.now > schedule.queue_deadline(self.request, None):
            return self.fail(Reason.NO_TURN, NoticeKind.FAILED_WAITED)
        if self.now > schedule.queue_deadline(self.request, outage_since):
            return self.fail(Reason.PROVIDER_CLOSED, NoticeKind.FAILED_CLOSED)
        return None

    def cancel(self, *owes: Notice) -> Transition:
        """End what was called back in time."""
        changes: Changes = {"uncharged": True}
        return self.move(
            State.CANCELLED, Reason.CALLED_BACK, Credits.RELEASE, changes=changes, owes=owes
        )

    def queue_again(self, reason: Reason, retry_after: float | None = None) -> Transition:
        """Let it wait for another turn; one that was called back meanwhile is not made."""
        setbacks = self.request.refusals
        queued = self.move(
            State.QUEUED, reason, due_at=self.now + schedule.backoff(setbacks, retry_after),
            changes={"refusals": setbacks + 1},
        )  # fmt: skip
        return self._unless_called_back(queued)

    def _unless_called_back(self, queued: Transition) -> Transition:
        return replace(queued, also=StillQueued()) if self.request.cancel_wanted else queued

    def replace_model(self, failover: Failover) -> Transition:
        """Have another model make it where that costs no more; else one tap goes on."""
        substitute, facts = failover.substitute, failover.facts
        dear = substitute is not None and (
            substitute.credits > self.request.credits
            or pricing.to_micros(substitute.usd) > self.request.price_micros
        )
        if substitute is None or dear:
            follows = self.fail(Reason.MODEL_GONE, NoticeKind.FAILED_MODEL_GONE, **facts)
        else:
            choice, notice = substitute.choice, self._notice(NoticeKind.SUBSTITUTED, **facts)
            follows = self.move(
                State.QUEUED, Reason.MODEL_REPLACED, Credits.HOLD_LESS,
                changes={
                    "family": choice.family.name, "model": choice.mode.model,
                    "seconds": choice.seconds, "aspect_ratio": choice.aspect_ratio,
                    "fit": choice.fit, "resolution": choice.resolution,
                    "credits": substitute.credits,
                    "price_micros": pricing.to_micros(substitute.usd), "refusals": 0,
                },
                # it may happen again, and each time its sender should know
                owes=(replace(notice, cause=f"{notice.cause}:{choice.family.name}"),),
            )  # fmt: skip
            follows = self._unless_called_back(follows)
        was_asked = self.request.state is State.SUBMITTING
        return replace(follows, facts=(ModelIsGone(),)) if was_asked else follows

    def follow(self, reason: Reason, provider_id: str, accepted_at: float) -> Transition:
        """Ask about it by its id from now on, at once where it was lost meanwhile."""
        if self.request.state is State.PARKED:
            return self.stay(self.now, {"provider_id": provider_id})
        due_at = self.next_poll(accepted_at) if reason is Reason.TAKEN else self.now
        changes: Changes = {"provider_id": provider_id, "accepted_at": accepted_at}
        return self.move(State.GENERATING, reason, due_at=due_at, changes=changes)

    def poll_later(self, retry_after: float | None, least: float = 0.0) -> Transition:
        """Ask again after a setback."""
        setbacks = self.request.poll_setbacks
        wait = max(least, schedule.backoff(setbacks, retry_after))
        return self.look_again(self.now + wait, {"poll_setbacks": setbacks + 1})

    def look_again(self, due_at: float, changes: Changes) -> Transition:
        """Look for it again, unless the time for that is over."""
        request = self.request
        if request.state is State.PARKED:
            if self.now - request.changed_at > schedule.PARKED_TIMEOUT:
                return self.move(State.FAILED, Reason.NEVER_SEEN_AGAIN, Credits.RELEASE)
            due_at = max(due_at, self.now + schedule.PARKED_POLL_SECONDS)
        elif self.now - self.accepted_at > self.policy.deadline:
            return self.park(Reason.DEADLINE_OVER, NoticeKind.PARKED_LATE)
        return self.stay(due_at, {"polls": request.polls + 1, **changes})

    def fetch_again(self, patience: float, given_up: Transition) -> Transition:
        """Ask again, more and more seldom, for what is finished and cannot be had; then give up."""
        request = self.request
        if request.state is State.PARKED:
            return self.look_again(self.now, {"poll_setbacks": 0})
        finished_at = request.finished_at or self.now
        left = finished_at + patience - self.now
        if left <= 0:
            return replace(given_up, facts=(BadResult(given_up.reason),))
        return self.stay(
            self.now + schedule.link_backoff(request.dead_links, left),
            {
                "finished_at": finished_at, "dead_links": request.dead_links + 1,
                "polls": request.polls + 1, "poll_setbacks": 0,
            },
        )  # fmt: skip

    def finish(self, spent: int | None, *, send_begins: bool) -> Transition:
        """Take the credits for a video that is there; one that comes too late is a gift."""
        billed: Changes = {"ready_at": self.now}
        if send_begins:
            billed = {**billed, **self.send_begun}
        if self.request.state is State.PARKED:
            gift: Changes = {"is_gift": True, **billed, **self._borne(spent)}
            return self.move(State.READY, Reason.CAME_LATE, changes=gift)
        if spent is not None:
            billed = {**billed, "spent_micros": spent, **self.given_of(spent)}
        return self.move(State.READY, Reason.VIDEO_ON_DISK, Credits.CAPTURE, changes=billed)

    # on its way back

    @property
    def send_begun(self) -> Changes:
        """What is noted before an upload begins."""
        return {"send_started_at": self.now, "sends": self.request.sends + 1}

    def keep(self, reason: Reason, tell_in: int | None) -> Transition:
        """Keep a video for its sender, and say so where they can be told."""
        request, kind = self.request, NoticeKind.UNDELIVERABLE
        owes = () if tell_in is None else (
            Notice(
                # each time it is brought in vain
                cause=f"generation:{request.id}:{kind}:{self.now}", chat=tell_in, kind=kind,
                facts={},
                person=request.account.id, generation=request.id,
            ),
        )  # fmt: skip
        return self.move(State.UNDELIVERABLE, reason, owes=owes)

    def missed(self, is_missed: bool, *, is_kept: bool) -> tuple[Notice, ...]:
        """Say in a group that could not be shown its video where that is."""
        if not is_missed:
            return ()
        in_private = self.request.account.is_person
        return (self._notice(NoticeKind.ELSEWHERE, is_kept=is_kept, in_private=in_private),)

    def give_back(self) -> Transition:
        """Give back what was taken for a video that is lost; a gift has been given back before."""
        owes = () if self.request.is_gift else (self._notice(NoticeKind.FAILED_LOST),)
        borne = self._borne(self.request.spent_micros)
        return self.move(
            State.FAILED, Reason.VIDEO_LOST, Credits.COMPENSATE, changes=borne, owes=owes
        )

    @property
    def accepted_at(self) -> float:
        """When the provider took it."""
        return self.request.accepted_at or self.request.changed_at

    @property
    def submitted_at(self) -> float:
        """When it was sent to the provider."""
        return self.request.submitted_at or self.request.changed_at

    def next_poll(self, accepted_at: float) -> float:
        """Return when it may be finished."""
        return schedule.next_poll(
            now=self.now,
            accepted_at=accepted_at,
            durations=self.estimate.durations,
            typical=self.estimate.typical,
            fixed=self.policy.interval,
        )

    def given_of(self, micros: int) -> Changes:
        """Count the operator's part of another price than the one it was accepted at."""
        before = self.request
        given = pricing.part_of(micros, before.budget_micros, before.price_micros)
        return {"budget_micros": given}

    def _borne(self, spent: int | None) -> Changes:
        """Count the whole price in the budget: the credits are back, so nobody else bears it."""
        if spent is None:
            return {"budget_micros": self.request.price_micros}
        return {"budget_micros": spent, "spent_micros": spent}

    def _told_unless_parked(self, kind: NoticeKind | None, **facts: Any) -> tuple[Notice, ...]:
        if kind is None or self.request.state is State.PARKED:
            return ()
        return (self._notice(kind, **facts),)

    def _notice(self, kind: NoticeKind, **facts: Any) -> Notice:
        """Return a word that is owed where the request was made, in its sender's language."""
        request = self.request
        return Notice(
            cause=f"generation:{request.id}:{kind}",
            chat=request.chat,
            kind=kind,
            facts={"generation": request.id, "credits": request.credits} | facts,
            thread_id=request.thread_id,
            reply_to=request.message_id,
            person=request.account.id if request.account.is_person else None,
            generation=request.id,
        )
