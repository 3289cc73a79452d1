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
from generation.jobs import schedule
from generation.jobs.outcomes import AccountServed, BadResult, ModelFailed, OutageBegins
from generation.jobs.rules import Situation
from storage.generations import PENDING, Reason, State
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from generation.jobs.outcomes import Outcome, Transition
    from generation.jobs.schedule import JobPolicy
    from storage.generations import Generation

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

_QUEUED, _SUBMITTING = frozenset({State.QUEUED}), frozenset({State.SUBMITTING})
_FOLLOWED = frozenset({State.GENERATING, State.PARKED})
_SOUGHT = frozenset({State.UNKNOWN, State.PARKED})
_SENT = frozenset({State.READY, State.UNDELIVERABLE})

COUNTS_IN: Mapping[type[Outcome], frozenset[State]] = MappingProxyType(
    {
        on.TurnCame: _QUEUED,
        on.StillQueued: _QUEUED,
        on.PictureLate: _QUEUED,
        on.PictureLost: _QUEUED,
        on.PictureUnusable: _QUEUED,
        on.SenderBanned: _QUEUED,
        on.CancelWanted: PENDING,
        on.ModelNotServed: _QUEUED | _SUBMITTING,
        # an id that is paid for is never dropped, however late its answer came
        on.Taken: _SUBMITTING | _SOUGHT,
        on.SurelyNotTaken: _SUBMITTING,
        on.RequestRefused: _SUBMITTING,
        on.AnswerLost: _SUBMITTING,
        on.ProcessStopped: _SUBMITTING,
        on.AccountRefused: _SUBMITTING | _FOLLOWED,
        on.ContentRefused: _SUBMITTING | _FOLLOWED,
        on.ProviderBroke: _SUBMITTING | _FOLLOWED | _SOUGHT,
        on.FoundInLog: _SOUGHT,
        on.NotInLog: _SOUGHT,
        on.StillRunning: _FOLLOWED,
        on.PollFailed: _FOLLOWED,
        on.IdUnknown: _FOLLOWED,
        on.AddressMissing: _FOLLOWED,
        on.LinkDead: _FOLLOWED,
        on.NotAVideoThere: _FOLLOWED,
        on.ResultRefused: _FOLLOWED,
        on.VideoOnDisk: _FOLLOWED,
        on.SendBegins: _SENT,
        on.SendUndone: _SENT,
        on.SurelyNotSent: frozenset({State.READY}),
        on.ArrivalUnknown: frozenset({State.READY}),
        on.PreparationFailed: frozenset({State.READY}),
        on.VideoGone: frozenset({State.READY}),
        on.NobodyReceives: frozenset({State.READY}),
        on.Arrived: _SENT,
    }
)
"""In which states an outcome changes anything; in any other, somebody else was quicker."""


def decide(
    generation: Generation, outcome: Outcome, *, now: float, policy: JobPolicy, estimate: float
) -> Transition | None:
    """Return what follows from an outcome, None where nothing does.

    Args:
        generation: as it is.
        outcome: what happened.
        now: seconds since 1970, UTC.
        policy: how long the operator waits.
        estimate: how long such a request takes at the provider, in seconds.
    """
    if generation.state not in COUNTS_IN[type(outcome)]:
        return None
    it = Situation(generation, now, policy, estimate)
    match outcome:
        # while it waits for its turn
        case on.TurnCame():
            return it.submit(outcome)
        case on.StillQueued(outage_since):
            return it.expire(outage_since)
        case on.PictureLate():
            return it.fetch_picture_again()
        case on.PictureLost():
            return it.fail(Reason.PICTURE_LOST, NoticeKind.FAILED_PICTURE_GONE)
        case on.PictureUnusable(why):
            return it.fail(Reason.PICTURE_UNUSABLE, NoticeKind.FAILED_PICTURE, picture=why)
        case on.SenderBanned(is_told):
            return it.fail(Reason.BANNED, NoticeKind.FAILED_BANNED if is_told else None)
        case on.CancelWanted():
            return it.cancel()
        # answers to the paid request
        case on.Taken(provider_id):
            taken = it.follow(Reason.TAKEN, provider_id, now)
            return replace(taken, facts=(AccountServed(),))
        case on.SurelyNotTaken(retry_after):
            return it.queue_again(Reason.NOT_TAKEN, retry_after)
        case on.AccountRefused(reason, explanation):
            return it.hold_back(OutageBegins(reason, explanation))
        case on.ModelNotServed(failover):
            return it.replace_model(failover)
        case on.ContentRefused(people):
            if people is None:
                return it.fail(Reason.CONTENT_REFUSED, NoticeKind.FAILED_MODERATION)
            return it.fail(Reason.CONTENT_REFUSED, NoticeKind.FAILED_PEOPLE, **people.facts)
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
            return it.search_again(search_in)
        # polls
        case on.StillRunning():
            return it.poll_on_time()
        case on.PollFailed(retry_after):
            return it.poll_later(retry_after)
        case on.IdUnknown():
            return it.poll_later(None, least=schedule.LONGEST)
        case on.AddressMissing(spent):
            return it.fetch_again(schedule.ADDRESS_PATIENCE, it.lose(Reason.NO_ADDRESS, spent))
        case on.LinkDead(spent):
            return it.fetch_again(schedule.LINK_PATIENCE, it.park_result(Reason.LINK_DEAD, spent))
        case on.NotAVideoThere(spent):
            return it.fetch_again(schedule.LINK_PATIENCE, it.park_result(Reason.NO_VIDEO, spent))
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
            return it.send_later(sends, retry_after)
        case on.ArrivalUnknown():
            return it.stay(now + schedule.RESEND_SECONDS, {})
        case on.PreparationFailed(tell_in):
            kept = it.keep(Reason.CANNOT_BE_PREPARED, tell_in)
            return it.prepare_again(schedule.MOST_PREPARATIONS, kept)
        case on.VideoGone():
            return it.prepare_again(schedule.MOST_RESTORATIONS, it.give_back())
        case on.NobodyReceives(reason, tell_in):
            return it.keep(reason, tell_in)
        case on.Arrived():
            return it.deliver(outcome)
        case _:
            assert_never(outcome)
