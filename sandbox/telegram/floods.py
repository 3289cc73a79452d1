"""Flood limits as far as published: a message a second in private, 20 a minute in a group."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from sandbox.telegram.errors import too_many_requests

if TYPE_CHECKING:
    from collections.abc import Callable

_PRIVATE_BURST = 5
_PRIVATE_SECONDS = 5.0
_GROUP_BURST = 20
_GROUP_SECONDS = 60.0


class FloodLimits:
    """Counts the messages sent to each chat within a sliding window."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: dict[int, deque[float]] = {}

    def count(self, chat_id: int) -> None:
        """Count one message.

        Raises:
            ApiError: 429 with the whole seconds until another is allowed.
        """
        burst, window = (
            (_PRIVATE_BURST, _PRIVATE_SECONDS) if chat_id > 0 else (_GROUP_BURST, _GROUP_SECONDS)
        )
        now = self._clock()
        sent = self._sent.setdefault(chat_id, deque())
        while sent and sent[0] <= now - window:
            sent.popleft()
        if len(sent) >= burst:
            raise too_many_requests(max(1, math.ceil(sent[0] + window - now)))
        sent.append(now)
