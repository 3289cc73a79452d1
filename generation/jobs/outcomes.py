"""What can happen to a request, and what may follow: values. What follows what is in `transitions`.

Money is in micro-dollars, times are in seconds; an `explanation` is the other side's words, fit
for a log.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from generation.orders.substitutes import Failover
    from storage.generations import Changes, Reason, State
    from storage.notices import Notice


# while it waits for its turn


@dataclass(frozen=True, slots=True)
class TurnCame:
    """The paid request may leave, under this id, in the shape its picture told, for this price."""

    request_id: str
    aspect_ratio: str | None
    price_micros: int | None = None


@dataclass(frozen=True, slots=True)
class BudgetUsed:
    """Its turn came, and the operator's budget for this period does not reach for it any more."""


@dataclass(frozen=True, slots=True)
class StillQueued:
    """Nothing: it waits, and the provider refuses the account since `outage_since`, if it does."""

    outage_since: float | None = None


@dataclass(frozen=True, slots=True)
class BotStarted:
    """The bot begins to run; the last step of any request it knows of was taken at `last_step_at`.

    It may have been away; or the database is a copy, from which others may have gone on.
    """

    last_step_at: float
    is_copy: bool = False


@dataclass(frozen=True, slots=True)
class PictureLate:
    """Its picture could not be fetched this time.

    `is_refused` where that was the answer, and not that there was none.
    """

    is_refused: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class PictureLost:
    """Its picture cannot be had any more."""


@dataclass(frozen=True, slots=True)
class PictureUnusable:
    """Its picture is none that a video can be made of; `why` is a word of `PictureFault`."""

    why: str


@dataclass(frozen=True, slots=True)
class CancelWanted:
    """Its sender calls it back."""


@dataclass(frozen=True, slots=True)
class SenderBanned:
    """Its sender, or its chat, is shut out; `is_told` where no others read along, and `why`."""

    is_told: bool
    why: str | None = None


# answers to the paid request


@dataclass(frozen=True, slots=True)
class Taken:
    """The provider took it, and knows it by this id."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class SurelyNotTaken:
    """It may be submitted again, after the wait the provider asked for, if it did.

    `rate_limited` tells that the account asks too often, whatever it asks.
    """

    retry_after: float | None
    explanation: str = ""
    rate_limited: bool = False


@dataclass(frozen=True, slots=True)
class AccountRefused:
    """The provider refuses the account, whatever is asked: also where a poll was answered so."""

    reason: str
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class ModelNotServed:
    """Its model is not asked now, or the provider has just said that it does not serve it."""

    failover: Failover
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class ContentRefused:
    """What it would show is refused; `people` tells who may animate them, where that is why."""

    people: Failover | None = None
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """The provider refuses it for good, for another reason than its content."""

    explanation: str = ""


@dataclass(frozen=True, slots=True)
class ProviderBroke:
    """The provider failed at it, at once or later, and bills nothing."""

    explanation: str = ""


@dataclass(frozen=True, slots=True)
class AnswerLost:
    """Nobody can tell whether it was taken."""

    explanation: str = ""


@dataclass(frozen=True, slots=True)
class ProcessStopped:
    """The process that waited for the answer has ended."""


# searches for a lost submission


@dataclass(frozen=True, slots=True)
class FoundInLog:
    """The provider's log knows it by this id."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class NotInLog:
    """The log does not show it (yet); it is worth searching again in so many seconds."""

    search_in: float


# polls


@dataclass(frozen=True, slots=True)
class StillRunning:
    """It is being made."""


@dataclass(frozen=True, slots=True)
class PollFailed:
    """The question got no usable answer, or the video could not be fetched this time."""

    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class IdUnknown:
    """The provider does not know its id: that may come."""


@dataclass(frozen=True, slots=True)
class AddressMissing:
    """It is said to be finished, and no address is named."""

    spent: int | None = None


@dataclass(frozen=True, slots=True)
class LinkDead:
    """It is finished, and its link leads nowhere: the file may not be there yet."""

    spent: int | None = None


@dataclass(frozen=True, slots=True)
class NotAVideoThere:
    """It is finished, and something else lies at its link: a gateway's page, perhaps."""

    spent: int | None = None


@dataclass(frozen=True, slots=True)
class ResultRefused:
    """It is finished, and its link is not followed or leads to too much."""

    explanation: str
    spent: int | None = None


