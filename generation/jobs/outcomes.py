"""Outcomes that change a request, and the transitions that follow from them, as values.

Which transition follows from which outcome is decided in `transitions`. Money is in micro-dollars,
times are in seconds; an `explanation` is the text of the other side, fit for a log.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias

from storage.generations import Reason

if TYPE_CHECKING:
    from generation.orders.substitutes import Failover
    from storage.generations import Changes, State
    from storage.notices import Notice


# while the request is queued


@dataclass(frozen=True, slots=True)
class TurnCame:
    """The request got a slot: it is submitted with this id, at this price.

    `aspect_ratio` is derived from the picture; `price_micros` None leaves the price as it is.
    """

    request_id: str
    aspect_ratio: str | None
    price_micros: int | None = None


@dataclass(frozen=True, slots=True)
class BudgetExhausted:
    """The request got a slot, but costs more than is left of the operator's budget."""


@dataclass(frozen=True, slots=True)
class StillQueued:
    """The request is still queued; `outage_since` is when the present outage began, if any."""

    outage_since: float | None = None


@dataclass(frozen=True, slots=True)
class BotStarted:
    """The bot started; `last_step_at` is the time of the last transition of any request.

    `is_copy` is whether the database is a copy, whose requests the original may have submitted.
    """

    last_step_at: float
    is_copy: bool = False


@dataclass(frozen=True, slots=True)
class PictureFetchFailed:
    """The picture could not be fetched: the server refused it (`is_refused`), or was silent."""

    is_refused: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class PictureLost:
    """The picture no longer exists."""


@dataclass(frozen=True, slots=True)
class PictureUnusable:
    """No video can be made of the picture; `why` is a value of `PictureFault`."""

    why: str


@dataclass(frozen=True, slots=True)
class CancelWanted:
    """The sender cancels the request."""


@dataclass(frozen=True, slots=True)
class SenderBanned:
    """The sender or the chat was banned for `why`; in private, the sender is told."""

    is_told: bool
    why: str | None = None


# answers to the paid request


@dataclass(frozen=True, slots=True)
class SubmissionAccepted:
    """The provider accepted the submission under this id."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class SubmissionNotAccepted:
    """It was surely not accepted, maybe because of a rate limit, and can be repeated."""

    retry_after: float | None
    explanation: str = ""
    rate_limited: bool = False


@dataclass(frozen=True, slots=True)
class AccountRefused:
    """The provider refuses the account, in its answer to a submission or to a poll."""

    reason: str
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class ModelNotServed:
    """The model is not available, as known before or by the provider's answer."""

    failover: Failover
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class ContentRefused:
    """The content is refused; if for people it shows, `people` holds a model that takes them."""

    people: Failover | None = None
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """The provider refuses the request for good, for another reason than its content."""

    explanation: str = ""


@dataclass(frozen=True, slots=True)
class ProviderFailed:
    """The provider failed to make the video, at once or later, and bills nothing."""

    explanation: str = ""


@dataclass(frozen=True, slots=True)
class AnswerLost:
    """It is unknown whether the submission was accepted, maybe because the process stopped."""

    explanation: str = ""
    reason: Reason = Reason.ANSWER_LOST


# searches for a lost submission


@dataclass(frozen=True, slots=True)
class FoundInLog:
    """The submission is in the provider's log under this id."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class NotInLog:
    """The submission is not in the log yet; search again in `search_in` seconds."""

    search_in: float


# polls


@dataclass(frozen=True, slots=True)
class StillRunning:
    """The provider is still making the video."""


@dataclass(frozen=True, slots=True)
class PollFailed:
    """The poll got no usable answer, or the video could not be downloaded this time."""

    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class IdUnknown:
    """The provider does not know the id (yet)."""


@dataclass(frozen=True, slots=True)
class AddressMissing:
    """The video is said to be finished, but the answer has no link."""

    spent: int | None = None


@dataclass(frozen=True, slots=True)
class LinkDead:
    """The video is finished, but its link leads to nothing yet, or to a gateway's page."""

    spent: int | None = None
    reason: Reason = Reason.LINK_DEAD


@dataclass(frozen=True, slots=True)
class ResultRefused:
    """The video is finished, but its link is unsafe or its file too large."""

    explanation: str
    spent: int | None = None


