"""So many at a time, and who steps aside lets another in."""

from __future__ import annotations

import asyncio

import pytest

from bot.tasks import Slots


async def holds(slots: Slots) -> asyncio.Task[None]:
    """Begin to wait for a slot, and let it be had where one is free."""

    async def hold() -> None:
        async with slots.hold():
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    for _ in range(3):
        await asyncio.sleep(0)
    return task


async def is_free(slots: Slots) -> bool:
    """Whether a slot can be had at once."""
    try:
        async with asyncio.timeout(0.01), slots.hold():
            return True
    except TimeoutError:
        return False


async def test_a_slot_that_is_lent_is_another_s_and_is_taken_back() -> None:
    slots = Slots(1)
    async with slots.hold():
        assert not await is_free(slots)
        async with slots.release_meanwhile():
            assert await is_free(slots)
        assert not await is_free(slots)
    assert await is_free(slots)


async def test_who_comes_back_waits_until_one_is_free() -> None:
    slots = Slots(1)
    async with slots.hold():
        async with slots.release_meanwhile():
            other = await holds(slots)
            asyncio.get_running_loop().call_later(0.01, other.cancel)
        assert other.done()
    assert await is_free(slots)


async def test_who_is_interrupted_while_aside_leaves_as_many_slots_as_there_were() -> None:
    slots = Slots(1)
    with pytest.raises(RuntimeError):
        async with slots.hold(), slots.release_meanwhile():
            raise RuntimeError
    async with slots.hold():
        assert not await is_free(slots)
    assert await is_free(slots)


async def test_a_task_that_outlives_its_handler_has_no_slot_to_lend() -> None:
    slots, over = Slots(1), asyncio.Event()

    async def later() -> bool:
        await over.wait()
        async with slots.hold(), slots.release_meanwhile():
            pass
        async with slots.release_meanwhile():
            return await is_free(slots)

    async with slots.hold():
        task = asyncio.create_task(later())
        await asyncio.sleep(0)
    over.set()
    assert await task
    async with slots.hold():
        assert not await is_free(slots)
