"""The replies of the provider, parsed, and the exceptions for its error responses.

Only an error body of the API itself proves that the API decided. A page without one comes from a
gateway, and the API may have accepted the submission all the same.
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
    is_about_model,
    is_about_money,
    refuses_model,
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
"""Makes an invalid field None, instead of failing the whole model."""

CREDITS_PER_USD = 2_000_000
"""The provider's own credits, unrelated to the bot's."""
MAX_USD, MAX_BALANCE_USD = 10_000, 1_000_000_000
"""Upper limits of a price and of a balance; a larger number is invalid."""
SUCCESSES = frozenset(
    {"complete", "completed", "done", "finished", "ready", "succeeded", "success"}
)
"""Statuses of a finished generation, in lower case; one with a link is finished as well."""
FAILURES = frozenset(
    {"aborted", "canceled", "cancelled", "error", "expired", "failed", "failure", "rejected"}
) | {"blocked", "moderated", "timed_out", "timeout"}
"""Statuses of a failed generation, in lower case."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Not finished; also every unknown status."""


@dataclass(frozen=True, slots=True)
class Completed:
    """Finished; the video can be downloaded from `url`, perhaps for a short time only."""

    url: str


@dataclass(frozen=True, slots=True)
class CompletedWithoutUrl:
    """Said to be finished, but without a link (yet)."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Ended without a video, and not billed; `moderation` and `people` are as in `Rejected`."""

    name: str
    message: str
    moderation: bool = False
    people: bool = False


@dataclass(frozen=True, slots=True)
class RemoteGeneration:
    """A generation at the provider; `spent` is in US dollars, None if unknown."""

    id: str
    status: Pending | Completed | CompletedWithoutUrl | Failed
    spent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A submission in the provider's log."""

    id: str
    failed: bool


def _find_url(value: Any) -> Any:
    """Return the first link in a string, an object with `url`, or a list of these."""
    if isinstance(value, list):
        return next(filter(None, map(_find_url, value)), None)
    if isinstance(value, dict):
        return _find_url(value.get("url"))
    return value.strip() if isinstance(value, str) else None


def _normalize_status(status: str | None) -> str:
    """Return a status in the form of `SUCCESSES` and `FAILURES`."""
    return re.sub(r"[\s-]+", "_", (status or "").strip().lower())


def _as_object(value: Any) -> Any:
    return {"message": value} if isinstance(value, str) else value


