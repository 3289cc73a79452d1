"""Updates: taken from Telegram, stored, handed out in order per chat."""

from __future__ import annotations

from telegram import Message

NEVER_DROPPED = frozenset(
    {"successful_payment", "refunded_payment", "migrate_to_chat_id", "migrate_from_chat_id"}
)
"""Fields of messages that are exempt from all limits: nobody can send them at will."""
EPHEMERAL = frozenset({"inline_query", "pre_checkout_query"})
"""Updates that expire within seconds, and are not stored."""
_REPLY = frozenset({"reply_to_message", "external_reply", "quote"})
_ALBUM = "media_group_id"
_CONTENT = (
    frozenset(Message.__init__.__annotations__)
    - {"message_id", "date", "chat", "edit_date"}
    - NEVER_DROPPED
)
LEFT_OUT: tuple[frozenset[str], ...] = (frozenset(), _REPLY, _CONTENT - {_ALBUM}, _CONTENT)
"""Fields left out of a message until it can be read: none, what it replies to, all content."""
MAX_STARTS = 2
"""If the process ended so often while only this update was handled, it is not tried again."""
MAX_ERROR_LENGTH = 200
"""Characters of an error that are logged: its text may quote what people wrote."""