@dataclass(frozen=True, slots=True)
class VideoOnDisk:
    """It is finished, and here; `spent` is the real price, where the provider told it.

    `send_begins` is whether an upload begins at once.
    """

    spent: int | None = None
    send_begins: bool = False


# on the way back


@dataclass(frozen=True, slots=True)
class SendBegins:
    """An upload is about to begin."""


@dataclass(frozen=True, slots=True)
class SendUndone:
    """That upload surely did not arrive; `sends` were counted before it."""

    sends: int


@dataclass(frozen=True, slots=True)
class SurelyNotSent:
    """So it is, and another is to be tried after the wait that was asked for, if it was."""

    sends: int
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class ArrivalUnknown:
    """The upload's answer was lost."""


@dataclass(frozen=True, slots=True)
class PreparationFailed:
    """The video could not be made ready for sending; `tell_in` is its sender's private chat."""

    tell_in: int | None


@dataclass(frozen=True, slots=True)
class VideoGone:
    """The file is gone from the disk, and the provider's link leads to none."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """The video stands in a chat; it `is_missed` in another that asked, and can be told so."""

    chat: int
    message: int
    file_id: str
    file_kind: str
    is_missed: bool = False
    file_unique_id: str | None = None
    thumbnail: str | None = None


@dataclass(frozen=True, slots=True)
class NobodyReceives:
    """The video cannot be brought to anybody now; `tell_in` is its sender's private chat.

    It `is_missed` in the group that asked, which can be told so.
    """

    reason: Reason
    tell_in: int | None
    is_missed: bool = False


Outcome: TypeAlias = (
    TurnCame | BudgetUsed | BotStarted | StillQueued | PictureLate | PictureLost | PictureUnusable
    | CancelWanted | SenderBanned
    | Taken | SurelyNotTaken | AccountRefused | ModelNotServed | ContentRefused | RequestRefused
    | ProviderBroke | AnswerLost | ProcessStopped
    | FoundInLog | NotInLog
    | StillRunning | PollFailed | IdUnknown | AddressMissing | LinkDead | NotAVideoThere
    | ResultRefused | VideoOnDisk
    | SendBegins | SendUndone | SurelyNotSent | ArrivalUnknown | PreparationFailed | VideoGone
    | Arrived | NobodyReceives
)  # fmt: skip
"""Everything that can happen: one more needs a decision, or the program does not type-check."""


class Credits(Enum):
    """What happens to the credits set aside for a request."""

    KEEP = auto()
    CAPTURE = auto()
    RELEASE = auto()
    HOLD_LESS = auto()
    """They are released, and held anew for a cheaper video."""
    COMPENSATE = auto()
    """They were captured and are given back."""


@dataclass(frozen=True, slots=True)
class OutageBegins:
    """The account is refused: nothing is submitted until that is over."""

    reason: str
    explanation: str


@dataclass(frozen=True, slots=True)
class AccountServed:
    """An order was taken: an outage that seemed to be over is."""


@dataclass(frozen=True, slots=True)
class AccountRateLimited:
    """The account asks too often: all wait for so long, at least."""

    retry_after: float | None


@dataclass(frozen=True, slots=True)
class ModelIsGone:
    """The request's model is not served: it is left alone."""


@dataclass(frozen=True, slots=True)
class ModelFailed:
    """The request's model failed, for no fault of the sender."""


@dataclass(frozen=True, slots=True)
class BadResult:
    """The provider made something that cannot be used: the admins are told."""

    explanation: str


@dataclass(frozen=True, slots=True)
class PromptRefused:
    """What was asked for may not be shown: whoever asks for such things again and again waits."""


SideFact: TypeAlias = (
    OutageBegins | AccountServed | AccountRateLimited | ModelIsGone | ModelFailed | BadResult
    | PromptRefused
)  # fmt: skip
"""What an outcome says of others than its request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What follows: the next state, why, what the ledger does, what is owed, when to look again.

    The state may be the present one; `due_at` None leaves that as it is. `also` is what happens
    right after, to the request as it is then.
    """

    to: State
    reason: Reason
    credits: Credits = Credits.KEEP
    due_at: float | None
    changes: Changes
    owes: tuple[Notice, ...] = ()
    facts: tuple[SideFact, ...] = ()
    also: Outcome | None = None
