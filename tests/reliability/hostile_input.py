"""Checks after hostile input: that the bot still works, and charged nothing for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.groups.actions import spent

if TYPE_CHECKING:
    from sandbox.telegram import Chat, Message, Person
    from tests.harness import Harness

PLAIN = "a plain boat"
PLAIN_CREDITS = 9


async def answer_to(chat: Chat, asked: Message, words: str = "") -> Message:
    """Wait for a reply to a message that contains these words."""
    return await chat.wait(
        lambda message: (
            message.reply_to == asked.message_id
            and words.lower() in (message.text or message.caption or "").lower()
        ),
        timeout=30,
    )


async def assert_alive(harness: Harness, chat: Chat, person: Person) -> None:
    """Check that an ordinary video is delivered, and that nothing else was charged."""
    asked = await chat.send(person, f"/video {PLAIN}")
    await chat.wait(
        lambda message: message.reply_to == asked.message_id and message.video, timeout=30
    )
    assert await spent(harness, person) == PLAIN_CREDITS
