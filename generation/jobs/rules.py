"""Builders of the transitions among which `transitions.decide` chooses."""

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


Setbacks: TypeAlias = Literal["picture_setbacks", "send_setbacks", "preparation_setbacks"]


@dataclass(frozen=True, slots=True)
class TransitionBuilder:
    """Builds the transitions of one request, as it is at one time."""

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
        """Go to another state; the request is due at once if no `due_at` is given."""
        return Transition(
            to=to, reason=reason, credits=credits_, due_at=self.now if due_at is None else due_at,
            changes=changes or {}, owes=owes,
        )  # fmt: skip

    def stay(self, due_at: float | None, changes: Changes) -> Transition:
        """Stay in the present state."""
        request = self.request
        return Transition(to=request.state, reason=request.reason, due_at=due_at, changes=changes)

    def retry(
        self, counter: Setbacks, retry_after: float | None = None, changes: Changes | None = None
    ) -> Transition:
        """Stay, count a failure of this kind, and try again after a back-off."""
        setbacks: int = getattr(self.request, counter)
        due_at = self.now + schedule.backoff(setbacks, retry_after)
        counted: Changes = {counter: setbacks + 1}  # type: ignore[misc]
        return self.stay(due_at, {**(changes or {}), **counted})

    def fail(self, reason: Reason, kind: NoticeKind | None, **facts: Any) -> Transition:
        """Fail a request for which the provider bills nothing."""
        changes: Changes = {"uncharged": True, "spent_micros": 0}
        owes = self._notice_unless_parked(kind, **facts)
        return self.move(State.FAILED, reason, Credits.RELEASE, changes=changes, owes=owes)

    def lose(self, reason: Reason, spent: int | None) -> Transition:
        """Fail a request whose video was made and billed, but cannot be used."""
        owes = self._notice_unless_parked(NoticeKind.FAILED_BROKEN)
        changes = self._operator_pays(spent)
        return self.move(State.FAILED, reason, Credits.RELEASE, changes=changes, owes=owes)

    def park(self, reason: Reason, kind: NoticeKind, spent: int | None = None) -> Transition:
        """Release the credits of a late request, and go on polling it slowly."""
        return self.move(
            State.PARKED, reason, Credits.RELEASE, due_at=self.now + schedule.PARKED_POLL_SECONDS,
            changes=self._operator_pays(spent), owes=(self._notice(kind),),
        )  # fmt: skip

    def expire(self, outage_since: float | None) -> Transition | None:
        """End a queued request that was cancelled or waited too long; otherwise return None."""
        if self.request.cancel_wanted:
            return self.cancel(self._notice(NoticeKind.CANCELLED))
        if self.now > schedule.queue_deadline(self.request, None):
            return self.fail(Reason.WAITED_TOO_LONG, NoticeKind.FAILED_WAITED)
        if self.now > schedule.queue_deadline(self.request, outage_since):
            return self.fail(Reason.PROVIDER_CLOSED, NoticeKind.FAILED_CLOSED)
        return None

    def cancel(self, *owes: Notice) -> Transition:
        """End a request that was cancelled before it was submitted."""
        changes: Changes = {"uncharged": True}
        return self.move(
            State.CANCELLED, Reason.CANCELLED, Credits.RELEASE, changes=changes, owes=owes
        )

    def requeue(self, reason: Reason, retry_after: float | None = None) -> Transition:
        """Return the request to the queue; if it was cancelled meanwhile, end it."""
        setbacks = self.request.refusals
        queued = self.move(
            State.QUEUED, reason, due_at=self.now + schedule.backoff(setbacks, retry_after),
            changes={"refusals": setbacks + 1},
        )  # fmt: skip
        return self._unless_cancelled(queued)

    def _unless_cancelled(self, queued: Transition) -> Transition:
        return replace(queued, also=StillQueued()) if self.request.cancel_wanted else queued

    def replace_model(self, failover: Failover) -> Transition:
        """Queue the substitute if it costs no more; otherwise fail, and offer it to the sender."""
        substitute, facts = failover.substitute, failover.facts
        is_dearer = substitute is not None and (
            substitute.credits > self.request.credits
            or pricing.to_micros(substitute.usd) > self.request.price_micros
        )
        if substitute is None or is_dearer:
            transition = self.fail(Reason.MODEL_GONE, NoticeKind.FAILED_MODEL_GONE, **facts)
        else:
            choice, notice = substitute.choice, self._notice(NoticeKind.SUBSTITUTED, **facts)
            transition = self.move(
                State.QUEUED, Reason.MODEL_REPLACED, Credits.HOLD_LESS,
                changes={
                    "family": choice.family.name, "model": choice.mode.model,
                    "seconds": choice.seconds, "aspect_ratio": choice.aspect_ratio,
                    "fit": choice.fit, "resolution": choice.resolution,
                    "credits": substitute.credits,
                    "price_micros": pricing.to_micros(substitute.usd), "refusals": 0,
                },
                # a cause of its own: if it happens again, the sender is told again
                owes=(replace(notice, cause=f"{notice.cause}:{choice.family.name}"),),
            )  # fmt: skip
            transition = self._unless_cancelled(transition)
        was_submitted = self.request.state is State.SUBMITTING
        return replace(transition, facts=(ModelIsGone(),)) if was_submitted else transition

    def start_polling(self, reason: Reason, provider_id: str, accepted_at: float) -> Transition:
        """Poll by this id from now on; at once if the submission was lost meanwhile."""
        if self.request.state is State.PARKED:
            return self.stay(self.now, {"provider_id": provider_id})
        due_at = self.next_poll(accepted_at) if reason is Reason.SUBMISSION_ACCEPTED else self.now
        changes: Changes = {"provider_id": provider_id, "accepted_at": accepted_at}
        return self.move(State.GENERATING, reason, due_at=due_at, changes=changes)

    def poll_later(self, retry_after: float | None, least: float = 0.0) -> Transition:
        """Poll again after a failure, and wait `least` seconds or longer."""
        setbacks = self.request.poll_setbacks
        wait = max(least, schedule.backoff(setbacks, retry_after))
        return self.check_again(self.now + wait, {"poll_setbacks": setbacks + 1})

    def check_again(self, due_at: float, changes: Changes) -> Transition:
        """Poll or search again at `due_at`; park or fail the request if its time is over."""
        request = self.request
        if request.state is State.PARKED:
            if self.now - request.changed_at > schedule.PARKED_TIMEOUT:
                return self.move(State.FAILED, Reason.NEVER_FINISHED, Credits.RELEASE)
            due_at = max(due_at, self.now + schedule.PARKED_POLL_SECONDS)
        elif self.now - self.accepted_at > self.policy.deadline:
            return self.park(Reason.DEADLINE_OVER, NoticeKind.PARKED_LATE)
        return self.stay(due_at, {"polls": request.polls + 1, **changes})

    def retry_fetch(self, patience: float, given_up: Transition) -> Transition:
        """Poll again, less and less often; after `patience` seconds `given_up` follows."""
        request = self.request
        if request.state is State.PARKED:
            return self.check_again(self.now, {"poll_setbacks": 0})
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
        """Capture the credits for a downloaded video; after parking, the video is a gift."""
        billed: Changes = {"ready_at": self.now}
        if send_begins:
            billed = {**billed, **self.send_started}
        if self.request.state is State.PARKED:
            gift: Changes = {"is_gift": True, **billed, **self._operator_pays(spent)}
            return self.move(State.READY, Reason.CAME_LATE, changes=gift)
        if spent is not None:
            billed = {**billed, "spent_micros": spent, **self.budget_at(spent)}
        return self.move(State.READY, Reason.VIDEO_ON_DISK, Credits.CAPTURE, changes=billed)

    # delivery

    @property
    def send_started(self) -> Changes:
        """What changes before an upload starts."""
        return {"send_started_at": self.now, "sends": self.request.sends + 1}

    def keep_undelivered(self, reason: Reason, tell_in: int | None) -> Transition:
        """Keep a video that cannot be delivered; tell the sender in chat `tell_in`, if not None."""
        request, kind = self.request, NoticeKind.UNDELIVERABLE
        owes = () if tell_in is None else (
            Notice(
                # a cause of its own for each failed delivery
                cause=f"generation:{request.id}:{kind}:{self.now}", chat=tell_in, kind=kind,
                facts={},
                person=request.account.id, generation=request.id,
            ),
        )  # fmt: skip
        return self.move(State.UNDELIVERABLE, reason, owes=owes)

    def missed_notices(self, is_missed: bool, *, is_kept: bool) -> tuple[Notice, ...]:
        """Return the notice to a group that did not get its video, if it can be told."""
        if not is_missed:
            return ()
        in_private = self.request.account.is_person
        return (self._notice(NoticeKind.ELSEWHERE, is_kept=is_kept, in_private=in_private),)

    def compensate(self) -> Transition:
        """Give back the credits of a lost video; those of a gift were released before."""
        owes = () if self.request.is_gift else (self._notice(NoticeKind.FAILED_LOST),)
        changes = self._operator_pays(self.request.spent_micros)
        return self.move(
            State.FAILED, Reason.VIDEO_LOST, Credits.COMPENSATE, changes=changes, owes=owes
        )

    @property
    def accepted_at(self) -> float:
        """When the provider accepted the request."""
        return self.request.accepted_at or self.request.changed_at

    def next_poll(self, accepted_at: float) -> float:
        """Return when to poll next."""
        return schedule.next_poll(
            now=self.now,
            accepted_at=accepted_at,
            durations=self.estimate.durations,
            typical=self.estimate.typical,
            fixed=self.policy.interval,
        )

    def budget_at(self, micros: int) -> Changes:
        """Return the operator's share of the price, now that the price is `micros`."""
        before = self.request
        given = pricing.part_of(micros, before.budget_micros, before.price_micros)
        return {"budget_micros": given}

    def _operator_pays(self, spent: int | None) -> Changes:
        """Charge the whole price to the budget, because the credits are released."""
        if spent is None:
            return {"budget_micros": self.request.price_micros}
        return {"budget_micros": spent, "spent_micros": spent}

    def _notice_unless_parked(self, kind: NoticeKind | None, **facts: Any) -> tuple[Notice, ...]:
        if kind is None or self.request.state is State.PARKED:
            return ()
        return (self._notice(kind, **facts),)

    def _notice(self, kind: NoticeKind, **facts: Any) -> Notice:
        """Return a notice to the chat of the request, in its sender's language."""
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
