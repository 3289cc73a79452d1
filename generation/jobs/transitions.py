"""The state machine of a generation: which transition follows from each outcome.

    queued ──► submitting ──► generating ──► ready ──► delivered
      ▲ │          │  │          ▲   │       ▲ │ │         ▲
      └─┼──────────┘  ▼          │   ▼       │ │ ▼         │
        │          unknown ──────┘  parked ──┘ │ undeliverable
        ▼             └───────────►  │         │
      cancelled, failed ◄────────────┴─────────┘

Transitions are values: nothing here reads a clock, the database or the network. They are applied
in `generation.jobs.lifecycle`.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, assert_never

from generation.jobs import outcomes as on
from generation.jobs import polling, schedule
from generation.jobs.rules import TransitionBuilder
from generation.media.pictures import which_frame
from generation.provider.client import submitted_at
from storage.generations import PENDING, Reason, State
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from generation.jobs.outcomes import Outcome, Transition
    from generation.jobs.schedule import Estimate, JobPolicy
    from storage.generations import Changes, Generation

NEXT_STATES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.QUEUED: frozenset({State.SUBMITTING, State.CANCELLED, State.FAILED}),
        State.SUBMITTING: frozenset({State.GENERATING, State.QUEUED, State.FAILED, State.UNKNOWN}),
        State.UNKNOWN: frozenset({State.GENERATING, State.PARKED, State.FAILED}),
        State.GENERATING: frozenset({State.READY, State.FAILED, State.PARKED}),
        State.PARKED: frozenset({State.READY, State.FAILED}),
        State.READY: frozenset({State.DELIVERED, State.UNDELIVERABLE, State.FAILED}),
        State.UNDELIVERABLE: frozenset({State.DELIVERED}),
        State.DELIVERED: frozenset(),
        State.FAILED: frozenset(),
        State.CANCELLED: frozenset(),
    }
)

_SEARCHED = {State.UNKNOWN, State.PARKED}
_POLLED = {State.GENERATING, State.PARKED}
_SENDABLE = {State.READY, State.UNDELIVERABLE}

_RELEVANT: tuple[tuple[set[State], tuple[type[Outcome], ...]], ...] = (
    (
        {State.QUEUED},
        (on.TurnCame, on.BudgetExhausted, on.BotStarted, on.StillQueued, on.PictureFetchFailed,
         on.PictureLost, on.PictureUnusable, on.SenderBanned),
    ),
    ({State.QUEUED, State.SUBMITTING}, (on.ModelNotServed,)),
    ({*PENDING}, (on.CancelWanted,)),
    (
        {State.SUBMITTING},
        (on.SubmissionNotAccepted, on.RequestRefused, on.AnswerLost),
    ),
    # the id of a paid generation is never dropped, however late the answer came
    ({State.SUBMITTING} | _SEARCHED, (on.SubmissionAccepted,)),
    ({State.SUBMITTING} | _POLLED, (on.AccountRefused, on.ContentRefused)),
    ({State.SUBMITTING} | _POLLED | _SEARCHED, (on.ProviderFailed,)),
    (_SEARCHED, (on.FoundInLog, on.NotInLog)),
    (
        _POLLED,
        (on.StillRunning, on.PollFailed, on.IdUnknown, on.AddressMissing, on.LinkDead,
         on.ResultRefused, on.VideoOnDisk),
    ),
    (
        {State.READY},
        (on.SendFailed, on.ArrivalUnknown, on.PreparationFailed, on.VideoGone),
    ),
    (_SENDABLE, (on.SendStarted, on.SendReverted, on.Delivered, on.DeliveryFailed)),
)  # fmt: skip
RELEVANT_STATES = {
    outcome: frozenset(states) for states, outcomes in _RELEVANT for outcome in outcomes
}
"""The states in which an outcome has an effect; in others the generation has already moved on."""


def decide(
    generation: Generation, outcome: Outcome, *, now: float, policy: JobPolicy, estimate: Estimate
) -> Transition | None:
    """Return the transition that follows from an outcome, or None if it has no effect."""
    if generation.state not in RELEVANT_STATES[type(outcome)]:
        return None
    build = TransitionBuilder(generation, now, policy, estimate)
    match outcome:
        # while the request is queued
        case on.BotStarted(last_step_at, is_copy):
            away = now - max(last_step_at, generation.created_at)
            if away <= schedule.MAX_ABSENCE and not is_copy:
                return None
            return build.fail(Reason.BOT_WAS_AWAY, NoticeKind.FAILED_AWAY)
        case on.BudgetExhausted():
            return build.stay(now + schedule.BUDGET_RETRY_SECONDS, {})
        case on.TurnCame(request_id, aspect_ratio, price):
            return build.move(
                State.SUBMITTING, Reason.TURN_CAME,
                changes={
                    "request_id": request_id, "submissions": generation.submissions + 1,
                    "submitted_at": now, "aspect_ratio": aspect_ratio,
                    **({} if price is None else {"price_micros": price, **build.budget_at(price)}),
                },
            )  # fmt: skip
        case on.StillQueued(outage_since):
            return build.expire(outage_since)
        case on.PictureFetchFailed(is_refused=False, retry_after=retry_after):
            return build.stay(now + max(schedule.PICTURE_RETRY_SECONDS, retry_after or 0.0), {})
        case on.PictureFetchFailed() if generation.picture_setbacks < schedule.MAX_PICTURE_RETRIES:
            return build.retry("picture_setbacks")
        case on.PictureFetchFailed() | on.PictureLost():
            frame = which_frame(generation.picture or "")
            of_video = {"frame": frame} if frame else {}
            return build.fail(Reason.PICTURE_LOST, NoticeKind.FAILED_PICTURE_GONE, **of_video)
        case on.PictureUnusable(why):
            return build.fail(Reason.PICTURE_UNUSABLE, NoticeKind.FAILED_PICTURE, picture=why)
        case on.SenderBanned(is_told, why):
            kind = NoticeKind.FAILED_BANNED if is_told else None
            return build.fail(Reason.BANNED, kind, **({"why": why} if why else {}))
        case on.CancelWanted():
            if generation.state is State.QUEUED:
                return build.cancel()
            return build.stay(None, {"cancel_wanted": True})
        # answers to the paid request
        case on.SubmissionAccepted(provider_id):
            taken = build.start_polling(Reason.SUBMISSION_ACCEPTED, provider_id, now)
            return replace(taken, facts=(on.AccountServed(),))
        case on.SubmissionNotAccepted(retry_after, rate_limited=limited):
            refused = build.requeue(Reason.SUBMISSION_NOT_ACCEPTED, retry_after)
            return replace(refused, facts=(on.AccountRateLimited(retry_after),) if limited else ())
        case on.AccountRefused(reason, explanation):
            if generation.state is State.SUBMITTING:
                refused = build.requeue(Reason.ACCOUNT_REFUSED)
            else:
                refused = build.poll_later(None)
            return replace(refused, facts=(on.OutageBegins(reason, explanation),))
        case on.ModelNotServed(failover):
            return build.replace_model(failover)
        case on.ContentRefused(people):
            if people is None:
                refused = build.fail(Reason.CONTENT_REFUSED, NoticeKind.FAILED_MODERATION)
                return replace(refused, facts=(on.PromptRefused(),))
            return build.fail(Reason.PEOPLE_REFUSED, NoticeKind.FAILED_PEOPLE, **people.facts)
        case on.RequestRefused():
            # not ModelFailed: the request was invalid, and one sender may repeat it often
            return build.fail(Reason.REQUEST_REFUSED, NoticeKind.FAILED_REJECTED)
        case on.ProviderFailed():
            failed = build.fail(Reason.PROVIDER_FAILED, NoticeKind.FAILED_BROKEN)
            return replace(failed, facts=(on.ModelFailed(),))
        case on.AnswerLost(reason=reason):
            return build.move(State.UNKNOWN, reason)
        # searches for a lost submission
        case on.FoundInLog(provider_id):
            # its duration counts from the submission
            return build.start_polling(Reason.FOUND_IN_LOG, provider_id, submitted_at(generation))
        case on.NotInLog(search_in):
            if generation.state is State.PARKED:
                return build.check_again(now + search_in, {})
            if now - submitted_at(generation) > schedule.grace(policy.grace, estimate.seconds):
                return build.park(Reason.NEVER_ANSWERED, NoticeKind.PARKED_UNKNOWN)
            return build.stay(now + search_in, {})
        # polls
        case on.StillRunning():
            return build.check_again(build.next_poll(build.accepted_at), {"poll_setbacks": 0})
        case on.PollFailed(retry_after):
            return build.poll_later(retry_after)
        case on.IdUnknown():
            return build.poll_later(None, least=polling.MAX_POLL_SECONDS)
        case on.AddressMissing(spent):
            return build.retry_fetch(
                schedule.ADDRESS_TIMEOUT, build.lose(Reason.ADDRESS_MISSING, spent)
            )
        case on.LinkDead(spent, reason):
            parked = build.park(reason, NoticeKind.PARKED_LATE, spent)
            return build.retry_fetch(schedule.LINK_TIMEOUT, parked)
        case on.ResultRefused(explanation, spent):
            lost = build.lose(Reason.RESULT_REFUSED, spent)
            return replace(lost, facts=(on.BadResult(explanation),))
        case on.VideoOnDisk(spent, send_begins):
            return build.finish(spent, send_begins=send_begins)
        # delivery
        case on.SendStarted():
            return build.stay(None, build.send_started)
        case on.SendReverted(sends):
            return build.stay(None, {"send_started_at": None, "sends": sends})
        case on.SendFailed(sends, retry_after):
            undone: Changes = {"send_started_at": None, "sends": sends}
            return build.retry("send_setbacks", retry_after, undone)
        case on.ArrivalUnknown():
            return build.stay(now + schedule.RESEND_SECONDS, {})
        case on.PreparationFailed(tell_in):
            if generation.preparation_setbacks < schedule.MAX_PREPARATIONS:
                return build.retry("preparation_setbacks")
            return build.keep_undelivered(Reason.PREPARATION_FAILED, tell_in)
        case on.VideoGone():
            if generation.preparation_setbacks < schedule.MAX_RESTORATIONS:
                return build.retry("preparation_setbacks")
            return build.compensate()
        case on.DeliveryFailed(reason, tell_in, is_missed):
            kept = build.keep_undelivered(reason, tell_in)
            return replace(kept, owes=kept.owes + build.missed_notices(is_missed, is_kept=True))
        case on.Delivered(chat, message, file_id, file_kind, is_missed, unique_id, thumbnail):
            return build.move(
                State.DELIVERED, Reason.DELIVERED,
                changes={
                    "delivered_chat": chat, "delivered_message": message,
                    "file_id": file_id, "file_kind": file_kind, "file_unique_id": unique_id,
                    "thumbnail": thumbnail, "send_started_at": None, "status_message": None,
                },
                owes=build.missed_notices(is_missed, is_kept=False),
            )  # fmt: skip
        case _:
            assert_never(outcome)
