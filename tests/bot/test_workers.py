"""Steps that are due: what a stop does to those that have not begun."""

from __future__ import annotations

import gc
import inspect
from typing import TYPE_CHECKING

from tests.storage.asked import ask, meet

if TYPE_CHECKING:
    from bot.lifecycle import Bot
    from tests.house import House


async def test_a_step_that_a_stop_comes_before_is_closed(bot: Bot, house: House) -> None:
    chat = await meet(house.db)
    generation = await ask(house.db, chat=chat.id)
    bot.parts.workers.bring(generation, chat)
    await bot.parts.workers.stop()
    unbegun = [
        one.__qualname__
        for one in gc.get_objects()
        if inspect.iscoroutine(one) and inspect.getcoroutinestate(one) == inspect.CORO_CREATED
    ]
    assert "Deliveries.bring" not in unbegun, "Python would complain of it at some later time"
