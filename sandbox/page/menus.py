"""The menu of commands that Telegram shows a person in a chat."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.telegram import Chat, Person

Menu = list[dict[str, str]]


def menu_for(commands: Mapping[tuple[str, str], Menu], chat: Chat, person: Person) -> Menu:
    """Return the commands of the narrowest scope set, in the person's language or without one."""
    for scope in _scopes(chat, person):
        for language in (person.language or "", ""):
            if menu := commands.get((json.dumps(scope, sort_keys=True), language)):
                return menu
    return []


def _scopes(chat: Chat, person: Person) -> Iterator[dict[str, Any]]:
    """Yield the scopes in the order in which Telegram checks them."""
    if chat.type == "private":
        yield {"type": "chat", "chat_id": chat.id}
        yield {"type": "all_private_chats"}
    else:
        yield {"type": "chat_member", "chat_id": chat.id, "user_id": person.id}
        if person in chat.admins:
            yield {"type": "chat_administrators", "chat_id": chat.id}
        yield {"type": "chat", "chat_id": chat.id}
        if person in chat.admins:
            yield {"type": "all_chat_administrators"}
        yield {"type": "all_group_chats"}
    yield {"type": "default"}
