"""Messages owed to everybody who runs the bot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from storage import chats, notices, people
from storage.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiosqlite import Connection

    from storage.notices import NoticeKind


@dataclass(frozen=True, slots=True)
class Admins:
    """Knows the admins of the settings; those made in the chat are looked up.

    `wake` tells whoever sends what is owed that there is something for a chat.
    """

    admin_ids: frozenset[int]
    wake: Callable[[int], None] = field(default=lambda _chat: None)

    async def notify(
        self, tx: Connection, kind: NoticeKind, *, cause: str, now: float, **facts: Any
    ) -> list[int]:
        """Owe each admin a message, once per cause; returns the chats to which it is owed."""
        everybody = self.admin_ids | set(await people.admins(tx))
        told = []
        for admin in sorted(everybody):
            chat = await chats.private_with(tx, admin, now=now)
            notice = Notice(
                cause=f"admin:{admin}:{cause}",
                chat=chat.id,
                kind=kind,
                facts=facts,
                person=admin if await people.find(tx, admin) else None,
            )
            await notices.owe(tx, notice, now=now)
            told.append(chat.id)
            self.wake(chat.id)
        return told
