"""A video as it is handed over, and where it can go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generation.lifecycle import GIFT

if TYPE_CHECKING:
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
