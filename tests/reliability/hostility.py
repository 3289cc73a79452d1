"""What each test of hostile input asks in the end: is the bot alive, and is nothing charged?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import ledger
from storage.ledger import Account, Pot

if TYPE_CHECKING:
    from sandbox.telegram import Chat, Message, Person
    from tests.house import House

PLAIN = "a plain boat"
PLAIN_CREDITS = 9


async def spent(house: House, person: Person) -> int:
    """Credits of a person's allowance that are held or captured."""
    async with house.db.reading() as connection:
        return await ledger.drawn(connection, Account.person(person.id), Pot.ALLOWANCE, since=0)


async def answer_to(chat: Chat, asked: Message, words: str = "") -> Message:
    """Wait for an answer to a message that holds these words."""
    return await chat.wait(
        lambda message: (
            message.reply_to == asked.message_id
            and words.lower() in (message.text or message.caption or "").lower()
        ),
        timeout=30,
    )


async def assert_alive(house: House, chat: Chat, person: Person) -> None:
    """Order a plain video: it comes, and is all that was ever charged."""
    asked = await chat.send(person, f"/video {PLAIN}")
    await chat.wait(
        lambda message: message.reply_to == asked.message_id and message.video, timeout=30
    )
    assert await spent(house, person) == PLAIN_CREDITS
