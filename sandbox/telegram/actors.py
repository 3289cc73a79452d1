"""Telegram users, and the topics of forums."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, unsafe_hash=True)
class Person:
    """A Telegram user or the bot; ``language`` is that of the user's Telegram app."""

    id: int
    first_name: str
    username: str | None = None
    language: str | None = field(default=None, compare=False)
    is_bot: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the User object of the Bot API."""
        shown = {
            "id": self.id,
            "is_bot": self.is_bot,
            "first_name": self.first_name,
            "username": self.username,
            "language_code": self.language,
        }
        return {name: value for name, value in shown.items() if value is not None}


# Telegram's shared accounts: the sender of anonymous admins, and of channels
ANONYMOUS_ADMIN = Person(1087968824, "Group", "GroupAnonymousBot", is_bot=True)
CHANNEL = Person(136817688, "Channel", "Channel_Bot", is_bot=True)


@dataclass(eq=False, slots=True)
class Topic:
    """A topic of a forum; ``id`` is its message_thread_id."""

    id: int
    name: str
    closed: bool = False
    deleted: bool = False
