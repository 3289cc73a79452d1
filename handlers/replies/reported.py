"""What the operator reads when somebody reports a video, and the buttons below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from handlers.replies.buttons import Button, CallbackData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handlers.replies.language import Translator


@dataclass(frozen=True, slots=True)
class TakeDown(CallbackData):
    """Delete a video where it was sent."""

    prefix: ClassVar[str] = "takedown"
    generation: int


@dataclass(frozen=True, slots=True)
class BanAsker(CallbackData):
    """Shut out who asked for a video."""

    prefix: ClassVar[str] = "banasker"
    generation: int


def text(facts: Mapping[str, Any], translator: Translator) -> str:
    """Say who reports whose video, where, in which words, and what it was made of."""
    say = translator.gettext
    lines = [
        say("🚩 {reporter} reports a video in {place}. {owner} asked for it.").format(
            reporter=facts["reporter"],
            place=facts["place"] or say("their private chat"),
            owner=facts["owner"],
        )
    ]
    if facts["words"]:
        lines.append(say("They say: {words}").format(words=facts["words"]))
    if facts["prompt"]:
        lines.append(say("It was made from: {prompt}").format(prompt=facts["prompt"]))
    return "\n".join(lines)


def buttons(facts: Mapping[str, Any], translator: Translator) -> tuple[tuple[Button, ...], ...]:
    """Return what the operator can do about it; only a person can be shut out by a tap."""
    video = int(facts["generation"])
    delete = Button(translator.gettext("🗑 Delete"), TakeDown(video))
    if not facts["by_person"]:
        return ((delete,),)
    return ((delete, Button(translator.gettext("Ban"), BanAsker(video))),)
