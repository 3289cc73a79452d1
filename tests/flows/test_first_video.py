"""One request from chat to provider and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.flows.predicates import shows_video

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat


async def test_a_prompt_comes_back_as_a_video(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    asked = await chat.send(ann, "/video a cat on a sailing boat")
    answer = await chat.wait(shows_video())
    assert answer.reply_to == asked.message_id
    assert answer.caption == "a cat on a sailing boat"
    assert len(provider.submissions) == 1
