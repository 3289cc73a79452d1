"""What the operator reads when a group takes the bot in, and the buttons below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from handlers.replies.buttons import Button, Press

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handlers.replies.language import Speech


@dataclass(frozen=True, slots=True)
class LetIn(Press):
    """Let a chat, by our number, use the bot."""

    prefix: ClassVar[str] = "letin"
    chat: int


@dataclass(frozen=True, slots=True)
class Leave(Press):
    """Leave a chat, by our number."""

    prefix: ClassVar[str] = "leave"
    chat: int


@dataclass(frozen=True, slots=True)
class Pool(Press):
    """Show how a chat, by our number, is given a pool."""

    prefix: ClassVar[str] = "pool"
    chat: int


@dataclass(frozen=True, slots=True)
class BanChat(Press):
    """Shut a chat out, by our number, and leave it."""

    prefix: ClassVar[str] = "banchat"
    chat: int


def text(facts: Mapping[str, Any], speech: Speech) -> str:
    """Say which group it is, how many are in it, and who took the bot in."""
    say = speech.gettext
    line = say("{title} ({members} members) added me, by {by}.").format(
        title=facts["title"], members=speech.number(facts["members"]), by=facts["by"]
    )
    if facts["waits"]:
        line = f"{line} {say('I wait there until you let me in.')}"
    return line


def buttons(facts: Mapping[str, Any], speech: Speech) -> tuple[tuple[Button, ...], ...]:
    """Return what the operator can do about it."""
    chat = int(facts["group"])
    first = (
        Button(speech.gettext("Allow"), LetIn(chat))
        if facts["waits"]
        else Button(speech.gettext("Pool"), Pool(chat))
    )
    leave = Button(speech.gettext("Leave"), Leave(chat))
    return ((first, leave, Button(speech.gettext("Ban"), BanChat(chat))),)
