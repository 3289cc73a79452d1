"""Admins are told of the provider's money before it runs dry, of a dear day, and each morning."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tests.flows.predicates import says
from tests.groups.actions import made

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

DAY = 24 * 3600.0


@pytest.mark.slow
async def test_the_balance_the_morning_and_a_dear_day_are_each_told_once(
    harness: Harness, telegram: TelegramSandbox, provider: AimlApiSandbox, chat: PrivateChat,
    ann: Person, bob: Person,
) -> None:  # fmt: skip
    # from a night of last week on
    now, theirs = 3 * 3600.0 - 9 * DAY - time.time() % DAY, telegram.private(bob)
    provider.account.balance = Decimal("2.50")
    async with harness.running(
        admin_ids=frozenset({ann.id}), clock=lambda: time.time() + now, timezone=ZoneInfo("UTC")
    ) as bot:
        await bot.account.check()
        await made(harness, theirs, bob, "a boat")
        for _ in range(2):
            await bot.account.check()
        low = "The AI/ML API account holds $1.66, which lasts about 2 days."
        await chat.wait(says(low))
        provider.account.balance += 100
        now += DAY
        await bot.account.check()
        assert not any("Yesterday" in (m.text or "") for m in chat.from_bot), "it is night"
        now += 5 * 3600.0
        for _ in range(2):
            await bot.account.check()
        told = await chat.wait(says("☀️ Yesterday: 1 video, $0.84, 1 new person."))
        assert "The balance lasts about 4 months." in (told.text or "")
        for words in ("a train", "a plane"):
            now += DAY
            await made(harness, theirs, bob, words)
            await bot.account.check()
        now += DAY
        for words in ("one", "two", "three"):
            await made(harness, theirs, bob, words)
            await bot.account.check()
        await chat.wait(says("cost $2.52 so far today, more than three times the usual $0.84."))
        provider.account.balance = Decimal("1.00")
        await bot.account.check()
        await chat.wait(says("holds $1.00, which lasts about 10 hours."))
    texts = [message.text or "" for message in chat.from_bot]
    assert [sum(words in text for text in texts) for words in ("holds", "Yesterday", "so far")] == [
        2, 3, 1,
    ]  # fmt: skip
