"""The queue of updates on its own: ages, kinds, confirmation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.telegram.updates import UpdateQueue

if TYPE_CHECKING:
    from tests.sandbox.telegram.conftest import Clock


async def _kinds(queue: UpdateQueue, offset: int = 0) -> list[str]:
    return [update.kind for update in await queue.poll(offset=offset, limit=100, timeout=0)]


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [
        ("callback_query", 150),
        ("pre_checkout_query", 150),
        ("inline_query", 30),
        ("message", 86_400),
        ("my_chat_member", 86_400),
    ],
)
async def test_an_update_waits_only_so_long(clock: Clock, kind: str, seconds: int) -> None:
    queue = UpdateQueue(clock)
    queue.push(kind, {})
    clock.now += seconds - 1
    assert await _kinds(queue) == [kind]

    clock.now += 1
    assert await _kinds(queue) == []
    assert len(queue) == 0


@pytest.mark.parametrize("kind", ["chat_member", "message_reaction", "message_reaction_count"])
async def test_some_kinds_come_only_when_asked_for(clock: Clock, kind: str) -> None:
    queue = UpdateQueue(clock)
    queue.push(kind, {})
    queue.allowed = [kind]
    queue.push(kind, {})

    assert await _kinds(queue) == [kind]


async def test_what_is_queued_stays_when_the_wishes_change(clock: Clock) -> None:
    queue = UpdateQueue(clock)
    queue.push("message", {})
    queue.allowed = ["callback_query"]

    assert await _kinds(queue) == ["message"]


async def test_ids_rise_by_one(clock: Clock) -> None:
    queue = UpdateQueue(clock)
    for _ in range(3):
        queue.push("message", {})

    ids = [update.update_id for update in await queue.poll(offset=0, limit=100, timeout=0)]

    assert ids == list(range(ids[0], ids[0] + 3))


async def test_a_poll_waits_no_longer_than_it_said(clock: Clock) -> None:
    assert await UpdateQueue(clock).poll(offset=0, limit=1, timeout=0.01) == []
