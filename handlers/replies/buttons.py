"""Buttons and what they carry: typed, short, read back without trust.

What a button carries comes back from the client, who may have made it up: it holds
ids only, and whoever handles it looks the rest up and checks who pressed.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    SwitchInlineQueryChosenChat,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 64
"""Bytes of callback data Telegram takes."""


@dataclass(frozen=True, slots=True)
class CallbackData:
    """What a button carries: subclasses are frozen dataclasses of int and str fields."""

    prefix: ClassVar[str]

    def encode(self) -> str:
        """Return the callback data.

        Raises:
            ValueError: it is longer than 64 bytes or holds a separator.
        """
        values = [str(value) for value in dataclasses.astuple(self)]
        data = ":".join([self.prefix, *values])
        if data.count(":") != len(values) or len(data.encode()) > LONGEST:
            raise ValueError(f"not to be carried by a button: {data}")
        return data

    @classmethod
    def decode(cls, data: object) -> Self | None:
        """Read callback data; None where this class did not make it."""
        if not isinstance(data, str):
            return None
        prefix, *values = data.split(":")
        fields = dataclasses.fields(cls)
        if prefix != cls.prefix or len(values) != len(fields):
            return None
        read: list[int | str] = []
        for value, field in zip(values, fields, strict=True):
            if field.type == "str":
                read.append(value)
            elif value.isascii() and value.isdigit() and len(value) < 19:  # noqa: PLR2004 - below 2**63
                read.append(int(value))
            else:
                return None
        decoded = cls(*read)
        try:
            # one meaning, one spelling: "07" is not 7
            return decoded if decoded.encode() == data else None
        except ValueError:
            # longer than a button carries, or no text at all: half a surrogate pair
            return None

    @classmethod
    def matches(cls, data: object) -> bool:
        """Whether this class made the callback data; a pattern for CallbackQueryHandler."""
        return cls.decode(data) is not None


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message: it carries a press, opens a link, or takes `share` elsewhere.

    `share` is what is written behind the bot's name in the chat somebody picks.
    """

    text: str
    press: CallbackData | None = None
    url: str | None = None
    share: str | None = None


def keyboard(rows: Sequence[Sequence[Button]]) -> InlineKeyboardMarkup | None:
    """Lay buttons out in rows; None where there are none."""
    if not any(rows):
        return None
    return InlineKeyboardMarkup(
        [
            [
                InlineKeyboardButton(
                    button.text,
                    callback_data=button.press.encode() if button.press else None,
                    url=button.url,
                    switch_inline_query_chosen_chat=_anywhere(button.share),
                )
                for button in row
            ]
            for row in rows
            if row
        ]
    )


def _anywhere(share: str | None) -> SwitchInlineQueryChosenChat | None:
    if share is None:
        return None
    return SwitchInlineQueryChosenChat(
        share,
        allow_user_chats=True,
        allow_bot_chats=True,
        allow_group_chats=True,
        allow_channel_chats=True,
    )
