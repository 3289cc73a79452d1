"""What is written down of each send: that it begins, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.jobs import transitions
from storage import chats, generations
from storage.generations import State
from storage.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from handlers.replies.outbox import Sent
    from handlers.replies.places import Place
    from storage.chats import Chat
    from storage.database import Database
    from storage.generations import Generation


class Sends:
    """Keeps the books of deliveries; `wake` is told the chats in which somebody is owed a word."""

    def __init__(
        self, *, db: Database, clock: Callable[[], float], wake: Callable[[int], None]
    ) -> None:
        self._db = db
        self._clock = clock
        self._wake = wake

    async def intend(self, generation: Generation) -> bool:
        """Commit that a send begins; False where somebody else brought the video meanwhile."""
        async with self._db.transaction() as tx:
            return await generations.note(
                tx, generation.id, generation.state,
                send_started_at=self._clock(), sends=generation.sends + 1,
            )  # fmt: skip

    async def undo(self, generation: Generation) -> None:
        """Forget a send that surely did not arrive."""
        async with self._db.transaction() as tx:
            await generations.note(
                tx, generation.id, generation.state,
                send_started_at=generation.send_started_at, sends=generation.sends,
            )  # fmt: skip

    async def later(self, generation: Generation, wait: float, *, surely: bool) -> None:
        """Try again after `wait` seconds; an attempt that surely failed does not count."""
        undone = {"send_started_at": None, "sends": generation.sends} if surely else {}
        async with self._db.transaction() as tx:
            await generations.note(
                tx, generation.id, State.READY,
                due_at=self._clock() + wait, setbacks=generation.setbacks + 1, **undone,
            )  # fmt: skip

    async def arrived(self, generation: Generation, place: Place, sent: Sent) -> None:
        """Write down where a video stands, and what Telegram knows it by."""
        async with self._db.transaction() as tx:
            await transitions.advance(
                tx, generation, State.DELIVERED, reason="sent", now=self._clock(),
                delivered_chat=place.chat.id, delivered_message=sent.message_id,
                file_id=sent.file_id, file_kind=sent.file_kind, send_started_at=None,
            )  # fmt: skip

    async def keep(
        self, generation: Generation, reason: str, refused: Collection[int] = ()
    ) -> None:
        """Keep a video, and say so alone with its sender, unless that place has just refused it."""
        now, told = self._clock(), None
        async with self._db.transaction() as tx:
            if generation.account.is_person:
                told = await chats.by_telegram_id(tx, generation.account.id)
            if told is not None and (not told.reachable or told.id in refused):
                told = None
            owes = [] if told is None else [_kept(generation, told)]
            await transitions.advance(
                tx, generation, State.UNDELIVERABLE, reason=reason, now=now, owes=owes
            )
        if told is not None:
            self._wake(told.id)


def _kept(generation: Generation, told: Chat) -> Notice:
    """Say that somebody is owed the news of a video that waits for them."""
    return Notice(
        cause=f"generation:{generation.id}:undeliverable",
        chat=told.id,
        kind="undeliverable",
        facts={},
        person=generation.account.id,
        generation=generation.id,
    )
