"""SQLite: the one record of what was asked, what is owed and what was paid."""

from __future__ import annotations

SHARED_IDS = frozenset({1087968824, 136817688, 777000})
"""Telegram's stand-ins for anonymous admins, channels and itself: nobody's, so never an owner."""

HOUR_SECONDS = 3600.0
DAY_SECONDS = 24 * HOUR_SECONDS
MONTH_SECONDS = 30 * DAY_SECONDS
"""How long is kept what only explains the past."""
DELETE_BATCH = 100
"""How many rows a transaction forgets: others wait for it."""
