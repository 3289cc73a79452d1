"""A bot that does only what a test says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.sandbox.telegram.calls import Caller


async def update(call: Caller, kind: str) -> Any:
    """The next update of a kind."""
    offset = 0
    async with asyncio.timeout(10):
        while True:
            for one in (await call("getUpdates", offset=offset, timeout=5)).result:
                offset = one["update_id"] + 1
                if kind in one:
                    return one[kind]
