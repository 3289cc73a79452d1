"""States × outcomes: what follows from each, once as a table to read and once as values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from generation.jobs import outcomes as on
from generation.jobs.outcomes import (
    AccountRateLimited,
    AccountServed,
    BadResult,
    Credits,
    ModelFailed,
    ModelIsGone,
    OutageBegins,
)
from generation.jobs.schedule import (
    ADDRESS_TIMEOUT,
    LINK_TIMEOUT,
    MAX_ABSENCE,
    MAX_PICTURE_RETRIES,
    MAX_PREPARATIONS,
    MAX_RESTORATIONS,
    OUTAGE_TIMEOUT,
    PARKED_TIMEOUT,
    QUEUE_TIMEOUT,
    JobPolicy,
)
from generation.models.offer import Offer
from generation.orders.options import Choice, Defaults, Options, PricedChoice, resolve
from generation.orders.substitutes import Failover
from storage.generations import Generation, Reason, State
from storage.notices import NoticeKind
from tests.storage.requests import NOW, request

if TYPE_CHECKING:
    from generation.jobs.outcomes import Outcome

POLICY = JobPolicy(deadline=1800.0, grace=120.0)
PRIVATE = 7
"""Ann's private chat."""

TABLE = """
                                    queued      submitting  unknown     generating  parked   ready          undeliverable
turn came                           submitting  .           .           .           .        .             .
bot started, away for long          failed-     .           .           .           .        .             .
bot started, not away               .           .           .           .           .        .             .
budget used                         =           .           .           .           .        .             .
still queued                        .           .           .           .           .        .             .
still queued, wanted back           cancelled-  .           .           .           .        .             .
still queued, refused too long      failed-     .           .           .           .        .             .
still queued, six hours over        failed-     .           .           .           .        .             .
picture late                        =           .           .           .           .        .             .
picture late, refused               =           .           .           .           .        .             .
picture late, refused for a minute  failed-     .           .           .           .        .             .
picture lost                        failed-     .           .           .           .        .             .
picture unusable                    failed-     .           .           .           .        .             .
sender banned, alone                failed-     .           .           .           .        .             .
sender banned, in a group           failed-     .           .           .           .        .             .
cancel wanted                       cancelled-  =           =           =           .        .             .
model not served, next is cheaper   =~          queued~     .           .           .        .             .
model not served, next is dearer    failed-     failed-     .           .           .        .             .
model not served, no next           failed-     failed-     .           .           .        .             .
taken                               .           generating  generating  .           =        .             .
surely not taken                    .           queued      .           .           .        .             .
account asks too often              .           queued      .           .           .        .             .
surely not taken, wanted back       .           queued      .           .           .        .             .
account refused                     .           queued      .           =           =        .             .
content refused                     .           failed-     .           failed-     failed-  .             .
content refused for people          .           failed-     .           failed-     failed-  .             .
request refused                     .           failed-     .           .           .        .             .
provider broke                      .           failed-     failed-     failed-     failed-  .             .
answer lost                         .           unknown     .           .           .        .             .
process stopped                     .           unknown     .           .           .        .             .
found in log                        .           .           generating  .           =        .             .
not in log                          .           .           =           .           =        .             .
not in log, grace over              .           .           parked-     .           =        .             .
not in log, a day over              .           .           parked-     .           failed-  .             .
still running                       .           .           .           =           =        .             .
still running, deadline over        .           .           .           parked-     =        .             .
still running, a day over           .           .           .           parked-     failed-  .             .
poll failed                         .           .           .           =           =        .             .
poll failed, deadline over          .           .           .           parked-     =        .             .
id unknown                          .           .           .           =           =        .             .
id unknown, deadline over           .           .           .           parked-     =        .             .
address missing                     .           .           .           =           =        .             .
address missing, minutes over       .           .           .           failed-     =        .             .
link dead                           .           .           .           =           =        .             .
link dead, quarter over             .           .           .           parked-     =        .             .
no video there                      .           .           .           =           =        .             .
no video there, quarter over        .           .           .           parked-     =        .             .
result refused                      .           .           .           failed-     failed-  .             .
video on disk                       .           .           .           ready+      ready    .             .
send begins                         .           .           .           .           .        =             =
send undone                         .           .           .           .           .        =             =
surely not sent                     .           .           .           .           .        =             .
arrival unknown                     .           .           .           .           .        =             .
preparation failed                  .           .           .           .           .        =             .
preparation failed, last time       .           .           .           .           .        undeliverable  .
video gone                          .           .           .           .           .        =             .
video gone, last time               .           .           .           .           .        failed<       .
nobody receives                     .           .           .           .           .        undeliverable  =
nobody receives, missed elsewhere   .           .           .           .           .        undeliverable  =
arrived                             .           .           .           .           .        delivered     delivered
arrived elsewhere                   .           .           .           .           .        delivered     delivered
"""  # noqa: E501 - a row for each outcome
"""The next state; `=` is the present one, `.` is nothing.

`-` releases what is held, `+` captures it, `~` holds less, `<` gives back what was captured.
Nothing follows for what is delivered, failed or cancelled.
"""

