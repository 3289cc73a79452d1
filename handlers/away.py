"""What was asked while the bot was away is asked about first: nobody pays for a stale wish."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handlers.identity import Sender

AWAY_SECONDS = 900.0
"""How old an order may be when it is read, by the time of its message."""


def came_late(sender: Sender, now: float) -> bool:
    """Whether what somebody said lay so long that they may not want it any more."""
    return sender.said_at is not None and now - sender.said_at > AWAY_SECONDS
