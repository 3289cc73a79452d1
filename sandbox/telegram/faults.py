"""Faults on demand: errors, delays and lost connections of chosen calls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "error", "hang", "answer_lost", "dropped", "bad_gateway", "delay", "unreadable", "answers"
]


@dataclass(frozen=True, slots=True)
class Fault:
    """A way for a call to fail; made by the class methods below."""

    kind: Kind
    code: int = 0
    description: str = ""
    parameters: dict[str, int] = field(default_factory=dict)
    seconds: float = 0
    result: Any = None

    @classmethod
    def error(cls, code: int, description: str, **parameters: int) -> Fault:
        """Answer with an error of the Bot API; the call has no effect."""
        return cls("error", code=code, description=description, parameters=parameters)

    @classmethod
    def flood(cls, retry_after: int) -> Fault:
        """Answer 429; ``retry_after`` is in seconds."""
        description = f"Too Many Requests: retry after {retry_after}"
        return cls.error(429, description, retry_after=retry_after)

    @classmethod
    def hang(cls) -> Fault:
        """Hold the call until the rule is released.

        Then it runs, unless the caller has disconnected by then.
        """
        return cls("hang")

    @classmethod
    def answer_lost(cls) -> Fault:
        """Run the call, then close the connection without an answer."""
        return cls("answer_lost")

    @classmethod
    def dropped(cls) -> Fault:
        """Close the connection before the call has an effect."""
        return cls("dropped")

    @classmethod
    def bad_gateway(cls) -> Fault:
        """Answer with a 502 page in HTML; the call has no effect."""
        return cls("bad_gateway", code=502)

    @classmethod
    def unreadable(cls) -> Fault:
        """Answer with a result of the wrong type; the call has no effect."""
        return cls("unreadable")

    @classmethod
    def answers(cls, result: Any) -> Fault:
        """Run the call, but answer with this result instead of its own."""
        return cls("answers", result=result)

    @classmethod
    def delay(cls, seconds: float) -> Fault:
        """Run the call after some seconds."""
        return cls("delay", seconds=seconds)


@dataclass(eq=False, slots=True)
class FaultRule:
    """A fault for the matching calls: ``left`` more of them, or all if None.

    ``hits`` counts the calls it was applied to.
    """

    method: str
    fault: Fault
    left: int | None
    chat_id: int | None
    hits: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """End the rule and resume the calls that hang in it."""
        self.left = 0
        self.released.set()


class Faults:
    """The rules in force; the oldest that matches a call applies."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []

    def next(
        self, method: str, fault: Fault, *, times: int = 1, chat_id: int | None = None
    ) -> FaultRule:
        """Apply a fault to the next ``times`` calls of a method (``*`` is every method)."""
        return self._add(FaultRule(method, fault, times, chat_id))

    def always(self, method: str, fault: Fault, *, chat_id: int | None = None) -> FaultRule:
        """Apply a fault to every call of a method until the rule is released."""
        return self._add(FaultRule(method, fault, None, chat_id))

    def clear(self) -> None:
        """Release every rule."""
        for rule in self._rules:
            rule.release()
        self._rules.clear()

    def take(self, method: str, chat_id: object) -> FaultRule | None:
        """Return the rule for this call and count the call; None if no rule matches."""
        for rule in self._rules:
            if rule.left == 0 or rule.method not in {method, "*"}:
                continue
            if rule.chat_id is not None and rule.chat_id != chat_id:
                continue
            rule.hits += 1
            if rule.left is not None:
                rule.left -= 1
            return rule
        return None

    def _add(self, rule: FaultRule) -> FaultRule:
        self._rules.append(rule)
        return rule
