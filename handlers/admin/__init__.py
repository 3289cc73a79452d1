"""Admins: statistics, grants, access, bans, limits, refunds."""

from __future__ import annotations

from handlers.admin.access import shut_out
from handlers.admin.limits import show_pool
from handlers.admin.refunds import give_back_all, reconcile

__all__ = ["give_back_all", "reconcile", "show_pool", "shut_out"]
