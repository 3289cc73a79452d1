"""What the provider says about a generation, read leniently into frozen values.

Its replies differ between models and years: `video` is an object, a list of them or null; `error`
an object, a text or null; an id may come as a number. What cannot be read counts as not said; only
a submission answered without an id is worthless.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from generation.provider.lenient import ODD
from generation.provider.refusals import in_short, judge

CREDITS_PER_USD = 2_000_000
"""The provider's own credits; they have nothing to do with the bot's."""
MOST_USD = 10_000
"""A dearer video is a misreading."""
FAILURES = frozenset({"error", "failed"})


@dataclass(frozen=True, slots=True)
class Pending:
    """Not finished; also every status the program does not know."""


@dataclass(frozen=True, slots=True)
class Completed:
    """Finished; the video can be fetched from `url`, perhaps for a short time only."""

    url: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Ended without a video; nothing is billed."""

    name: str
    message: str
    moderation: bool = False
    people: bool = False


@dataclass(frozen=True, slots=True)
class Remote:
    """A generation as the provider sees it. `spent` is in US dollars, None while not known."""

    id: str
    status: Pending | Completed | Failed
    spent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Logged:
    """A submission found in the provider's log by the id it was sent with."""

    id: str
    failed: bool


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _as_object(value: Any) -> Any:
    return {"message": value} if isinstance(value, str) else value


_Text = Annotated[str, Field(max_length=100_000)]
_Id = Annotated[str, Field(min_length=1, max_length=1_000)]
_Usd = Annotated[Decimal, Field(ge=0, le=MOST_USD)]
_Credits = Annotated[Decimal, Field(ge=0, le=MOST_USD * CREDITS_PER_USD)]


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class _Video(_Lenient):
    url: Annotated[str, Field(min_length=1, max_length=8_000)]


class _Error(_Lenient):
    name: Annotated[_Text | None, ODD] = None
    message: Annotated[_Text | None, ODD] = None


class _Usage(_Lenient):
    usd_spent: Annotated[_Usd | None, ODD] = None
    credits_used: Annotated[_Credits | None, ODD] = None


class _Meta(_Lenient):
    usage: Annotated[_Usage | None, ODD] = None


class _Reply(_Lenient):
    id: Annotated[_Id | None, ODD] = None
    status: Annotated[_Text | None, ODD] = None
    video: Annotated[_Video | None, BeforeValidator(_first), ODD] = None
    error: Annotated[_Error | None, BeforeValidator(_as_object), ODD] = None
    meta: Annotated[_Meta | None, ODD] = None

    def outcome(self) -> Pending | Completed | Failed:
        """Tell how far it is; `completed` without an address is not finished."""
        if self.status == "completed" and self.video is not None:
            return Completed(self.video.url)
        if self.status not in FAILURES:
            return Pending()
        name = (self.error and self.error.name) or ""
        message = (self.error and self.error.message) or ""
        refusal = judge(f"{name} {message}")
        return Failed(in_short(name), in_short(message), refusal.moderation, refusal.people)

    def spent(self) -> Decimal | None:
        """Return what it cost in US dollars, where the reply says so."""
        usage = self.meta and self.meta.usage
        if not usage:
            return None
        if usage.usd_spent is not None:
            return usage.usd_spent
        return None if usage.credits_used is None else usage.credits_used / CREDITS_PER_USD


class _Row(_Lenient):
    client_request_id: str | None = None
    inference_id: _Id
    status: str


class _Pagination(_Lenient):
    has_more: bool = False


class LogPage(_Lenient):
    """A page of the log of requests."""

    data: tuple[Annotated[_Row | None, ODD], ...]
    pagination: _Pagination = _Pagination()

    def submissions(self) -> dict[str, Logged]:
        """Return the submissions on this page, by the ids they were sent with."""
        found: dict[str, Logged] = {}
        for row in self.data:
            if row is not None and row.client_request_id is not None:
                logged = Logged(row.inference_id, failed=row.status == "failed")
                found.setdefault(row.client_request_id, logged)
        return found


class _TopUp(_Lenient):
    is_enabled: bool = False


class Balance(_Lenient):
    """What the account holds, in US dollars, and whether it fills itself up."""

    current_balance: Decimal
    autotopup_settings: Annotated[_TopUp, BeforeValidator(lambda told: told or {})] = _TopUp()


class Complaint(_Lenient):
    """The API's own error body, in either of the forms it is known to take.

    A request id and a text are what both have and what the pages of a gateway lack.
    """

    request_id: Annotated[_Id, Field(alias="requestId")]
    message: Annotated[str | None, ODD] = None
    error: Annotated[_Error | None, BeforeValidator(_as_object), ODD] = None

    @property
    def words(self) -> str:
        """All it says, a line for each part, for recognising what it means."""
        error = self.error or _Error()
        return "\n".join(filter(None, dict.fromkeys((error.name, self.message, error.message))))


def read_generation(
    body: bytes, *, provider_id: str | None = None, spent: str | None = None
) -> Remote:
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
    return Remote(found, reply.outcome(), cost)
