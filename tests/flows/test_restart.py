"""A stop in the middle changes nothing: the real process, a real signal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from storage import generations, ledger
from storage.database import Database
from storage.ledger import Account, Pot
from tests.flows.predicates import shows_video
from tests.flows.process import process, terminate

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox


A_REFUSAL = 120
"""Seconds: only what is refused three times over a minute is meant."""


async def test_what_a_sigterm_interrupts_is_delivered_after_the_next_start_submitted_once(
    telegram: TelegramSandbox, provider: AimlApiSandbox, tmp_path: Path, chat: PrivateChat,
    ann: Person,
) -> None:  # fmt: skip
    provider.render_seconds = 2.0
    async with process(telegram, provider, tmp_path, MAX_PENDING_PER_USER="6") as first:
        for n in range(6):
            await chat.send(ann, f"/video boat number {n}")
        await provider.wait_for_submissions(3)
        code, took = await terminate(first)
    assert code == 0
    assert took < 5
    async with process(telegram, provider, tmp_path, MAX_PENDING_PER_USER="6") as second:
        for n in range(6):
            await chat.wait(shows_video(f"boat number {n}"), timeout=40)
        for status in [message for message in chat.from_bot if message.video is None]:
            await chat.wait_gone(status)
        assert (await terminate(second))[0] == 0
    assert sorted(str(one.body["prompt"]) for one in provider.submissions) == [
        f"boat number {n}" for n in range(6)
    ]
    db = await Database.open(tmp_path / "bot.sqlite3")
    async with db.reading() as connection:
        held = await ledger.held(connection, Account.person(ann.id))
        used = await ledger.drawn(connection, Account.person(ann.id), Pot.ALLOWANCE, since=0)
        left = await generations.in_states(connection, generations.UNFINISHED)
    await db.close()
    assert (held, used) == (0, 54)
    assert left == []


async def test_a_token_telegram_refuses_ends_the_start_with_2_and_its_name(
    telegram: TelegramSandbox, provider: AimlApiSandbox, tmp_path: Path
) -> None:
    wrong = f"{telegram.token[:-4]}abcd"
    async with process(telegram, provider, tmp_path, TELEGRAM_BOT_TOKEN=wrong) as running:
        _, output = await asyncio.wait_for(running.communicate(), A_REFUSAL)
    assert running.returncode == 2
    assert b"TELEGRAM_BOT_TOKEN" in output
    assert wrong.encode() not in output


async def test_a_key_the_provider_refuses_ends_the_start_with_2_and_its_name(
    telegram: TelegramSandbox, provider: AimlApiSandbox, tmp_path: Path
) -> None:
    async with process(telegram, provider, tmp_path, AIMLAPI_KEY="not-this-one") as running:
        _, output = await asyncio.wait_for(running.communicate(), A_REFUSAL)
    assert running.returncode == 2
    assert b"AIMLAPI_KEY" in output
    assert b"not-this-one" not in output
