"""Presses from where none of our buttons stands are answered too, and do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from telegram import Update

from handlers.account.settings import SetDefault
from handlers.account.welcome import HowItWorks, Surprise
from handlers.videos.cancel import CallBack
from handlers.videos.history import Resend

if TYPE_CHECKING:
    from bot.lifecycle import Bot
    from handlers.replies.keyboards import CallbackData
    from sandbox.telegram import Person, TelegramSandbox


@pytest.mark.parametrize(
    "press",
    [CallBack(1), Resend(1), SetDefault(1_000_001, "seconds", "8"), HowItWorks(), Surprise()],
    ids=lambda press: press.prefix,
)
async def test_a_press_without_a_chat_is_answered_and_does_nothing(
    bot: Bot, telegram: TelegramSandbox, ann: Person, press: CallbackData
) -> None:
    query = {
        "id": "1",
        "from": ann.as_json(),
        "chat_instance": "1",
        "inline_message_id": "made-up",
        "data": press.encode(),
    }
    app = bot.parts.app
    await app.process_update(Update.de_json({"update_id": 1, "callback_query": query}, app.bot))
    assert len(telegram.calls_of("answerCallbackQuery")) == 1
    assert telegram.calls_of("sendMessage") == []
