"""Admins: statistics, grants, access, bans, limits."""

from __future__ import annotations
