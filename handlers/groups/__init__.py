"""Groups: arrival, settings, reports."""

from __future__ import annotations

from handlers.groups.group_settings import GroupVideo, show_group_settings

__all__ = ["GroupVideo", "show_group_settings"]