_Text = Annotated[str, Field(max_length=100_000)]
_Id = Annotated[str, Field(min_length=1, max_length=1_000)]
_Url = Annotated[str, Field(min_length=1, max_length=8_000)]
_Usd = Annotated[Decimal, Field(ge=0, le=MAX_USD)]
_Credits = Annotated[Decimal, Field(ge=0, le=MAX_USD * CREDITS_PER_USD)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class _Error(_Model):
    name: Annotated[_Text | None, NONE_IF_INVALID] = None
    message: Annotated[_Text | None, NONE_IF_INVALID] = None


class _Usage(_Model):
    usd_spent: Annotated[_Usd | None, NONE_IF_INVALID] = None
    credits_used: Annotated[_Credits | None, NONE_IF_INVALID] = None


class _Meta(_Model):
    usage: Annotated[_Usage | None, NONE_IF_INVALID] = None


class _Reply(_Model):
    id: Annotated[_Id | None, NONE_IF_INVALID] = None
    status: Annotated[_Text | None, NONE_IF_INVALID] = None
    video: Annotated[_Url | None, BeforeValidator(_find_url), NONE_IF_INVALID] = None
    error: Annotated[_Error | None, BeforeValidator(_as_object), NONE_IF_INVALID] = None
    meta: Annotated[_Meta | None, NONE_IF_INVALID] = None

    def outcome(self) -> Pending | Completed | CompletedWithoutUrl | Failed:
        """Return the state; a link means finished, whatever the status says."""
        if self.video is not None:
            return Completed(self.video)
        status = _normalize_status(self.status)
        if status not in FAILURES:
            return CompletedWithoutUrl() if status in SUCCESSES else Pending()
        name = (self.error and self.error.name) or ""
        message = (self.error and self.error.message) or ""
        refusal = classify(f"{name} {message}")
        return Failed(truncate(name), truncate(message), refusal.moderation, refusal.people)

    def spent(self) -> Decimal | None:
        """Return the cost in US dollars, or None if the reply has none."""
        usage = self.meta and self.meta.usage
        if not usage:
            return None
        if usage.usd_spent is not None:
            return usage.usd_spent
        return None if usage.credits_used is None else usage.credits_used / CREDITS_PER_USD


class _Row(_Model):
    client_request_id: str | None = None
    inference_id: _Id
    status: Annotated[_Text | None, NONE_IF_INVALID] = None


class _Pagination(_Model):
    has_more: bool = False


class LogPage(_Model):
    """One page of the log of requests."""

    data: tuple[Annotated[_Row | None, NONE_IF_INVALID], ...]
    pagination: Annotated[_Pagination | None, NONE_IF_INVALID] = None

    def submissions(self) -> dict[str, LogEntry]:
        """Return the submissions on this page, by their request ids."""
        found: dict[str, LogEntry] = {}
        for row in self.data:
            if row is not None and row.client_request_id is not None:
                logged = LogEntry(
                    row.inference_id, failed=_normalize_status(row.status) in FAILURES
                )
                found.setdefault(row.client_request_id, logged)
        return found


class _TopUp(_Model):
    is_enabled: bool = False


class AccountBalance(_Model):
    """The account's balance in US dollars, and whether it tops itself up."""

    current_balance: Annotated[Decimal, Field(ge=-MAX_BALANCE_USD, le=MAX_BALANCE_USD)]
    autotopup_settings: Annotated[_TopUp, BeforeValidator(lambda told: told or {})] = _TopUp()


class _ErrorBody(_Model):
    """The API's own error body, in either of its two known forms.

    Both have a request id and a text, which the pages of a gateway lack.
    """

    request_id: Annotated[_Id, Field(alias="requestId")]
    message: Annotated[str | None, NONE_IF_INVALID] = None
    error: Annotated[_Error | None, BeforeValidator(_as_object), NONE_IF_INVALID] = None


def to_utf8(body: bytes) -> bytes:
    """Return JSON in UTF-8 without a byte order mark, whatever its encoding."""
    return body.decode(json.detect_encoding(body), "replace").encode()


def read_generation(
    body: bytes, *, provider_id: str | None = None, spent: str | None = None
) -> RemoteGeneration:
    """Parse the reply to a submission, or to a poll of `provider_id`.

    `spent` is the header with the cost in US dollars, for replies without one. Raises ValueError
    for any other reply: not JSON, not an object, or without an id.
    """
    reply = _Reply.model_validate_json(body)
    found = provider_id or reply.id
    if found is None:
        raise ValueError("the reply names no generation")
    if provider_id is not None and not reply.model_fields_set & {"id", "status"}:
        raise ValueError("the reply is not about a generation")
    cost = reply.spent()
    if cost is None:  # a header of zero is the cost of the poll, not of the video
        cost = _Usage.model_validate({"usd_spent": spent}).usd_spent or None
    return RemoteGeneration(found, reply.outcome(), cost)


MAX_RETRY_AFTER = 600.0
"""The longest wait, in seconds, that the provider may ask for."""

_ACCOUNT = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN})


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: status, headers by lower-case name, and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of success

    @property
    def words(self) -> str | None:
        """All texts of the API's own error body, one per line; None for a page of a gateway."""
        try:
            body = _ErrorBody.model_validate_json(self.body)
        except ValidationError:
            return None
        error = body.error or _Error()
        return "\n".join(filter(None, dict.fromkeys((error.name, body.message, error.message))))

    @property
    def message(self) -> str:
        """The status and the texts of the error, fit for a log."""
        return truncate(f"{self.status} {self.words or ''}")

    def retry_after(self) -> float | None:
        """Return the Retry-After header in seconds; a date is relative to the Date header."""
        value = self.headers.get("retry-after", "").strip()
        try:
            if re.fullmatch(r"[0-9]+(\.[0-9]*)?", value):
                wait = float(value)
            else:
                until = parsedate_to_datetime(value)
                wait = (until - parsedate_to_datetime(self.headers["date"])).total_seconds()
        except (ValueError, TypeError, KeyError, OverflowError):
            return None
        return min(max(wait, 0.0), MAX_RETRY_AFTER)


