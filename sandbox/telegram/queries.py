"""Questions a person asks with a tap or an inline query, until the bot has answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from sandbox.telegram.errors import bad_request

if TYPE_CHECKING:
    from sandbox.telegram.actors import Person

ANSWERED_WITHIN = 150
_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the presser of a button sees: a note at the top, or an alert."""

    text: str = ""
    alert: bool = False
    url: str | None = None


class InlineAnswer(Sequence[dict[str, Any]]):
    """Results of an inline query, with what came along."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.results: list[dict[str, Any]] = given["results"]
        self.next_offset: str = given.get("next_offset", "")
        self.cache_time: int = given.get("cache_time", 300)
        self.is_personal: bool = given.get("is_personal", False)
        self.button: dict[str, Any] | None = given.get("button")

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        return self.results[index]

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.results)


@dataclass(eq=False, slots=True)
class Query:
    """One question: a callback, inline or pre-checkout query."""

    id: str
    person: Person
    asked_at: float
    answer: Any = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class Queries:
    """The open questions of one kind."""

    def __init__(self) -> None:
        self._all: dict[str, Query] = {}

    def ask(self, query: Query) -> None:
        """Opens a question."""
        self._all[query.id] = query

    @property
    def unanswered(self) -> list[Query]:
        """Questions without an answer, oldest first."""
        return [query for query in self._all.values() if query.answer is None]

    def settle(self, query_id: str, answer: Any, *, now: float, within: float) -> Query:
        """Gives a question its only answer.

        Raises:
            ApiError: 400 for an unknown or answered question, or one older than ``within`` seconds.
        """
        query = self._all.get(query_id)
        if query is None or query.answer is not None or now - query.asked_at > within:
            raise bad_request(_TOO_OLD)
        query.answer = answer
        query.answered.set()
        return query
