"""A video as it is handed over, and where it can go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generation.lifecycle import GIFT
from storage import chats, generations

if TYPE_CHECKING:
    from aiosqlite import Connection

    from generation.videos import Deliverable
    from handlers.replies.language import Speech
    from storage.chats import Chat
    from storage.generations import Generation

LONGEST_PROMPT = 300
"""Characters of the prompt in a caption."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a video can go: a chat, its topic, and the message it answers."""

    chat: Chat
    thread_id: int | None = None
    reply_to: int | None = None


@dataclass(frozen=True, slots=True)
class Parcel:
    """A video as it is handed over: what Telegram refuses as a video goes as a document."""

    video: Deliverable
    caption: str
    generation: Generation
    speech: Speech
    as_document: bool = False


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


def caption(generation: Generation, speech: Speech, *, ai_label: bool) -> str:
    """Return the prompt, shortened, and nothing a sister should not see when it is forwarded."""
    lines = []
    if generation.reason == GIFT:
        lines.append(speech.gettext("A late one, on the house."))
    prompt = generation.prompt
    if len(prompt) > LONGEST_PROMPT:
        prompt = prompt[: LONGEST_PROMPT - 1].rstrip() + "…"
    lines.append(prompt)
    if ai_label:
        lines.append(speech.gettext("Made with AI"))
    return "\n".join(line for line in lines if line)
