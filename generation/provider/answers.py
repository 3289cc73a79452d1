"""What an HTTP answer of the provider stands for: success, or which of the errors.

Only an error body of the API itself tells that the API decided; a page without one comes from
something in between, behind which a submission may have been taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from pydantic import ValidationError

from generation.provider.errors import (
    Broken,
    HeldBack,
    HoldReason,
    ModelGone,
    NoSuchGeneration,
    NotTaken,
    OutcomeUnknown,
    Rejected,
    Unavailable,
)
from generation.provider.refusals import in_short, is_about_money, judge, names_the_model
from generation.provider.remote import Complaint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from generation.provider.errors import ProviderError

LONGEST_RETRY_AFTER = 600.0
"""Seconds the provider may ask us to stay away."""

_ACCOUNT = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN})
_TRY_LATER = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


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
            if value.isascii() and value.isdigit():
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
    raise _refused(answer, words, about_model=about_model)


def expect_success(answer: Answer) -> None:
    """Raise HeldBack or Unavailable for a question that got no success."""
    if answer.is_success:
        return
    complaint = answer.complaint()
    words = complaint.words if complaint else ""
    if answer.status in _ACCOUNT:
        raise _held_back(answer.status, words)
    raise Unavailable(in_short(f"{answer.status} {words}"), retry_after=answer.retry_after())


def expect_told(answer: Answer) -> None:
    """As `expect_success`, for what only the account's owner may know.

    A 403 says here that the key lacks a scope, whatever its words: nothing of money.
    """
    if answer.status == HTTPStatus.FORBIDDEN:
        complaint = answer.complaint()
        words = complaint.words if complaint else ""
        raise HeldBack(in_short(f"{answer.status} {words}"), reason=HoldReason.FORBIDDEN)
    expect_success(answer)


def expect_known(answer: Answer) -> None:
    """Raise NoSuchGeneration for an id the API does not know, else as `expect_success`.

    What it answers then is not documented. The id is all the question has, so a bad request
    means it too.
    """
    if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}:
        complaint = answer.complaint()
        if complaint is not None:
            raise NoSuchGeneration(in_short(f"{answer.status} {complaint.words}"))
    expect_success(answer)


def _refused(answer: Answer, words: str, *, about_model: bool) -> ProviderError:
    """Return what a refusal by the API itself means for a submission."""
    message = in_short(f"{answer.status} {words}")
    refusal = judge(words)
    rejected = Rejected(message, moderation=refusal.moderation, people=refusal.people)
    means: ProviderError = OutcomeUnknown(message)
    match answer.status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.PAYMENT_REQUIRED:
            means = _held_back(answer.status, words)
        case HTTPStatus.FORBIDDEN:  # one person's prompt must not hold back everybody
            on_content = refusal.moderation and not is_about_money(words)
            means = rejected if on_content else _held_back(answer.status, words)
        case HTTPStatus.NOT_FOUND:
            means = ModelGone(message)
        case HTTPStatus.BAD_REQUEST if about_model:
            means = rejected if refusal.moderation else ModelGone(message)
        case HTTPStatus.INTERNAL_SERVER_ERROR:
            means = Broken(message)
        case status if status in _TRY_LATER:
            means = NotTaken(message, retry_after=answer.retry_after())
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


def _held_back(status: int, words: str) -> HeldBack:
    """Return what is wrong with the account; its documentation gives 403 two meanings."""
    if status == HTTPStatus.UNAUTHORIZED:
        reason = HoldReason.KEY
    elif status == HTTPStatus.PAYMENT_REQUIRED or is_about_money(words):
        reason = HoldReason.MONEY
    else:
        reason = HoldReason.FORBIDDEN
    return HeldBack(in_short(f"{status} {words}"), reason=reason)
