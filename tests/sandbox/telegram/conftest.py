"""A sandbox, its people, and a caller that speaks HTTP to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from telegram import Bot

from sandbox.telegram import Group, Person, PrivateChat, TelegramSandbox
from tests.sandbox.telegram.calls import Caller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def telegram(clock: Clock) -> AsyncIterator[TelegramSandbox]:
    async with TelegramSandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
async def call(telegram: TelegramSandbox) -> AsyncIterator[Caller]:
    async with httpx.AsyncClient(timeout=20) as http:
        yield Caller(http, telegram)


@pytest.fixture
def ann(telegram: TelegramSandbox) -> Person:
    return telegram.person("Ann", username="ann_lee")


@pytest.fixture
def bob(telegram: TelegramSandbox) -> Person:
    return telegram.person("Bob", username="bob_ray", language="de")


@pytest.fixture
def chat(telegram: TelegramSandbox, ann: Person) -> PrivateChat:
    return telegram.private(ann)


@pytest.fixture
def group(telegram: TelegramSandbox, ann: Person, bob: Person) -> Group:
    return telegram.group("Film club", [ann, bob])


@pytest.fixture
def forum(telegram: TelegramSandbox, ann: Person, bob: Person) -> Group:
    return telegram.group("Film forum", [ann, bob], forum=True)


@pytest.fixture
async def bot(telegram: TelegramSandbox) -> AsyncIterator[Bot]:
    """A bot that only sends."""
    files = f"{telegram.url}/file/bot"
    async with Bot(telegram.token, base_url=f"{telegram.url}/bot", base_file_url=files) as bot:
        yield bot
