"""A backup taken under load and restored elsewhere: nothing is ordered twice, everything ends."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

from bot import lifecycle
from handlers import senders
from sandbox.aimlapi import Fault
from sandbox.telegram import TelegramSandbox
from storage.migrations import COPY, back_up
from tests.flows.predicates import says, shows_video
from tests.flows.process import process, terminate
from tests.groups.actions import confirmed, made
from tests.handlers.shared import settled
from tests.harness import Harness
from tests.reliability.invariants import unfinished, wrong_always

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Message
    from tests.harness import LoggedErrors

PEOPLE = 6


def mark_of(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        (mark,) = connection.execute("PRAGMA application_id").fetchone()
    return int(mark)


def states_in(file: Path) -> Counter[str]:
    with closing(sqlite3.connect(file)) as connection:
        return Counter(state for (state,) in connection.execute("SELECT state FROM generations"))


async def arrived(provider: AimlApiSandbox, count: int) -> None:
    """Wait until so many orders were sent to the provider: the others wait, or are on their way."""
    async with asyncio.timeout(10):
        while len(provider.submissions) <= count:
            await asyncio.sleep(0.01)


async def test_a_backup_taken_under_load_goes_on_elsewhere_and_orders_nothing_twice(
    harness: Harness, telegram: TelegramSandbox, provider: AimlApiSandbox, tmp_path: Path
) -> None:
    # nothing is finished before it was copied, and four have their turn
    provider.faults.always("poll", Fault.http(503))
    everybody = [telegram.person(f"Person {number}") for number in range(PEOPLE)]
    chats = [telegram.private(one) for one in everybody]
    copies = [tmp_path / f"copy-{number}.sqlite3" for number in range(2)]
    async with harness.running(provider_slots=4):
        for number, (chat, one) in enumerate(zip(chats, everybody, strict=True)):
            await chat.send(one, f"/video a cat, number {number}")
            if number % 3 == 2:
                await arrived(provider, min(number, 3))
                await asyncio.to_thread(back_up, harness.data / "bot.sqlite3", copies[number // 3])
        provider.faults.clear()
        for chat in chats:
            await chat.wait(shows_video(), timeout=20)
        await settled(harness)
    posted = Counter(one.body["prompt"] for one in provider.submissions)
    assert {*posted.values()} == {1}
    under_way = [states_in(copy) for copy in copies]
    assert all(states.total() for states in under_way), under_way
    assert not any(states["delivered"] for states in under_way), under_way
    for number, copy in enumerate(copies):
        assert mark_of(copy) == COPY
        folder = tmp_path / f"elsewhere-{number}"
        folder.mkdir()
        shutil.copy(copy, folder / "bot.sqlite3")
        restored = Harness(telegram, provider, folder, harness.errors)
        async with restored.running(provider_slots=4):
            await settled(restored, seconds=20)
        with closing(sqlite3.connect(folder / "bot.sqlite3")) as connection:
            assert wrong_always(connection) == []
            assert unfinished(connection) == []
    assert Counter(one.body["prompt"] for one in provider.submissions) == posted


async def test_what_was_said_before_a_restore_is_asked_about_and_what_comes_then_is_not(
    provider: AimlApiSandbox, tmp_path: Path, errors: LoggedErrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = 5.0
    async with TelegramSandbox(clock=lambda: time.time() - behind) as telegram:
        ann = telegram.person("Ann")
        chat = telegram.private(ann)
        harness = Harness(telegram, provider, tmp_path / "data", errors)
        async with harness.running():
            await chat.send(ann, "/start")
            await chat.wait(lambda one: bool(one.buttons))
        copy = tmp_path / "elsewhere" / "bot.sqlite3"
        copy.parent.mkdir()
        back_up(harness.data / "bot.sqlite3", copy)
        # done by the bot that was lost, which had no time to confirm it
        await chat.send(ann, "/video a cat")
        async with Harness(telegram, provider, copy.parent, errors).running():
            await chat.wait(says("I was away. Still want this?"))
            assert provider.submissions == []
            behind = -2.0  # dates are whole seconds
            await chat.send(ann, "/video a dog")
            await chat.wait(shows_video("a dog"))
        assert mark_of(copy) == COPY, "another start in the next minutes knows it as well"
        monkeypatch.setattr(lifecycle, "STALE_MESSAGE_SECONDS", 0.0)
        async with Harness(telegram, provider, copy.parent, errors).running():
            async with asyncio.timeout(10):
                while mark_of(copy) == COPY:
                    await asyncio.sleep(0.01)


async def test_a_button_of_the_lost_time_does_nothing_to_what_has_its_number_now(
    provider: AimlApiSandbox, tmp_path: Path, errors: LoggedErrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    # after a restore, presses count again once none of before can arrive
    monkeypatch.setattr(senders, "PRESS_KEPT_SECONDS", 0.0)
    ago = 60.0
    async with TelegramSandbox(clock=lambda: time.time() - ago) as telegram:
        owner = telegram.person("Owner")
        chat = telegram.private(owner)

        async def invited(credits_: int) -> Message:
            await chat.send(owner, f"/invite 1 {credits_}")
            return await chat.wait(says(f"{credits_} credits"))

        async def links() -> list[tuple[int, ...]]:
            async with harness.db.reading() as connection:
                found = await connection.fetch_all("SELECT credits, revoked FROM invites")
                return [tuple(row) for row in found]

        harness = Harness(telegram, provider, tmp_path / "data", errors)
        async with harness.running(admin_ids=frozenset({owner.id})):
            kept = await invited(10)
        copy = tmp_path / "elsewhere" / "bot.sqlite3"
        copy.parent.mkdir()
        back_up(harness.data / "bot.sqlite3", copy)
        with closing(sqlite3.connect(copy)) as connection, connection:
            connection.execute("UPDATE inbox SET received_at = received_at - 40")
        ago = 20.0
        async with harness.running(admin_ids=frozenset({owner.id})):
            lost = await invited(20)
            video = await made(harness, chat, owner, "a cat")
        ago = -2.0
        harness = Harness(telegram, provider, copy.parent, errors)
        async with harness.running(admin_ids=frozenset({owner.id})):
            present = await invited(30)
            assert present.button("Revoke").data == lost.button("Revoke").data
            answer = await lost.press("Revoke", by=owner)
            assert answer.text.startswith("I have lost what happened"), answer
            await confirmed(chat, kept, "Revoke", by=owner)
            assert await links() == [(10, 1), (30, 0)]
            await confirmed(chat, present, "Revoke", by=owner)
            bob = telegram.person("Bob")
            other = await made(harness, telegram.private(bob), bob, "a secret")
            assert other.button("Again").data == video.button("Again").data
            asked = await chat.send(owner, "/report", reply_to=video)
            await chat.wait(says("Reply to one of my videos", to=asked.message_id))
            assert await links() == [(10, 1), (30, 1)]


async def test_a_database_brought_without_its_lock_is_a_copy(
    telegram: TelegramSandbox, provider: AimlApiSandbox, tmp_path: Path
) -> None:
    """So is what replication brought, or a plain copy of the file."""
    ann = telegram.person("Ann")
    chat = telegram.private(ann)
    async with process(telegram, provider, tmp_path / "data", UNDO_SECONDS="60") as run:
        await chat.send(ann, "/video a cat")
        await chat.wait(says("On it!"))
        await terminate(run)
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(tmp_path / "data" / "bot.sqlite3", tmp_path / "elsewhere" / "bot.sqlite3")
    nothing = "ulimit -f 0"
    async with process(telegram, provider, tmp_path / "elsewhere", before=nothing) as run:
        assert await run.wait() == 1, "the first start meets a full disk"
    async with process(telegram, provider, tmp_path / "elsewhere") as run:
        await chat.wait(says("I was away"))
        await terminate(run)
    assert provider.submissions == []
    assert mark_of(tmp_path / "elsewhere" / "bot.sqlite3") == COPY
