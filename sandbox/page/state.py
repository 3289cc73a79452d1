"""The whole of what is to be seen, as one JSON: the page starts from it, a developer reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.page import photos
from sandbox.page.shown import shown, who

if TYPE_CHECKING:
    from sandbox.page.cast import Cast
    from sandbox.page.panel import Panel
    from sandbox.telegram import Chat, TelegramSandbox

Json = dict[str, Any]


def state(telegram: TelegramSandbox, cast: Cast, panel: Panel) -> Json:
    """People, chats with their messages, the panel, the ready photos; no secret is in it."""
    return {
        "bot": bot(telegram),
        "people": [who(person) for person in cast.people.values()],
        "chats": [chat_state(chat) for chat in cast.chats.values()],
        "panel": panel.as_json(),
        "photos": photos.on_offer(),
    }


def bot(telegram: TelegramSandbox) -> Json:
    """What is known of the bot before anybody writes to it."""
    profile = telegram.profile
    return who(telegram.bot) | {
        "description": profile.description.get("", ""),
        "about": profile.short_description.get("", ""),
    }


def chat_state(chat: Chat) -> Json:
    """A chat with everything said in it."""
    return {
        "id": chat.id,
        "type": chat.type,
        "title": chat.title,
        "members": [person.id for person in chat.members],
        "forum": chat.is_forum,
        "has_bot": chat.has_bot,
        "topics": [
            {"id": topic.id, "name": topic.name, "closed": topic.closed}
            for topic in chat.topics.values()
            if not topic.deleted
        ],
        "started": chat.started,
        "blocked": chat.blocked,
        "messages": [shown(message) for message in chat.messages],
    }
