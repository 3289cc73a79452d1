"""What a test of models asks: who was told what, and what the ledger says."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from generation.models.availability import FeedUnavailable
from tests.harness import ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.telegram import Message, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

SORA = ("openai/sora-2-t2v", "openai/sora-2-i2v", "openai/sora-2-pro-t2v", "openai/sora-2-pro-i2v")


@dataclass(frozen=True)
class Scene:
    """Ann, who asks, and the operator, who is told; both have written to the bot before."""

    harness: Harness
    ann: Person
    chat: PrivateChat
    admin: PrivateChat

    @classmethod
    def of(cls, harness: Harness, telegram: TelegramSandbox, ann: Person) -> Scene:
        """Set the scene."""
        operator = telegram.person("Olga", user_id=ADMIN)
        return cls(harness, ann, telegram.private(ann), telegram.private(operator))

    async def ask(self, words: str) -> Message:
        """Let Ann write something."""
        return await self.chat.send(self.ann, words)

    async def said(self, words: str) -> Message:
        """Wait for a message to Ann with these words."""
        return await self.chat.wait(lambda message: words in (message.text or ""))

    async def told(self, words: str) -> Message:
        """Wait for a message to the operator with these words."""
        return await self.admin.wait(lambda message: words in (message.text or ""))

    async def video(self) -> Message:
        """Wait for Ann's next video."""
        return await self.chat.wait(lambda message: message.video is not None)

    async def refreshed(self) -> None:
        """Let the bot ask the provider for its models, as it does every day."""
        with suppress(FeedUnavailable):
            await self.harness.services.catalogue.refresh()

    async def ledger(self) -> list[tuple[str, int]]:
        """What happened to Ann's credits, in order."""
        async with self.harness.db.reading() as connection:
            rows = await connection.fetch_all(
                "SELECT kind, credits FROM ledger WHERE account_id = ? ORDER BY id",
                (self.ann.id,),
            )
        return [(row["kind"], row["credits"]) for row in rows]

    async def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until something holds."""
        try:
            async with asyncio.timeout(10):
                while not true():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"waited in vain: {what}") from None

    async def until_settled(self, *kinds: str) -> list[tuple[str, int]]:
        """Wait until the ledger has these kinds of rows, and return it."""
        async with asyncio.timeout(10):
            while [kind for kind, _ in await self.ledger()] != list(kinds):
                await asyncio.sleep(0.01)
        return await self.ledger()
