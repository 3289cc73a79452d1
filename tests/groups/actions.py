"""What people do in these tests, and what it costs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.aimlapi.renders import Render
from storage import ledger
from storage.ledger import Account, Pot
from tests.flows.predicates import shows_video
from tests.handlers.shared import settled

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Message, Person, PrivateChat
    from sandbox.telegram.actors import Topic
    from sandbox.telegram.queries import Answer
    from tests.harness import Harness


async def spent(harness: Harness, person: Person) -> int:
    """Return the credits of a person's allowance that are held or captured."""
    async with harness.db.reading() as connection:
        return await ledger.drawn(connection, Account.person(person.id), Pot.ALLOWANCE, since=0)


async def made(
    harness: Harness, chat: Group | PrivateChat, by: Person, words: str, prompt: str = ""
) -> Message:
    """Order a video and wait until it is there and written down."""
    await chat.send(by, f"/video {words}")
    video = await chat.wait(shows_video(prompt or words))
    await settled(harness)
    return video


async def settings_of(group: Group, admin: Person, topic: Topic | None = None) -> Message:
    """Open the group's settings as one of its admins."""
    asked = await group.send(admin, "/settings", topic=topic)
    return await group.wait(lambda m: m.reply_to == asked.message_id and bool(m.buttons))


async def confirmed(
    chat: Group | PrivateChat, message: Message, label: str, *, by: Person | None = None
) -> Answer:
    """Press a button that asks once, and then the one that says yes."""
    await message.press(label, by=by)
    await chat.wait(lambda m: m is message and m.buttons[-1][0].text.startswith("Yes, "))
    return await message.press("Yes, ", by=by)


async def held_up(provider: AimlApiSandbox, chat: Group | PrivateChat, by: Person) -> None:
    """Order a boat whose making takes until `finish`: whatever has one slot is full."""
    provider.next_render = Render.never()
    await chat.send(by, "/video a boat")
    await provider.wait_until(lambda: len(provider.generations.by_id) == 1, "a boat was taken on")


def finish(provider: AimlApiSandbox) -> None:
    """Let what was held up be made by now."""
    [made_, *_] = provider.generations.by_id.values()
    made_.charged, made_.status = made_.price, "completed"
