"""What the operator reads when a group takes the bot in, and the buttons below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from handlers.replies.buttons import Button, CallbackData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handlers.replies.language import Translator


@dataclass(frozen=True, slots=True)
class LetIn(CallbackData):
    """Let a chat, by our number, use the bot."""

    prefix: ClassVar[str] = "letin"
    chat: int


@dataclass(frozen=True, slots=True)
class Leave(CallbackData):
    """Leave a chat, by our number."""

    prefix: ClassVar[str] = "leave"
    chat: int


@dataclass(frozen=True, slots=True)
class Pool(CallbackData):
    """Show how a chat, by our number, is given a pool."""

    prefix: ClassVar[str] = "pool"
    chat: int


@dataclass(frozen=True, slots=True)
class BanChat(CallbackData):
    """Shut a chat out, by our number, and leave it."""

    prefix: ClassVar[str] = "banchat"
    chat: int


def text(facts: Mapping[str, Any], translator: Translator) -> str:
    """Say which group it is, how many are in it, and who took the bot in."""
    say = translator.gettext
    line = say("{title} ({members} members) added me, by {by}.").format(
        title=facts["title"], members=translator.number(facts["members"]), by=facts["by"]
    )
    if facts["waits"]:
        line = f"{line} {say('I wait there until you let me in.')}"
    return line


def buttons(facts: Mapping[str, Any], translator: Translator) -> tuple[tuple[Button, ...], ...]:
    """Return what the operator can do about it."""
    chat = int(facts["group"])
    first = (
        Button(translator.gettext("Allow"), LetIn(chat))
        if facts["waits"]
        else Button(translator.gettext("Pool"), Pool(chat))
    )
    leave = Button(translator.gettext("Leave"), Leave(chat))
    return ((first, leave, Button(translator.gettext("Ban"), BanChat(chat))),)
