"""Groups: arrival, settings, reports."""

from __future__ import annotations

from handlers.groups.group_settings import show_group_settings

__all__ = ["show_group_settings"]
