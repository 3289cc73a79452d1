"""A chat page in the browser in front of both sandboxes, for people and for their browsers."""

from __future__ import annotations

from sandbox.page.participants import Participants
from sandbox.page.server import ChatPage

__all__ = ["ChatPage", "Participants"]
