"""The database: everything the bot stores, in SQLite."""

from __future__ import annotations

SHARED_IDS = frozenset({1087968824, 136817688, 777000})
"""Telegram's ids for anonymous admins, channels and itself: shared, so they never own credits."""

HOUR_SECONDS = 3600.0
DAY_SECONDS = 24 * HOUR_SECONDS
MONTH_SECONDS = 30 * DAY_SECONDS
"""How long records are kept that only explain the past."""
DELETE_BATCH = 100
"""How many rows are deleted per transaction, so that others wait little."""
