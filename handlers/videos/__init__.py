"""Finished videos: results, history, sharing, another one like it."""

from __future__ import annotations

from handlers.videos.cancel import show_under_way
from handlers.videos.history import offer_retained, show_history, show_reason

__all__ = ["offer_retained", "show_history", "show_reason", "show_under_way"]
