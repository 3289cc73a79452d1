"""Faults on demand: what a network and a busy server do to a call."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "error", "hang", "answer_lost", "dropped", "bad_gateway", "delay", "unreadable", "answers"
]


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with a call; made by the class methods below."""

    kind: Kind
    code: int = 0
    description: str = ""
    parameters: dict[str, int] = field(default_factory=dict)
    seconds: float = 0
    result: Any = None

    @classmethod
    def error(cls, code: int, description: str, **parameters: int) -> Fault:
        """An error of the Bot API; the call has no effect."""
        return cls("error", code=code, description=description, parameters=parameters)

    @classmethod
    def flood(cls, retry_after: int) -> Fault:
        """429, ``retry_after`` in seconds."""
        description = f"Too Many Requests: retry after {retry_after}"
        return cls.error(429, description, retry_after=retry_after)

    @classmethod
    def hang(cls) -> Fault:
        """No answer and no effect until the rule is released.

        Then the call goes on, unless its caller has given up by then.
        """
        return cls("hang")

    @classmethod
    def answer_lost(cls) -> Fault:
        """The call has its effect, then the connection closes without an answer."""
        return cls("answer_lost")

    @classmethod
    def dropped(cls) -> Fault:
        """The connection closes before the call has an effect."""
        return cls("dropped")

    @classmethod
    def bad_gateway(cls) -> Fault:
        """A 502 page in HTML; the call has no effect."""
        return cls("bad_gateway", code=502)

    @classmethod
    def unreadable(cls) -> Fault:
        """A result that is none of the kind promised; the call has no effect."""
        return cls("unreadable")

    @classmethod
    def answers(cls, result: Any) -> Fault:
        """The call has its effect, and this is said of it in the place of its result."""
        return cls("answers", result=result)

    @classmethod
    def delay(cls, seconds: float) -> Fault:
        """The call is done after some seconds."""
        return cls("delay", seconds=seconds)


@dataclass(eq=False, slots=True)
class FaultRule:
    """A fault that waits for its calls; ``hits`` counts the calls it met."""

    method: str
    fault: Fault
    left: int | None
    chat_id: int | None
    hits: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Ends the rule, and lets calls go on that hang in it."""
        self.left = 0
        self.released.set()


class Faults:
    """The rules in force, first come first served."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []

    def next(
        self, method: str, fault: Fault, *, times: int = 1, chat_id: int | None = None
    ) -> FaultRule:
        """Spoils the next ``times`` calls of a method (``*`` is every method)."""
        return self._add(FaultRule(method, fault, times, chat_id))

    def always(self, method: str, fault: Fault, *, chat_id: int | None = None) -> FaultRule:
        """Spoils every call of a method until the rule is released."""
        return self._add(FaultRule(method, fault, None, chat_id))

    def clear(self) -> None:
        """Releases every rule."""
        for rule in self._rules:
            rule.release()
        self._rules.clear()

    def take(self, method: str, chat_id: object) -> FaultRule | None:
        """The rule that meets this call, counted."""
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
