"""What is said to the bot: a command, a mention, an answer, or small talk, which is no order."""

from __future__ import annotations

import json
import re
import unicodedata
from enum import StrEnum
from functools import cache
from importlib import resources
from itertools import chain
from typing import TYPE_CHECKING

from telegram import MessageEntity
from telegram.ext import filters

from handlers.ordering.pictures import picture_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telegram import Message

LONGEST_SMALL_TALK = 100
"""Characters; whoever writes more has something to say."""


class SmallTalk(StrEnum):
    """What people say that is no idea for a video; of several in one message, the first counts."""

    NO = "no"
    THANKS = "thanks"
    HELLO = "hello"
    NOTED = "noted"
    """Praise, laughter, yes: something is to be said, nothing to be done."""


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


def small_talk(text: str) -> SmallTalk | None:
    """Return what a text says that is small talk from its first word to its last; else None."""
    if len(text) > LONGEST_SMALL_TALK:
        return None
    phrases, said, rest = _phrases(), set[str](), f"{_plain(text)} "
    while rest.strip():
        phrase = next((one for one in phrases if rest.startswith(f"{one} ")), None)
        if phrase is None:
            return None
        said.add(phrases[phrase])
        rest = rest.removeprefix(f"{phrase} ")
    return next((kind for kind in SmallTalk if kind in said), None)


def _plain(text: str) -> str:
    """Write a text as words and signs with one space between, without case and punctuation."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"['’`]", "", text)
    # "noooo", "hiii"
    text = re.sub(r"(.)\1{2,}", r"\1", text)
    found = re.findall(r"[^\W_]+|[^\w\s]", text)
    return " ".join(one for one in found if one[0].isalnum() or unicodedata.category(one) == "So")


@cache
def _phrases() -> Mapping[str, str]:
    """Return all that is small talk in any language, and what it says, the longest first."""
    data = resources.files("handlers.ordering") / "small_talk.json"
    languages = json.loads(data.read_text(encoding="utf-8"))
    kinds = chain.from_iterable(kinds.items() for kinds in languages.values())
    found = {_plain(phrase): kind for kind, phrases in kinds for phrase in phrases}
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


def answered(message: Message) -> Message | None:
    """Return the message that this one answers.

    Every message of a topic seems to answer the one that opened it, and does not.
    """
    reply = message.reply_to_message
    return None if reply is None or reply.forum_topic_created is not None else reply


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
