"""Where a video can go: the places its sender can be reached at, best first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import chats, generations

if TYPE_CHECKING:
    from aiosqlite import Connection

    from storage.chats import Chat
    from storage.generations import Generation


@dataclass(frozen=True, slots=True)
class Place:
    """Where a video can go: a chat, its topic, and the message it answers."""

    chat: Chat
    thread_id: int | None = None
    reply_to: int | None = None


async def places_for(connection: Connection, generation: Generation) -> list[Place]:
    """Return where a video may go, best first: as asked, without its topic, in private."""
    # its group may have moved meanwhile, where its messages have other numbers
    generation = await generations.find(connection, generation.id) or generation
    chat = await chats.find(connection, generation.chat)
    private = None
    if generation.account.is_person:
        private = await chats.by_telegram_id(connection, generation.account.id)
    places = []
    if chat is not None:
        places.append(Place(chat, generation.thread_id, generation.message_id))
        if generation.thread_id is not None:
            places.append(Place(chat))
    if private is not None and private != chat:
        places.append(Place(private))
    return places
