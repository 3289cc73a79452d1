"""The state of the page as JSON: it starts from it, and gets later messages in the same form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.page import photos
from sandbox.telegram import Button

if TYPE_CHECKING:
    from sandbox.page.panel import Panel
    from sandbox.page.participants import Participants
    from sandbox.telegram import Chat, Message, Person, StoredFile, TelegramSandbox

Json = dict[str, Any]

_EXCERPT = 80  # characters of an answered message
_SERVICE = {
    "forum_topic_created": "created the topic “{name}”",
    "forum_topic_closed": "closed the topic",
    "forum_topic_reopened": "opened the topic again",
    "left_chat_member": "left the group",
    "successful_payment": "paid {total_amount} ⭐",
    "refunded_payment": "got {total_amount} ⭐ back",
}


def page_state(telegram: TelegramSandbox, participants: Participants, panel: Panel) -> Json:
    """Return people, chats with their messages, the panel and the ready photos, but no secret."""
    return {
        "bot": bot_json(telegram),
        "people": [person_json(person) for person in participants.people.values()],
        "chats": [_chat_json(chat) for chat in participants.chats.values()],
        "panel": panel.as_json(),
        "photos": photos.list_photos(),
    }


def bot_json(telegram: TelegramSandbox) -> Json:
    """Return the bot's profile."""
    profile = telegram.profile
    return person_json(telegram.bot) | {
        "description": profile.description.get("", ""),
        "about": profile.short_description.get("", ""),
    }


def _chat_json(chat: Chat) -> Json:
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
        "messages": [message_json(message) for message in chat.messages],
    }


def message_json(message: Message) -> Json:
    """Return a message for the page; file paths are the page's own, without the bot's token."""
    return {
        "id": message.message_id,
        "chat": message.chat.id,
        "topic": message.topic.id if message.topic else None,
        "date": message.date,
        "edited": message.edited_at is not None,
        "from": person_json(message.sender),
        "text": _text(message),
        "entities": message.entities,
        "media": _media(message),
        "album": message.album,
        "reply": _reply(message),
        "buttons": [[_button(button) for button in row] for row in _buttons(message)],
        "reactions": message.reactions,
        "ask": _question(message),
        "via": message.via_bot.username if message.via_bot else None,
        "forwarded": _author(message.forward_origin) if message.forward_origin else None,
        "service": _service(message),
        "unseen": not message.sender.is_bot and not message.chat.shows_to_bot(message),
    }


def _author(origin: Json) -> str:
    hidden: str | None = origin.get("sender_user_name")
    return hidden or str(origin["sender_user"]["first_name"])


def _text(message: Message) -> str:
    if (invoice := message.extra.get("invoice")) is not None:
        return f"{invoice['title']}\n{invoice['description']}"
    return message.text if message.text is not None else message.caption or ""


def _buttons(message: Message) -> list[list[Button]]:
    """Return the rows of buttons; an invoice without any gets a pay button."""
    invoice = message.extra.get("invoice")
    if invoice is None or message.buttons:
        return message.buttons
    return [[Button(f"Pay {invoice['total_amount']} ⭐", pay=True)]]


def person_json(person: Person) -> Json:
    """Return a person or the bot."""
    return {
        "id": person.id,
        "name": person.first_name,
        "username": person.username,
        "bot": person.is_bot,
    }


def _media(message: Message) -> Json | None:
    if message.photo:
        return _file(message.photo[-1]) | {"kind": "photo", "spoiler": message.spoiler}
    if message.media is None:
        return None
    file = message.media
    poster = _address(file.thumbnail) if file.thumbnail else None
    return _file(file) | {"kind": file.stored_as, "poster": poster, "spoiler": message.spoiler}


def _file(file: StoredFile) -> Json:
    actual = file.actual
    return {
        "src": _address(file),
        "width": file.width or (actual.width if actual else 0),
        "height": file.height or (actual.height if actual else 0),
        "seconds": file.duration,
        "name": file.file_name,
        "bytes": file.size,
    }


def _address(file: StoredFile) -> str:
    return f"/files/{file.file_path}"


def _reply(message: Message) -> Json | None:
    answered = message.chat.find(message.reply_to) if message.reply_to else None
    if answered is None:
        return None
    words = answered.text or answered.caption or ""
    if not words:
        words = answered.media.stored_as.capitalize() if answered.media else "Photo"
    excerpt = words if len(words) <= _EXCERPT else f"{words[:_EXCERPT]}…"
    return {"id": answered.message_id, "name": answered.sender.first_name, "excerpt": excerpt}


def _button(button: Button) -> Json:
    return {
        "text": button.text,
        "presses": button.data is not None,
        "url": button.url,
        "inline": button.share
        if button.switch_inline_query is None
        else button.switch_inline_query,
        "edits": button.edits,
        "copy": button.copy_text,
        "style": button.style,
        "pay": button.pay,
    }


def _question(message: Message) -> Json | None:
    """Return a ForceReply: the id of the person asked (None is everybody), and the placeholder."""
    ask = message.force_reply
    if ask is None:
        return None
    answered = message.chat.find(message.reply_to) if message.reply_to else None
    chosen = answered.sender.id if ask.get("selective") and answered else None
    return {"whom": chosen, "placeholder": ask.get("input_field_placeholder", "")}


def _service(message: Message) -> str | None:
    """Return the text of a service message, or None."""
    extra = message.extra
    if joined := extra.get("new_chat_members"):
        added = [one["first_name"] for one in joined if one["id"] != message.sender.id]
        words = f"added {', '.join(added)}" if added else "joined the group"
        return f"{message.sender.first_name} {words}"
    for name, words in _SERVICE.items():
        if name in extra:
            fields = extra[name] if isinstance(extra[name], dict) else {}
            return f"{message.sender.first_name} {words.format(**{'name': '', **fields})}"
    return None
