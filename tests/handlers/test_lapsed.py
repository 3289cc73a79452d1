"""Buttons nobody knows any more are answered, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.telegram.messages import Button

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("data", ["v1:old", "resend:007", "set:1:family", "cancel:", "::::", "🎬"])
async def test_an_old_or_made_up_button_is_answered(
    telegram: TelegramSandbox, chat: PrivateChat, ann: Person, data: str
) -> None:
    await chat.send(ann, "/help")
    shown = await chat.wait(lambda message: "/video" in (message.text or ""))
    answer = await telegram.world.press(shown, Button("?", data), by=ann, timeout=5)
    assert answer.text == "This button is old. Send me the idea again."
    assert len(telegram.calls_of("answerCallbackQuery")) == 1
