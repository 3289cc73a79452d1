"""Callback, inline and pre-checkout queries that wait for the bot's answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from sandbox.telegram.errors import bad_request

if TYPE_CHECKING:
    from sandbox.telegram.actors import Person

CALLBACK_SECONDS = 150
"""Age up to which a callback query can be answered."""
_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a callback query: a notification at the top of the chat, or an alert."""

    text: str = ""
    alert: bool = False
    url: str | None = None


class InlineAnswer(Sequence[dict[str, Any]]):
    """The answer to an inline query: a sequence of its results, with the other parameters."""

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
    """A callback, inline or pre-checkout query; ``asked_at`` in seconds of the clock."""

    id: str
    person: Person
    asked_at: float
    answer: Any = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class Queries:
    """The queries of one kind."""

    def __init__(self) -> None:
        self._all: dict[str, Query] = {}

    def ask(self, query: Query) -> None:
        """Add a query."""
        self._all[query.id] = query

    @property
    def unanswered(self) -> list[Query]:
        """The queries without an answer, oldest first."""
        return [query for query in self._all.values() if query.answer is None]

    def settle(self, query_id: str, answer: Any, *, now: float, within: float) -> Query:
        """Answer a query, once.

        Raises:
            ApiError: 400 if it is unknown, answered, or older than ``within`` seconds.
        """
        query = self._all.get(query_id)
        if query is None or query.answer is not None or now - query.asked_at > within:
            raise bad_request(_TOO_OLD)
        query.answer = answer
        query.answered.set()
        return query