_MARKS = {
    "-": Credits.RELEASE, "+": Credits.CAPTURE, "~": Credits.HOLD_LESS, "<": Credits.COMPENSATE,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """An outcome, how long after the request was as it is, and what is said of it to whom."""

    outcome: Outcome
    after: float = 0.0
    request: dict[str, Any] = field(default_factory=dict)
    notice: NoticeKind | None = None
    facts: tuple[type[object], ...] = ()


def _priced(credits_: int) -> PricedChoice:
    choice = resolve(Options(model="veo-3.1-fast"), Defaults(), Offer.load(), "t2v")
    assert isinstance(choice, Choice)
    return PricedChoice(choice, Decimal("0.40"), credits_)


CHEAPER = Failover(was="Sora 2", substitute=_priced(4))
DEARER = Failover(was="Sora 2", cooling=True, substitute=_priced(13))
OVER = {"finished_at": NOW}
ROWS = {
    "turn came": Row(outcome=on.TurnCame("r", "16:9")),
    "bot started, away for long": Row(
        outcome=on.BotStarted(NOW), after=MAX_ABSENCE + 1, notice=NoticeKind.FAILED_AWAY
    ),
    "bot started, not away": Row(outcome=on.BotStarted(NOW + 1), after=MAX_ABSENCE + 1),
    "budget used": Row(outcome=on.BudgetExhausted()),
    "still queued": Row(outcome=on.StillQueued(NOW - OUTAGE_TIMEOUT), after=OUTAGE_TIMEOUT),
    "still queued, wanted back": Row(
        outcome=on.StillQueued(), request={"cancel_wanted": True}, notice=NoticeKind.CANCELLED
    ),
    "still queued, refused too long": Row(
        outcome=on.StillQueued(NOW - 1), after=OUTAGE_TIMEOUT + 1, notice=NoticeKind.FAILED_CLOSED
    ),
    "still queued, six hours over": Row(
        outcome=on.StillQueued(), after=QUEUE_TIMEOUT + 1, notice=NoticeKind.FAILED_WAITED
    ),
    "picture late": Row(outcome=on.PictureFetchFailed()),
    "picture late, refused": Row(
        outcome=on.PictureFetchFailed(is_refused=True),
        request={"picture_setbacks": MAX_PICTURE_RETRIES - 1},
    ),
    "picture late, refused for a minute": Row(
        outcome=on.PictureFetchFailed(is_refused=True),
        request={"picture_setbacks": MAX_PICTURE_RETRIES},
        notice=NoticeKind.FAILED_PICTURE_GONE,
    ),
    "picture lost": Row(outcome=on.PictureLost(), notice=NoticeKind.FAILED_PICTURE_GONE),
    "picture unusable": Row(
        outcome=on.PictureUnusable("broken"), notice=NoticeKind.FAILED_PICTURE
    ),
    "sender banned, alone": Row(
        outcome=on.SenderBanned(is_told=True), notice=NoticeKind.FAILED_BANNED
    ),
    "sender banned, in a group": Row(outcome=on.SenderBanned(is_told=False)),
    "cancel wanted": Row(outcome=on.CancelWanted()),
    "model not served, next is cheaper": Row(
        outcome=on.ModelNotServed(CHEAPER), notice=NoticeKind.SUBSTITUTED, facts=(ModelIsGone,)
    ),
    "model not served, next is dearer": Row(
        outcome=on.ModelNotServed(DEARER), notice=NoticeKind.FAILED_MODEL_GONE,
        facts=(ModelIsGone,),
    ),
    "model not served, no next": Row(
        outcome=on.ModelNotServed(Failover(was="Sora 2")), notice=NoticeKind.FAILED_MODEL_GONE,
        facts=(ModelIsGone,),
    ),
    "taken": Row(outcome=on.SubmissionAccepted("p"), facts=(AccountServed,)),
    "surely not taken": Row(outcome=on.SubmissionNotAccepted(7.0)),
    "account asks too often": Row(
        outcome=on.SubmissionNotAccepted(7.0, rate_limited=True), facts=(AccountRateLimited,)
    ),
    "surely not taken, wanted back": Row(
        outcome=on.SubmissionNotAccepted(7.0), request={"cancel_wanted": True}
    ),
    "account refused": Row(outcome=on.AccountRefused("key"), facts=(OutageBegins,)),
    "content refused": Row(
        outcome=on.ContentRefused(), notice=NoticeKind.FAILED_MODERATION, facts=(on.PromptRefused,)
    ),
    "content refused for people": Row(
        outcome=on.ContentRefused(DEARER), notice=NoticeKind.FAILED_PEOPLE
    ),
    "request refused": Row(outcome=on.RequestRefused(), notice=NoticeKind.FAILED_REJECTED),
    "provider broke": Row(
        outcome=on.ProviderFailed(), notice=NoticeKind.FAILED_BROKEN, facts=(ModelFailed,)
    ),
    "answer lost": Row(outcome=on.AnswerLost()),
    "process stopped": Row(outcome=on.AnswerLost(reason=Reason.PROCESS_STOPPED)),
    "found in log": Row(outcome=on.FoundInLog("p")),
    "not in log": Row(outcome=on.NotInLog(15.0), after=120.0),
    "not in log, grace over": Row(
        outcome=on.NotInLog(15.0), after=121.0, notice=NoticeKind.PARKED_UNKNOWN
    ),
    "not in log, a day over": Row(
        outcome=on.NotInLog(15.0), after=PARKED_TIMEOUT + 1, notice=NoticeKind.PARKED_UNKNOWN
    ),
    "still running": Row(outcome=on.StillRunning(), after=1800.0),
    "still running, deadline over": Row(
        outcome=on.StillRunning(), after=1801.0, notice=NoticeKind.PARKED_LATE
    ),
    "still running, a day over": Row(
        outcome=on.StillRunning(), after=PARKED_TIMEOUT + 1, notice=NoticeKind.PARKED_LATE
    ),
    "poll failed": Row(outcome=on.PollFailed(), after=1800.0),
    "poll failed, deadline over": Row(
        outcome=on.PollFailed(), after=1801.0, notice=NoticeKind.PARKED_LATE
    ),
    "id unknown": Row(outcome=on.IdUnknown(), after=1800.0),
    "id unknown, deadline over": Row(
        outcome=on.IdUnknown(), after=1801.0, notice=NoticeKind.PARKED_LATE
    ),
    "address missing": Row(
        outcome=on.AddressMissing(), request=OVER, after=ADDRESS_TIMEOUT - 1
    ),
    "address missing, minutes over": Row(
        outcome=on.AddressMissing(), request=OVER, after=ADDRESS_TIMEOUT,
        notice=NoticeKind.FAILED_BROKEN, facts=(BadResult,),
    ),
    "link dead": Row(outcome=on.LinkDead(), request=OVER, after=LINK_TIMEOUT - 1),
    "link dead, quarter over": Row(
        outcome=on.LinkDead(), request=OVER, after=LINK_TIMEOUT,
        notice=NoticeKind.PARKED_LATE, facts=(BadResult,),
    ),
    "no video there": Row(
        outcome=on.LinkDead(reason=Reason.NO_VIDEO_AT_LINK), request=OVER, after=LINK_TIMEOUT - 1
    ),
    "no video there, quarter over": Row(
        outcome=on.LinkDead(reason=Reason.NO_VIDEO_AT_LINK), request=OVER, after=LINK_TIMEOUT,
        notice=NoticeKind.PARKED_LATE, facts=(BadResult,),
    ),
    "result refused": Row(
        outcome=on.ResultRefused("UnsafeLink"), notice=NoticeKind.FAILED_BROKEN,
        facts=(BadResult,),
    ),
    "video on disk": Row(outcome=on.VideoOnDisk(800_000)),
    "send begins": Row(outcome=on.SendStarted()),
    "send undone": Row(outcome=on.SendReverted(0)),
    "surely not sent": Row(outcome=on.SendFailed(0, 3.0)),
    "arrival unknown": Row(outcome=on.ArrivalUnknown()),
    "preparation failed": Row(
        outcome=on.PreparationFailed(PRIVATE),
        request={"preparation_setbacks": MAX_PREPARATIONS - 1},
    ),
    "preparation failed, last time": Row(
        outcome=on.PreparationFailed(PRIVATE), notice=NoticeKind.UNDELIVERABLE,
        request={"preparation_setbacks": MAX_PREPARATIONS},
    ),
    "video gone": Row(
        outcome=on.VideoGone(), request={"preparation_setbacks": MAX_RESTORATIONS - 1}
    ),
    "video gone, last time": Row(
        outcome=on.VideoGone(), request={"preparation_setbacks": MAX_RESTORATIONS},
        notice=NoticeKind.FAILED_LOST,
    ),
    "nobody receives": Row(
        outcome=on.DeliveryFailed(Reason.NO_RECIPIENT, PRIVATE),
        notice=NoticeKind.UNDELIVERABLE,
    ),
    "nobody receives, missed elsewhere": Row(
        outcome=on.DeliveryFailed(Reason.NO_RECIPIENT, None, is_missed=True),
        notice=NoticeKind.ELSEWHERE,
    ),
    "arrived": Row(outcome=on.Delivered(1, 99, "file", "video")),
    "arrived elsewhere": Row(
        outcome=on.Delivered(2, 99, "file", "video", is_missed=True), notice=NoticeKind.ELSEWHERE
    ),
}  # fmt: skip


def _read(table: str) -> dict[tuple[str, State], str]:
    head, *lines = table.strip("\n").splitlines()
    states = [State(name) for name in head.split()]
    cells: dict[tuple[str, State], str] = {}
    for line in lines:
        name, *row = re.split(r" {2,}", line)
        cells |= {(name, state): cell for state, cell in zip(states, row, strict=True)}
    return cells


EXPECTED = _read(TABLE)
"""What the table says, by the outcome's name and the state."""
PAIRS = [(name, state) for name in ROWS for state in State]


def expected(name: str, state: State) -> tuple[State, Credits] | None:
    """Return the next state and what happens to credits, None where nothing follows."""
    cell = EXPECTED.get((name, state), ".")
    if cell == ".":
        return None
    credits_ = _MARKS.get(cell[-1], Credits.KEEP)
    to = cell.rstrip("".join(_MARKS))
    return state if to == "=" else State(to), credits_


def generation(state: State, **changes: Any) -> Generation:
    """A request in a state, as it is read from the database."""
    asked = request()
    # what a request does not say of itself is not known yet
    values: dict[str, Any] = dict.fromkeys(Generation.__dataclass_fields__)
    values |= {name: getattr(asked, name) for name in type(asked).__dataclass_fields__}
    values |= {
        "id": 1, "state": state, "reason": Reason.REQUESTED, "submissions": 0, "refusals": 0,
        "picture_setbacks": 0, "polls": 0, "poll_setbacks": 0, "dead_links": 0, "due_at": NOW,
        "cancel_wanted": False, "is_gift": False, "preparation_setbacks": 0, "sends": 0,
        "send_setbacks": 0, "created_at": NOW, "changed_at": NOW,
    }  # fmt: skip
    return Generation(**(values | changes))
