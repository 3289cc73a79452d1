"""What an operator gives by default, for what is counted and accepted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from generation.models.pricing import Period
from generation.orders.balances import Terms


def terms(**changes: Any) -> Terms:
    """Return the usual terms: 54 credits a day, 9 for a usual video."""
    values: dict[str, Any] = {
        "free_credits": 54,
        "period": Period.DAY,
        "zone": ZoneInfo("UTC"),
        "budget_usd": Decimal(10),
        "budget_period": Period.DAY,
        "max_pending": 3,
    }
    return Terms(**(values | changes))