def expect_accepted(answer: Answer, *, model: str = "", prompt: str = "") -> None:
    """Raise the exception for a submission that was not accepted."""
    if answer.is_success:
        return
    words = answer.words
    if words is None:
        raise _gateway_error(answer)
    raise _submission_error(answer, words, model=model, prompt=prompt)


def expect_success(answer: Answer) -> None:
    """Raise AccountError or Unavailable for a query that failed."""
    if answer.is_success:
        return
    if answer.status in _ACCOUNT and not refuses_model(answer.words or ""):
        raise _account_error(answer)
    raise Unavailable(
        answer.message,
        retry_after=answer.retry_after(),
        redirected=answer.status // 100 == 3,  # noqa: PLR2004 - the class of redirections
    )


def expect_account_answer(answer: Answer) -> None:
    """As `expect_success`, but a 403 always means that the key lacks a scope."""
    if answer.status == HTTPStatus.FORBIDDEN:
        raise AccountError(answer.message, reason=AccountProblem.FORBIDDEN)
    expect_success(answer)


def expect_known(answer: Answer) -> None:
    """Raise NoSuchGeneration for an unknown id, otherwise as `expect_success`.

    The status for this is not documented. A bad request means it as well, because the id is the
    only parameter.
    """
    unknown = {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}
    if answer.status in unknown and answer.words is not None:
        raise NoSuchGeneration(answer.message)
    expect_success(answer)


def _submission_error(answer: Answer, words: str, *, model: str, prompt: str) -> ProviderError:
    """Return the exception for a submission that the API itself refused in these words."""
    refusal, message = classify(words, prompt=prompt), answer.message
    rejected = Rejected(message, moderation=refusal.moderation, people=refusal.people)
    about_model = is_about_model(words, answer.body, model=model, prompt=prompt) or (
        answer.status == HTTPStatus.FORBIDDEN and refuses_model(words, model=model)
    )
    error: ProviderError = OutcomeUnknown(message)
    match answer.status:
        case HTTPStatus.FORBIDDEN if is_about_money(words):
            error = _account_error(answer)
        # one prompt, or one model, must not stop all submissions
        case HTTPStatus.FORBIDDEN | HTTPStatus.INTERNAL_SERVER_ERROR if refusal.moderation:
            error = rejected
        case HTTPStatus.FORBIDDEN | HTTPStatus.BAD_REQUEST if (
            about_model and not refusal.moderation
        ):
            error = ModelGone(message)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.PAYMENT_REQUIRED | HTTPStatus.FORBIDDEN:
            error = _account_error(answer)
        case HTTPStatus.NOT_FOUND:
            error = ModelGone(message)
        case HTTPStatus.INTERNAL_SERVER_ERROR:
            error = ServerError(message)
        case HTTPStatus.TOO_MANY_REQUESTS:
            error = RateLimited(message, retry_after=answer.retry_after())
        case HTTPStatus.SERVICE_UNAVAILABLE:
            error = NotAccepted(message, retry_after=answer.retry_after())
        case status if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            error = error if status == HTTPStatus.REQUEST_TIMEOUT else rejected
    return error


def _gateway_error(answer: Answer) -> ProviderError:
    """Return the exception for a submission that was answered by a gateway.

    401 and 403 would hold for every submission, and a body that is too large was not passed on.
    With any other status the API may have accepted the request before.
    """
    message = f"{answer.status} without the API's own words"
    match answer.status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return _account_error(answer)
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return Rejected(message)
        case _:
            return OutcomeUnknown(message)


def _account_error(answer: Answer) -> AccountError:
    """Return the exception for a refused account; a 403 has two documented meanings."""
    if answer.status == HTTPStatus.UNAUTHORIZED:
        reason = AccountProblem.KEY
    elif answer.status == HTTPStatus.PAYMENT_REQUIRED or is_about_money(answer.words or ""):
        reason = AccountProblem.MONEY
    else:
        reason = AccountProblem.FORBIDDEN
    return AccountError(answer.message, reason=reason)
