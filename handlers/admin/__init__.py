"""Admins: statistics, grants, access, bans, limits."""

from __future__ import annotations

from handlers.admin.access import shut_out
from handlers.admin.limits import show_pool

__all__ = ["show_pool", "shut_out"]
