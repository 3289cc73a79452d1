"""Admins: statistics, grants, access, bans, limits, refunds."""

from __future__ import annotations

from handlers.admin.access import shut_out
from handlers.admin.invites import GIFT, INVITE, follow_invite
from handlers.admin.limits import show_pool
from handlers.admin.refunds import give_back_all, reconcile

__all__ = ["GIFT", "INVITE", "follow_invite", "give_back_all", "reconcile", "show_pool", "shut_out"]
