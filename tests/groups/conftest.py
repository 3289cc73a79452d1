"""A group of friends, and a Telegram that keeps its flood limits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bot.app import Times
from sandbox.telegram import TelegramSandbox
from tests.harness import Harness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sandbox.aimlapi import AimlApiSandbox
    from tests.harness import LoggedErrors

SPEED = 10.0
"""How much faster than ours the clock of the strict Telegram runs."""
PACED = Times(limits_second=1 / SPEED)


@pytest.fixture
async def strict_telegram() -> AsyncIterator[TelegramSandbox]:
    """A Telegram that takes 20 messages a minute in a group; its minutes last six seconds."""
    began = time.time()
    async with TelegramSandbox(
        flood_limits=True, clock=lambda: began + (time.time() - began) * SPEED
    ) as sandbox:
        yield sandbox


@pytest.fixture
def strict_harness(
    strict_telegram: TelegramSandbox, provider: AimlApiSandbox, tmp_path: Path, errors: LoggedErrors
) -> Harness:
    """The bot beside the Telegram that keeps its limits."""
    return Harness(strict_telegram, provider, tmp_path / "data", errors)
