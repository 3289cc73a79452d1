"""What an HTTP answer of the provider stands for: success, or which of the errors.

Only an error body of the API itself tells that the API decided; a page without one comes from
something in between, behind which a submission may have been taken.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from generation.provider.errors import (
    AccountError,
    AccountProblem,
    ModelGone,
    NoSuchGeneration,
    NotAccepted,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    ServerError,
    Unavailable,
    classify,
    closes_the_model,
    is_about_money,
    names_the_model,
    truncate,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from generation.provider.errors import ProviderError


def _none_if_invalid(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


NONE_IF_INVALID: Final = WrapValidator(_none_if_invalid)
"""Annotates a part that is None where it cannot be read, instead of spoiling the whole."""

CREDITS_PER_USD = 2_000_000
"""The provider's own credits; they have nothing to do with the bot's."""
MOST_USD, MOST_HELD_USD = 10_000, 1_000_000_000
"""A dearer video, or an account that holds more, is a misreading."""
SUCCESSES = frozenset(
    {"complete", "completed", "done", "finished", "ready", "succeeded", "success"}
)
"""Words that end a generation well, in lower case; beside them all that have an address do."""
FAILURES = frozenset(
    {"aborted", "canceled", "cancelled", "error", "expired", "failed", "failure", "rejected"}
) | {"blocked", "moderated", "timed_out", "timeout"}
"""Words that end a generation without a video, in lower case."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Not finished; also every status the program does not know."""


@dataclass(frozen=True, slots=True)
class Completed:
    """Finished; the video can be fetched from `url`, perhaps for a short time only."""

    url: str


@dataclass(frozen=True, slots=True)
class CompletedWithoutUrl:
    """Said to be finished, without the address of a video: that may come."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Ended without a video; nothing is billed."""

    name: str
    message: str
    moderation: bool = False
    people: bool = False


@dataclass(frozen=True, slots=True)
class RemoteGeneration:
    """A generation as the provider sees it. `spent` is in US dollars, None while not known."""

    id: str
    status: Pending | Completed | CompletedWithoutUrl | Failed
    spent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A submission found in the provider's log by the id it was sent with."""

    id: str
    failed: bool


def _address(value: Any) -> Any:
    """Return the first address of a video, be it told alone, in an object or in a list."""
    if isinstance(value, list):
        return next(filter(None, map(_address, value)), None)
    if isinstance(value, dict):
        return _address(value.get("url"))
    return value.strip() if isinstance(value, str) else None


def _plain(status: str | None) -> str:
    """Return a status as `SUCCESSES` and `FAILURES` have them."""
    return re.sub(r"[\s-]+", "_", (status or "").strip().lower())


def _as_object(value: Any) -> Any:
    return {"message": value} if isinstance(value, str) else value


