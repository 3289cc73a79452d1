"""Admins: statistics, grants, access, bans, limits."""

from __future__ import annotations

from handlers.admin.access import shut_out
from handlers.admin.grants import limit_usage

__all__ = ["limit_usage", "shut_out"]