@dataclass(frozen=True, slots=True)
class VideoOnDisk:
    """The video was downloaded; `spent` is its real price, `send_begins` if it is sent at once."""

    spent: int | None = None
    send_begins: bool = False


# delivery


@dataclass(frozen=True, slots=True)
class SendStarted:
    """An upload to Telegram is about to start."""


@dataclass(frozen=True, slots=True)
class SendReverted:
    """The upload surely did not arrive: the count of uploads is set back to `sends`."""

    sends: int


@dataclass(frozen=True, slots=True)
class SendFailed:
    """The upload surely did not arrive: as `SendReverted`, and try again after `retry_after`."""

    sends: int
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class ArrivalUnknown:
    """The answer to the upload was lost."""


@dataclass(frozen=True, slots=True)
class PreparationFailed:
    """The video could not be prepared for sending; `tell_in` is the sender's private chat."""

    tell_in: int | None


@dataclass(frozen=True, slots=True)
class VideoGone:
    """The file is gone from the disk, and cannot be downloaded again now."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The video was sent; `is_missed` if not to the group that asked, which can be told so."""

    chat: int
    message: int
    file_id: str
    file_kind: str
    is_missed: bool = False
    file_unique_id: str | None = None
    thumbnail: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    """Nobody can receive it now; `tell_in` is the sender's chat; `is_missed` if a group asked."""

    reason: Reason
    tell_in: int | None
    is_missed: bool = False


Outcome: TypeAlias = (
    TurnCame | BudgetExhausted | BotStarted | StillQueued | PictureFetchFailed | PictureLost
    | PictureUnusable | CancelWanted | SenderBanned
    | SubmissionAccepted | SubmissionNotAccepted | AccountRefused | ModelNotServed
    | ContentRefused | RequestRefused | ProviderFailed | AnswerLost
    | FoundInLog | NotInLog
    | StillRunning | PollFailed | IdUnknown | AddressMissing | LinkDead | ResultRefused
    | VideoOnDisk
    | SendStarted | SendReverted | SendFailed | ArrivalUnknown | PreparationFailed | VideoGone
    | Delivered | DeliveryFailed
)  # fmt: skip
"""Every outcome: a new one needs a case in `transitions.decide`, or mypy fails."""


class Credits(Enum):
    """What happens to the credits held for a request."""

    KEEP = auto()
    CAPTURE = auto()
    RELEASE = auto()
    HOLD_LESS = auto()
    """Release them and hold fewer, for a cheaper video."""
    COMPENSATE = auto()
    """Give back captured credits."""


@dataclass(frozen=True, slots=True)
class OutageBegins:
    """The provider refuses the account: nothing is submitted until the outage ends."""

    reason: str
    explanation: str


@dataclass(frozen=True, slots=True)
class AccountServed:
    """A submission was accepted: an outage that is half open ends."""


@dataclass(frozen=True, slots=True)
class AccountRateLimited:
    """The account sends too many requests: all submissions wait, at least `retry_after`."""

    retry_after: float | None


@dataclass(frozen=True, slots=True)
class ModelIsGone:
    """The request's model is not served: it is not used for a while."""


@dataclass(frozen=True, slots=True)
class ModelFailed:
    """The request's model failed, through no fault of the sender."""


@dataclass(frozen=True, slots=True)
class BadResult:
    """The provider's result cannot be used: the admins are told."""

    explanation: str


@dataclass(frozen=True, slots=True)
class PromptRefused:
    """The content was refused: an account that repeats this has to wait."""


SideFact: TypeAlias = (
    OutageBegins | AccountServed | AccountRateLimited | ModelIsGone | ModelFailed | BadResult
    | PromptRefused
)  # fmt: skip
"""Effect of an outcome beyond its request: on the account, a model or the admins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What follows from an outcome: the next state, its reason, changes, notices and side effects.

    `to` may be the present state. `due_at` is when the request is looked at next; None leaves it
    as it is. `owes` are notices to send. `also` is an outcome applied right after this transition.
    """

    to: State
    reason: Reason
    credits: Credits = Credits.KEEP
    due_at: float | None
    changes: Changes
    owes: tuple[Notice, ...] = ()
    facts: tuple[SideFact, ...] = ()
    also: Outcome | None = None