_Text = Annotated[str, Field(max_length=100_000)]
_Id = Annotated[str, Field(min_length=1, max_length=1_000)]
_Url = Annotated[str, Field(min_length=1, max_length=8_000)]
_Usd = Annotated[Decimal, Field(ge=0, le=MOST_USD)]
_Credits = Annotated[Decimal, Field(ge=0, le=MOST_USD * CREDITS_PER_USD)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class _Error(_Part):
    name: Annotated[_Text | None, NONE_IF_INVALID] = None
    message: Annotated[_Text | None, NONE_IF_INVALID] = None


class _Usage(_Part):
    usd_spent: Annotated[_Usd | None, NONE_IF_INVALID] = None
    credits_used: Annotated[_Credits | None, NONE_IF_INVALID] = None


class _Meta(_Part):
    usage: Annotated[_Usage | None, NONE_IF_INVALID] = None


class _Reply(_Part):
    id: Annotated[_Id | None, NONE_IF_INVALID] = None
    status: Annotated[_Text | None, NONE_IF_INVALID] = None
    video: Annotated[_Url | None, BeforeValidator(_address), NONE_IF_INVALID] = None
    error: Annotated[_Error | None, BeforeValidator(_as_object), NONE_IF_INVALID] = None
    meta: Annotated[_Meta | None, NONE_IF_INVALID] = None

    def outcome(self) -> Pending | Completed | CompletedWithoutUrl | Failed:
        """Tell how far it is: an address means finished, whatever the status is called."""
        if self.video is not None:
            return Completed(self.video)
        status = _plain(self.status)
        if status not in FAILURES:
            return CompletedWithoutUrl() if status in SUCCESSES else Pending()
        name = (self.error and self.error.name) or ""
        message = (self.error and self.error.message) or ""
        refusal = classify(f"{name} {message}")
        return Failed(truncate(name), truncate(message), refusal.moderation, refusal.people)

    def spent(self) -> Decimal | None:
        """Return what it cost in US dollars, where the reply says so."""
        usage = self.meta and self.meta.usage
        if not usage:
            return None
        if usage.usd_spent is not None:
            return usage.usd_spent
        return None if usage.credits_used is None else usage.credits_used / CREDITS_PER_USD


class _Row(_Part):
    client_request_id: str | None = None
    inference_id: _Id
    status: Annotated[_Text | None, NONE_IF_INVALID] = None


class _Pagination(_Part):
    has_more: bool = False


class LogPage(_Part):
    """A page of the log of requests."""

    data: tuple[Annotated[_Row | None, NONE_IF_INVALID], ...]
    pagination: Annotated[_Pagination | None, NONE_IF_INVALID] = None

    def submissions(self) -> dict[str, LogEntry]:
        """Return the submissions on this page, by the ids they were sent with."""
        found: dict[str, LogEntry] = {}
        for row in self.data:
            if row is not None and row.client_request_id is not None:
                logged = LogEntry(row.inference_id, failed=_plain(row.status) in FAILURES)
                found.setdefault(row.client_request_id, logged)
        return found


class _TopUp(_Part):
    is_enabled: bool = False


class AccountBalance(_Part):
    """What the account holds, in US dollars, and whether it fills itself up."""

    current_balance: Annotated[Decimal, Field(ge=-MOST_HELD_USD, le=MOST_HELD_USD)]
    autotopup_settings: Annotated[_TopUp, BeforeValidator(lambda told: told or {})] = _TopUp()


class Complaint(_Part):
    """The API's own error body, in either of the forms it is known to take.

    A request id and a text are what both have and what the pages of a gateway lack.
    """

    request_id: Annotated[_Id, Field(alias="requestId")]
    message: Annotated[str | None, NONE_IF_INVALID] = None
    error: Annotated[_Error | None, BeforeValidator(_as_object), NONE_IF_INVALID] = None

    @property
    def words(self) -> str:
        """All it says, a line for each part, for recognising what it means."""
        error = self.error or _Error()
        return "\n".join(filter(None, dict.fromkeys((error.name, self.message, error.message))))


def in_utf8(body: bytes) -> bytes:
    """Return JSON in UTF-8 without a mark before it, whatever it was sent in."""
    return body.decode(json.detect_encoding(body), "replace").encode()


def read_generation(
    body: bytes, *, provider_id: str | None = None, spent: str | None = None
) -> RemoteGeneration:
    """Read the reply to a submission, or to a question about `provider_id`.

    `spent` is what a header says about the cost in US dollars, for replies that do not say it.
    Raises ValueError when it is no such reply: not JSON, not an object, or without an id.
    """
    reply = _Reply.model_validate_json(body)
    found = provider_id or reply.id
    if found is None:
        raise ValueError("the reply names no generation")
    if provider_id is not None and not reply.model_fields_set & {"id", "status"}:
        raise ValueError("the reply is not about a generation")
    cost = reply.spent()
    if cost is None:  # a header of zero belongs to the question, not to the video
        cost = _Usage.model_validate({"usd_spent": spent}).usd_spent or None
    return RemoteGeneration(found, reply.outcome(), cost)


LONGEST_RETRY_AFTER = 600.0
"""Seconds the provider may ask us to stay away."""

_ACCOUNT = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN})


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (by lower-case name), and a body that was read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether what was asked for was done."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of success

    def complaint(self) -> Complaint | None:
        """Return the API's own error body; None for a page of something in between."""
        try:
            return Complaint.model_validate_json(self.body)
        except ValidationError:
            return None

    def retry_after(self) -> float | None:
        """Return the wait asked for, in seconds. A date counts from the answer's own."""
        value = self.headers.get("retry-after", "").strip()
        try:
            if re.fullmatch(r"[0-9]+(\.[0-9]*)?", value):
                wait = float(value)
            else:
                until = parsedate_to_datetime(value)
                wait = (until - parsedate_to_datetime(self.headers["date"])).total_seconds()
        except (ValueError, TypeError, KeyError, OverflowError):
            return None
        return min(max(wait, 0.0), LONGEST_RETRY_AFTER)


