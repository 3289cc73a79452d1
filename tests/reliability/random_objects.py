"""Random valid objects of every type of the Bot API, made from its schema."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

from sandbox.telegram.markup import utf16_length
from sandbox.telegram.schema import type_of

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

Json = dict[str, Any]

ARRAY = "Array of "
LARGEST_ID = 2**52 - 1
LARGEST = 2**31 - 1
DEEPEST = 4
"""Depth of nested objects below which they have only required fields."""
SHAPES = (
    "message_thread_id", "direct_messages_topic", "sender_boost_count", "sender_business_bot",
    "sender_tag", "guest_query_id", "business_connection_id", "forward_origin",
    "is_topic_message", "is_automatic_forward", "reply_to_message", "external_reply", "quote",
    "reply_to_story", "reply_to_checklist_task_id", "reply_to_poll_option_id", "via_bot",
    "guest_bot_caller_user", "guest_bot_caller_chat", "edit_date", "has_protected_content",
    "is_from_offline", "is_paid_post", "media_group_id", "author_signature", "paid_star_count",
    "link_preview_options", "suggested_post_info", "effect_id", "show_caption_above_media",
    "has_media_spoiler", "reply_markup",
)  # fmt: skip
"""Fields any message may have."""
WHO_AND_WHERE = {"message_id", "date", "chat", "from", "sender_chat"}
WORDS = {"text", "entities", "caption", "caption_entities"}
CONTENTS = sorted(type_of("Message")["fields"].keys() - WHO_AND_WHERE - WORDS - {*SHAPES})
"""Fields of which a message without text has one."""
MEDIA = ("photo", "video", "document", "animation", "sticker", "video_note", "voice", "audio")
ALPHABETS = (
    string.ascii_letters + "    .,!?-—'\"",
    "абвгдежзиклмнопрст ёЁ",
    "אבגדהוזחטי ",
    "ابتثجحخد \u200f\u202e",
    "日本語漢字かな 한국어",
    "🌊👍🏽👨\u200d👩\u200d👧🇩🇪❤️🔥 ",
    "\u0000\t\n\u200b\u2066\ufeff\u0301\ud7ff\U0010ffff%{}\\<>&_*`[]()#",
)
LANGUAGES = ("en", "de", "pt-br", "zh-hans", "ar", "xx", "EN-us", "")
KINDS_OF_FILES = ("image/jpeg", "image/svg+xml", "video/mp4", "image/gif", "IMAGE/PNG", "", "x")


class RandomObjects:
    """Makes random objects.

    Most are about `people` and `chats`, which are Telegram's own objects; `words` are texts and
    `presses` callback data to choose from, `files` the ids of real files.
    """

    def __init__(
        self,
        dice: random.Random,
        *,
        bot: Json,
        people: Sequence[Json],
        chats: Sequence[Json],
        words: Sequence[str],
        presses: Sequence[str],
        files: Sequence[str],
        now: int,
    ) -> None:
        self.dice = dice
        self.bot, self.people, self.chats = bot, people, chats
        self.words, self.presses, self.files, self.now = words, presses, files, now
        self._own: dict[str, Callable[[int], Json]] = {
            "Chat": self.chat,
            "User": self.user,
            "Message": self.message,
            "MessageEntity": self._entity,
            "CallbackQuery": self._callback_query,
            "InaccessibleMessage": self._inaccessible,
        }

    def update(self, kind: str) -> Json:
        """Return the content of an update of a kind."""
        types = type_of("Update")["fields"][kind]["types"]
        made: Json = self._of(self.dice.choice(types), kind, 0)
        return made

    def make(self, type_name: str, depth: int = 0) -> Any:
        """Return an object of a type."""
        if type_name in self._own:
            return self._own[type_name](depth)
        described = type_of(type_name)
        if "one_of" in described:
            kinds = described["one_of"]
            return self._of(kinds[0] if depth > DEEPEST else self.dice.choice(kinds), "", depth)
        return self._fields(type_name, depth)

    def text(self, longest: int = 60) -> str:
        """Return a random text; not only white space, which Telegram does not send."""
        if self.dice.random() < 0.01:
            longest = 4000
        alphabet = self.dice.choice(ALPHABETS)
        return "x" + "".join(self.dice.choices(alphabet, k=self.dice.randrange(longest)))

    def user(self, _depth: int = 0) -> Json:
        """Return a user: mostly one of `people`, else an unknown one or the bot."""
        if self.dice.random() < 0.85:
            return dict(self.dice.choice(self.people))
        if self.dice.random() < 0.1:
            return dict(self.bot)
        about = self._fields("User", DEEPEST - 1)
        return about | {"id": self.dice.randrange(1, LARGEST_ID)}

    def chat(self, _depth: int = 0) -> Json:
        """Return a chat: mostly one of `chats`."""
        if self.dice.random() < 0.9:
            return dict(self.dice.choice(self.chats))
        about = self._fields("Chat", DEEPEST - 1)
        number = self.dice.randrange(1, LARGEST_ID)
        return about | {"id": number if about["type"] == "private" else -number}

    def message(self, depth: int = 0) -> Json:
        """Return a message: a sender, a chat, one kind of content, and random optional fields."""
        fields = type_of("Message")["fields"]
        made: Json = {
            # a scheduled message has the id 0
            "message_id": self.dice.randrange(1, LARGEST) * (self.dice.random() > 0.02),
            "date": self.now - self.dice.choice([0, 0, 0, 30, 3600, 10**8]),
            **self._who_and_where(),
        }
        if self.dice.random() < 0.55:
            made |= self._worded("text", "entities", depth)
        else:
            often = self.dice.random() < 0.5
            content = self.dice.choice(MEDIA if often else CONTENTS)
            made[content] = self._value(fields[content]["types"], content, depth)
            if content in MEDIA and self.dice.random() < 0.5:
                made |= self._worded("caption", "caption_entities", depth)
        for name in SHAPES if depth < DEEPEST else ():
            if self.dice.random() < 0.06 / (depth + 1):
                made[name] = self._value(fields[name]["types"], name, depth)
        # an answered message does not hold the one it answers
        made.get("reply_to_message", {}).pop("reply_to_message", None)
        return made

    def _who_and_where(self) -> Json:
        if self.dice.random() < 0.5:
            person = self.user()
            known = ("first_name", "last_name", "username")
            return {
                "from": person,
                "chat": {"id": person["id"], "type": "private"}
                | {name: person[name] for name in known if name in person},
            }
        made: Json = {"chat": self.chat()}
        if self.dice.random() < 0.9:
            made["from"] = self.user()
        if self.dice.random() < 0.1:
            made["sender_chat"] = made["chat"] if self.dice.random() < 0.5 else self.chat()
        return made

    def _worded(self, name: str, marks: str, depth: int) -> Json:
        text = self.dice.choice(self.words) if self.dice.random() < 0.6 else self.text()
        made: Json = {name: text}
        units, entities = utf16_length(text), []
        if text.startswith("/"):
            length = utf16_length(text.split(maxsplit=1)[0])
            entities.append({"type": "bot_command", "offset": 0, "length": length})
        for _ in range(self.dice.choice([0, 0, 0, 1, 3])):
            offset = self.dice.randrange(units)
            length = self.dice.randrange(1, units - offset + 1)
            entities.append(self.make("MessageEntity", depth + 1) | {
                "offset": offset, "length": length,
            })  # fmt: skip
        return made | ({marks: entities} if entities else {})

    def _entity(self, depth: int) -> Json:
        return self._fields("MessageEntity", depth) | {"offset": 0, "length": 1}

    def _inaccessible(self, depth: int) -> Json:
        about = self._fields("InaccessibleMessage", depth)
        return about | {"date": 0}

    def _callback_query(self, depth: int) -> Json:
        made = self._fields("CallbackQuery", depth)
        for name in ("message", "inline_message_id", "data", "game_short_name"):
            made.pop(name, None)
        pressed = self.dice.random()
        if pressed < 0.7:
            made["message"] = self.message(depth + 1) | {"from": self.bot}
        elif pressed < 0.85:
            made["message"] = self._inaccessible(depth + 1)
        else:
            made["inline_message_id"] = self.text(20)
        if self.dice.random() < 0.95:
            made["data"] = self.dice.choice(self.presses)
        else:
            made["game_short_name"] = "game"
        return made

    def _fields(self, type_name: str, depth: int) -> Json:
        often = 0.4 / (depth + 1) if depth < DEEPEST else 0
        return {
            name: self._filled(field, name, depth)
            for name, field in type_of(type_name)["fields"].items()
            if field.get("required") or self.dice.random() < often
        }

    def _filled(self, field: Json, name: str, depth: int) -> Any:
        if "const" in field:
            return field["const"]
        if "values" in field:
            return self.dice.choice(field["values"])
        return self._value(field["types"], name, depth)

    def _value(self, types: Sequence[str], name: str, depth: int) -> Any:
        return self._of(self.dice.choice(types), name, depth + 1)

    def _of(self, type_name: str, name: str, depth: int) -> Any:
        match type_name:
            case "Integer":
                return self._integer(name)
            case "Float":
                return self.dice.choice([0, 1.5, -90.0, self.dice.uniform(-180, 180)])
            case "Boolean":
                return self.dice.random() < 0.5
            case "String":
                return self._string(name)
        if type_name.startswith(ARRAY):
            inner = type_name.removeprefix(ARRAY)
            count = 1 if depth > DEEPEST else self.dice.randrange(1, 4)
            if depth > DEEPEST and inner not in {"PhotoSize", "String", "Integer"}:
                count = 0
            return [self._of(inner, name, depth) for _ in range(count)]
        return self.make(type_name, depth)

    def _integer(self, name: str) -> int:
        if name.endswith("date") or name in {"unix_time", "closing_minute"}:
            return self.dice.choice([0, self.now, self.dice.randrange(LARGEST)])
        if name.endswith("chat_id"):
            other: int = self.dice.choice(self.chats)["id"]
            return self.dice.choice([other, -self.dice.randrange(1, LARGEST_ID)])
        largest = LARGEST_ID if name.endswith(("id", "amount", "file_size")) else LARGEST
        return self.dice.choice([0, 1, self.dice.randrange(1000), self.dice.randrange(largest)])

    def _string(self, name: str) -> str:
        said: Sequence[str] = {
            "file_id": [*self.files, self.text(80)],
            "language_code": LANGUAGES,
            "mime_type": KINDS_OF_FILES,
            "currency": ["XTR", "USD"],
            "media_group_id": [str(self.dice.randrange(20))],
            "offset": ["", "7", self.text(20)],
            "query": ["", "#1", self.dice.choice(self.words)],
        }.get(name, [self.text()])
        return self.dice.choice(said)
