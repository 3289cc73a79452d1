"""Whether a message is meant for the bot: in a group, anything else is met with silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import MessageEntity
from telegram.ext import filters

if TYPE_CHECKING:
    from telegram import Message

from handlers.ordering.pictures import picture_of


def command_in(message: Message) -> tuple[str, str] | None:
    """Return the command a text or caption begins with, and what follows it.

    None where it begins with none, or with one that is addressed to another bot.
    """
    text = message.text or message.caption or ""
    entities = message.entities or message.caption_entities
    first = next((one for one in entities if one.offset == 0), None)
    if first is None or first.type != MessageEntity.BOT_COMMAND:
        return None
    name, _, bot = _cut(text, first.length)[0][1:].partition("@")
    if bot and bot.lower() != message.get_bot().username.lower():
        return None
    return name.lower(), _cut(text, first.length)[1].strip()


def begins_with_command(message: Message) -> bool:
    """Whether a text or caption begins with any command, whoever it is for."""
    entities = message.entities or message.caption_entities
    return any(one.offset == 0 and one.type == MessageEntity.BOT_COMMAND for one in entities)


def mention_in(message: Message) -> str | None:
    """Return what is left of a text that mentions the bot, where the mention makes it an order.

    It does at the beginning of a message, and anywhere in an answer to a picture.
    """
    text = message.text or message.caption or ""
    answers_picture = picture_of(message.reply_to_message) is not None
    bot = message.get_bot()
    for entity in message.entities or message.caption_entities:
        if entity.offset != 0 and not answers_picture:
            continue
        before, rest = _cut(text, entity.offset)
        mention, after = _cut(rest, entity.length)
        by_name = entity.type == MessageEntity.MENTION and (
            mention.lower() == f"@{bot.username.lower()}"
        )
        by_id = entity.user is not None and entity.user.id == bot.id
        if by_name or by_id:
            return f"{before}{after}".strip().lstrip(",:").strip()
    return None


def _cut(text: str, units: int) -> tuple[str, str]:
    """Cut a text after so many UTF-16 units, as Telegram counts."""
    encoded = text.encode("utf-16-le")
    return (
        encoded[: units * 2].decode("utf-16-le", "replace"),
        encoded[units * 2 :].decode("utf-16-le", "replace"),
    )


class _Mentioned(filters.MessageFilter):
    """Messages whose mention of the bot makes them an order."""

    def filter(self, message: Message) -> bool:
        return mention_in(message) is not None


class _AnswersTheBot(filters.MessageFilter):
    """Answers to a message of the bot; whether it had asked is for the handler to find out."""

    def filter(self, message: Message) -> bool:
        asked = message.reply_to_message
        return bool(asked and asked.from_user and asked.from_user.id == message.get_bot().id)


class _SentThroughUs(filters.MessageFilter):
    """Videos taken from the bot's inline mode to a chat, also where they are forwarded again."""

    def filter(self, message: Message) -> bool:
        return message.via_bot is not None and message.via_bot.id == message.get_bot().id


SENT_THROUGH_US = _SentThroughUs()
"""No order, whatever its caption says: that is the prompt it was made from."""
MENTIONED = _Mentioned()
ANSWERS_THE_BOT = _AnswersTheBot()
"""In a group, these two and commands are all the bot listens to."""
