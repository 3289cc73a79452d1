"""What follows from an outcome: the states of a generation, and one decision for each outcome.

    queued ──► submitting ──► generating ──► ready ──► delivered
      ▲ │          │  │          ▲   │       ▲ │ │         ▲
      └─┼──────────┘  ▼          │   ▼       │ │ ▼         │
        │          unknown ──────┘  parked ──┘ │ undeliverable
        ▼             └───────────►  │         │
      cancelled, failed ◄────────────┴─────────┘

Decisions are values: nothing here reads a clock, the database or the network. They are carried out
in `generation.jobs.lifecycle`.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, assert_never

from generation.jobs import outcomes as on
from generation.jobs import polling, schedule
from generation.jobs.outcomes import (
    AccountRateLimited,
    AccountServed,
    BadResult,
    ModelFailed,
    OutageBegins,
    PromptRefused,
)
from generation.jobs.rules import Situation
from generation.media.pictures import which_frame
from storage.generations import PENDING, Reason, State
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from generation.jobs.outcomes import Outcome, Transition
    from generation.jobs.schedule import Estimate, JobPolicy
    from storage.generations import Changes, Generation

NEXT: Mapping[State, frozenset[State]] = MappingProxyType(
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
"""Which state may follow which."""

_SOUGHT = {State.UNKNOWN, State.PARKED}
_FOLLOWED = {State.GENERATING, State.PARKED}
_SENT = {State.READY, State.UNDELIVERABLE}

_COUNT: tuple[tuple[set[State], tuple[type[Outcome], ...]], ...] = (
    (
        {State.QUEUED},
        (on.TurnCame, on.BudgetUsed, on.BotStarted, on.StillQueued, on.PictureLate, on.PictureLost,
         on.PictureUnusable, on.SenderBanned),
    ),
    ({State.QUEUED, State.SUBMITTING}, (on.ModelNotServed,)),
    ({*PENDING}, (on.CancelWanted,)),
    (
        {State.SUBMITTING},
        (on.SurelyNotTaken, on.RequestRefused, on.AnswerLost, on.ProcessStopped),
    ),
    # an id that is paid for is never dropped, however late its answer came
    ({State.SUBMITTING} | _SOUGHT, (on.Taken,)),
    ({State.SUBMITTING} | _FOLLOWED, (on.AccountRefused, on.ContentRefused)),
    ({State.SUBMITTING} | _FOLLOWED | _SOUGHT, (on.ProviderBroke,)),
    (_SOUGHT, (on.FoundInLog, on.NotInLog)),
    (
        _FOLLOWED,
        (on.StillRunning, on.PollFailed, on.IdUnknown, on.AddressMissing, on.LinkDead,
         on.NotAVideoThere, on.ResultRefused, on.VideoOnDisk),
    ),
    (
        {State.READY},
        (on.SurelyNotSent, on.ArrivalUnknown, on.PreparationFailed, on.VideoGone),
    ),
    (_SENT, (on.SendBegins, on.SendUndone, on.Arrived, on.NobodyReceives)),
)  # fmt: skip
COUNTS_IN = {outcome: frozenset(states) for states, outcomes in _COUNT for outcome in outcomes}
"""In which states an outcome changes anything; in any other, somebody else was quicker."""


def decide(
    generation: Generation, outcome: Outcome, *, now: float, policy: JobPolicy, estimate: Estimate
) -> Transition | None:
    """Return what follows from an outcome of a generation as it is; None where nothing does."""
    if generation.state not in COUNTS_IN[type(outcome)]:
        return None
    it = Situation(generation, now, policy, estimate)
    match outcome:
        # while it waits for its turn
        case on.BotStarted(last_step_at, is_copy):
            away = now - max(last_step_at, generation.created_at)
            if away <= schedule.MAX_ABSENCE and not is_copy:
                return None
            return it.fail(Reason.BOT_WAS_AWAY, NoticeKind.FAILED_AWAY)
        case on.BudgetUsed():
            return it.stay(now + schedule.BUDGET_RETRY_SECONDS, {})
        case on.TurnCame(request_id, aspect_ratio, price):
            return it.move(
                State.SUBMITTING, Reason.ITS_TURN,
                changes={
                    "request_id": request_id, "submissions": generation.submissions + 1,
                    "submitted_at": now, "aspect_ratio": aspect_ratio,
                    **({} if price is None else {"price_micros": price, **it.given_of(price)}),
                },
            )  # fmt: skip
        case on.StillQueued(outage_since):
            return it.expire(outage_since)
        case on.PictureLate(is_refused=False, retry_after=retry_after):
            return it.stay(now + max(schedule.PICTURE_RETRY_SECONDS, retry_after or 0.0), {})
        case on.PictureLate() if generation.picture_setbacks < schedule.MAX_PICTURE_RETRIES:
            return it.again("picture_setbacks")
        case on.PictureLate() | on.PictureLost():
            frame = which_frame(generation.picture or "")
            of_video = {"frame": frame} if frame else {}
            return it.fail(Reason.PICTURE_LOST, NoticeKind.FAILED_PICTURE_GONE, **of_video)
        case on.PictureUnusable(why):
            return it.fail(Reason.PICTURE_UNUSABLE, NoticeKind.FAILED_PICTURE, picture=why)
        case on.SenderBanned(is_told, why):
            kind = NoticeKind.FAILED_BANNED if is_told else None
            return it.fail(Reason.BANNED, kind, **({"why": why} if why else {}))
        case on.CancelWanted():
            if generation.state is State.QUEUED:
                return it.cancel()
            return it.stay(None, {"cancel_wanted": True})
        # answers to the paid request
        case on.Taken(provider_id):
            taken = it.follow(Reason.TAKEN, provider_id, now)
            return replace(taken, facts=(AccountServed(),))
        case on.SurelyNotTaken(retry_after, rate_limited=limited):
            refused = it.queue_again(Reason.NOT_TAKEN, retry_after)
            return replace(refused, facts=(AccountRateLimited(retry_after),) if limited else ())
        case on.AccountRefused(reason, explanation):
            if generation.state is State.SUBMITTING:
                refused = it.queue_again(Reason.ACCOUNT_REFUSED)
            else:
                refused = it.poll_later(None)
            return replace(refused, facts=(OutageBegins(reason, explanation),))
        case on.ModelNotServed(failover):
            return it.replace_model(failover)
        case on.ContentRefused(people):
            if people is None:
                refused = it.fail(Reason.CONTENT_REFUSED, NoticeKind.FAILED_MODERATION)
                return replace(refused, facts=(PromptRefused(),))
            return it.fail(Reason.PEOPLE_REFUSED, NoticeKind.FAILED_PEOPLE, **people.facts)
        case on.RequestRefused():
            # no failure of the model: it answered, and whoever asks for nonsense may ask often
            return it.fail(Reason.REQUEST_REFUSED, NoticeKind.FAILED_REJECTED)
        case on.ProviderBroke():
            failed = it.fail(Reason.PROVIDER_BROKE, NoticeKind.FAILED_BROKEN)
            return replace(failed, facts=(ModelFailed(),))
        case on.AnswerLost():
            return it.move(State.UNKNOWN, Reason.ANSWER_LOST)
        case on.ProcessStopped():
            return it.move(State.UNKNOWN, Reason.PROCESS_STOPPED)
        # searches for a lost submission
        case on.FoundInLog(provider_id):
            # its time runs from the submission
            return it.follow(Reason.FOUND_IN_LOG, provider_id, it.submitted_at)
        case on.NotInLog(search_in):
            if generation.state is State.PARKED:
                return it.look_again(now + search_in, {})
            if now - it.submitted_at > schedule.grace(policy.grace, estimate.seconds):
                return it.park(Reason.NEVER_ANSWERED, NoticeKind.PARKED_UNKNOWN)
            return it.stay(now + search_in, {})
        # polls
        case on.StillRunning():
            return it.look_again(it.next_poll(it.accepted_at), {"poll_setbacks": 0})
        case on.PollFailed(retry_after):
            return it.poll_later(retry_after)
        case on.IdUnknown():
            return it.poll_later(None, least=polling.MAX_POLL_SECONDS)
        case on.AddressMissing(spent):
            return it.fetch_again(schedule.ADDRESS_TIMEOUT, it.lose(Reason.NO_ADDRESS, spent))
        case on.LinkDead(spent):
            parked = it.park(Reason.LINK_DEAD, NoticeKind.PARKED_LATE, spent)
            return it.fetch_again(schedule.LINK_TIMEOUT, parked)
        case on.NotAVideoThere(spent):
            parked = it.park(Reason.NO_VIDEO, NoticeKind.PARKED_LATE, spent)
            return it.fetch_again(schedule.LINK_TIMEOUT, parked)
        case on.ResultRefused(explanation, spent):
            lost = it.lose(Reason.RESULT_REFUSED, spent)
            return replace(lost, facts=(BadResult(explanation),))
        case on.VideoOnDisk(spent, send_begins):
            return it.finish(spent, send_begins=send_begins)
        # on the way back
        case on.SendBegins():
            return it.stay(None, it.send_begun)
        case on.SendUndone(sends):
            return it.stay(None, {"send_started_at": None, "sends": sends})
        case on.SurelyNotSent(sends, retry_after):
            undone: Changes = {"send_started_at": None, "sends": sends}
            return it.again("send_setbacks", retry_after, undone)
        case on.ArrivalUnknown():
            return it.stay(now + schedule.RESEND_SECONDS, {})
        case on.PreparationFailed(tell_in):
            if generation.preparation_setbacks < schedule.MAX_PREPARATIONS:
                return it.again("preparation_setbacks")
            return it.keep(Reason.CANNOT_BE_PREPARED, tell_in)
        case on.VideoGone():
            if generation.preparation_setbacks < schedule.MAX_RESTORATIONS:
                return it.again("preparation_setbacks")
            return it.give_back()
        case on.NobodyReceives(reason, tell_in, is_missed):
            kept = it.keep(reason, tell_in)
            return replace(kept, owes=kept.owes + it.missed(is_missed, is_kept=True))
        case on.Arrived(chat, message, file_id, file_kind, is_missed, unique_id, thumbnail):
            return it.move(
                State.DELIVERED, Reason.SENT,
                changes={
                    "delivered_chat": chat, "delivered_message": message,
                    "file_id": file_id, "file_kind": file_kind, "file_unique_id": unique_id,
                    "thumbnail": thumbnail, "send_started_at": None, "status_message": None,
                },
                owes=it.missed(is_missed, is_kept=False),
            )  # fmt: skip
        case _:
            assert_never(outcome)
