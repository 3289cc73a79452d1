"""Finished videos: results, history, sharing, another one like it."""

from __future__ import annotations

from handlers.videos.cancel import show_under_way
from handlers.videos.history import offer_retained, send_again, show_history, show_reason
from handlers.videos.sharing import LIKE, offer_like

__all__ = [
    "LIKE",
    "offer_like",
    "offer_retained",
    "send_again",
    "show_history",
    "show_reason",
    "show_under_way",
]
