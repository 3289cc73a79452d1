"""The one-time link that makes its first user an admin, while there is none."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

VALID_SECONDS = 900.0
"""How long the link lives after the start."""
PREFIX = "admin-"


class FirstAdmin:
    """Holds the secret of the link; without one, nobody can claim anything."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._secret: str | None = None
        self._until = 0.0

    def invite(self) -> str:
        """Make the link's payload, valid for 15 minutes and for one person."""
        self._secret = secrets.token_urlsafe(24)
        self._until = self._clock() + VALID_SECONDS
        return PREFIX + self._secret

    def claim(self, payload: str) -> bool:
        """Whether this is the payload, still valid; it works once."""
        if self._secret is None or self._clock() > self._until:
            return False
        right = hmac.compare_digest(payload.encode(), (PREFIX + self._secret).encode())
        if right:
            self._secret = None
        return right