def expect_taken(answer: Answer, *, model: str = "", prompt: str = "") -> None:
    """Raise what a submission of this model and prompt stands for that got no success."""
    if answer.is_success:
        return
    complaint = answer.complaint()
    if complaint is None:
        raise _refused_from_between(answer)
    words = complaint.words
    about_model = names_the_model(words, answer.body, model=model, prompt=prompt)
    if answer.status == HTTPStatus.FORBIDDEN:
        about_model = about_model or closes_the_model(words, model=model)
    raise _refused(answer, words, about_model=about_model, prompt=prompt)


def expect_success(answer: Answer) -> None:
    """Raise AccountError or Unavailable for a question that got no success."""
    if answer.is_success:
        return
    complaint = answer.complaint()
    words = complaint.words if complaint else ""
    if answer.status in _ACCOUNT and not closes_the_model(words):
        raise _held_back(answer.status, words)
    raise Unavailable(
        truncate(f"{answer.status} {words}"),
        retry_after=answer.retry_after(),
        redirected=answer.status // 100 == 3,  # noqa: PLR2004 - the class of redirections
    )


def expect_told(answer: Answer) -> None:
    """As `expect_success`, for what only the account's owner may know.

    A 403 says here that the key lacks a scope, whatever its words: nothing of money.
    """
    if answer.status == HTTPStatus.FORBIDDEN:
        complaint = answer.complaint()
        words = complaint.words if complaint else ""
        raise AccountError(truncate(f"{answer.status} {words}"), reason=AccountProblem.FORBIDDEN)
    expect_success(answer)


def expect_known(answer: Answer) -> None:
    """Raise NoSuchGeneration for an id the API does not know, else as `expect_success`.

    What it answers then is not documented. The id is all the question has, so a bad request
    means it too.
    """
    if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}:
        complaint = answer.complaint()
        if complaint is not None:
            raise NoSuchGeneration(truncate(f"{answer.status} {complaint.words}"))
    expect_success(answer)


def _refused(answer: Answer, words: str, *, about_model: bool, prompt: str) -> ProviderError:
    """Return what a refusal by the API itself means for a submission."""
    message = truncate(f"{answer.status} {words}")
    refusal = classify(words, prompt=prompt)
    rejected = Rejected(message, moderation=refusal.moderation, people=refusal.people)
    means: ProviderError = OutcomeUnknown(message)
    match answer.status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.PAYMENT_REQUIRED:
            means = _held_back(answer.status, words)
        case HTTPStatus.FORBIDDEN if is_about_money(words):
            means = _held_back(answer.status, words)
        case (
            HTTPStatus.FORBIDDEN
        ):  # one person's prompt, or one model, must not hold back everybody
            other = ModelGone(message) if about_model else _held_back(answer.status, words)
            means = rejected if refusal.moderation else other
        case HTTPStatus.NOT_FOUND:
            means = ModelGone(message)
        case HTTPStatus.BAD_REQUEST if about_model:
            means = rejected if refusal.moderation else ModelGone(message)
        case HTTPStatus.INTERNAL_SERVER_ERROR:
            means = rejected if refusal.moderation else ServerError(message)
        case HTTPStatus.TOO_MANY_REQUESTS:
            means = RateLimited(message, retry_after=answer.retry_after())
        case HTTPStatus.SERVICE_UNAVAILABLE:
            means = NotAccepted(message, retry_after=answer.retry_after())
        case status if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            means = means if status == HTTPStatus.REQUEST_TIMEOUT else rejected
    return means


def _refused_from_between(answer: Answer) -> ProviderError:
    """Return what a page means that is not the API's own.

    401 and 403 hold for all that follows, whoever says so, and what is too large was not passed
    on. Anything else may have been said after the API took the request.
    """
    message = f"{answer.status} without the API's own words"
    match answer.status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return _held_back(answer.status, "")
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return Rejected(message)
        case _:
            return OutcomeUnknown(message)


def _held_back(status: int, words: str) -> AccountError:
    """Return what is wrong with the account; its documentation gives 403 two meanings."""
    if status == HTTPStatus.UNAUTHORIZED:
        reason = AccountProblem.KEY
    elif status == HTTPStatus.PAYMENT_REQUIRED or is_about_money(words):
        reason = AccountProblem.MONEY
    else:
        reason = AccountProblem.FORBIDDEN
    return AccountError(truncate(f"{status} {words}"), reason=reason)
