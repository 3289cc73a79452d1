"""Whose credits move: a person's, or a chat's (a group's pool, a channel's own)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SHARED_IDS = frozenset({1087968824, 136817688, 777000})
"""Telegram's stand-ins for anonymous admins, channels and itself: nobody's, so never an owner."""


class AccountKind(StrEnum):
    """What an account belongs to."""

    PERSON = "person"
    CHAT = "chat"


@dataclass(frozen=True, slots=True)
class Account:
    """The owner of credits: a person by Telegram's user id, or a chat by our own chat id."""

    kind: AccountKind
    id: int

    @classmethod
    def person(cls, person: int) -> Account:
        """Return the account of a person."""
        return cls(AccountKind.PERSON, person)

    @classmethod
    def chat(cls, chat: int) -> Account:
        """Return the account of a chat."""
        return cls(AccountKind.CHAT, chat)

    @property
    def is_person(self) -> bool:
        """Whether this is somebody with a daily allowance."""
        return self.kind is AccountKind.PERSON
