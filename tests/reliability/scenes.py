"""The actions of people in crash tests, one scene per course of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.aimlapi import Fault, Render
from tests.flows.media_files import photo

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.reliability.crash_setup import CrashSetup


@dataclass(frozen=True)
class Scene:
    """`prepare` is done before the first run of the bot, `act` during the runs."""

    name: str
    prepare: Callable[[CrashSetup], Coroutine[Any, Any, None]]
    act: Callable[[CrashSetup], Coroutine[Any, Any, None]] | None = None


async def _text_in_private(setup: CrashSetup) -> None:
    ann = setup.telegram.person("Ann")
    await setup.telegram.private(ann).send(ann, "/video a cat on a sailing boat")


async def _photo_in_a_group(setup: CrashSetup) -> None:
    ann, bob = setup.telegram.person("Ann"), setup.telegram.person("Bob")
    group = setup.telegram.group("Film club", [ann, bob])
    await group.send_photo(bob, photo(640, 360), caption="/animate waves roll in")


async def _refused_prompt(setup: CrashSetup) -> None:
    setup.provider.every_render = Render.refused()
    await _text_in_private(setup)


async def _cancelled_while_queued(setup: CrashSetup) -> None:
    setup.provider.faults.next("submit", Fault.http(429))
    ann = setup.telegram.person("Ann")
    chat = setup.telegram.private(ann)
    await chat.send(ann, "/video a cat on a sailing boat")
    await chat.send(ann, "/cancel")


async def _words_for_a_card(setup: CrashSetup) -> None:
    ann = setup.telegram.person("Ann")
    await setup.telegram.private(ann).send(ann, "a cat on a sailing boat")


async def _tap_the_card(setup: CrashSetup) -> None:
    (chat,) = setup.telegram.world.chats.values()
    card = await chat.wait(lambda message: message.buttons, timeout=60)
    await card.press(card.buttons[0][0].text, timeout=60)


async def first_scene(setup: CrashSetup) -> None:
    """Order a video, and open its further actions."""
    ann = setup.telegram.person("Ann")
    chat = setup.telegram.private(ann)
    await chat.send(ann, "/video a boat in the bath")
    first = await chat.wait(lambda message: message.video is not None, timeout=60)
    await first.press("More…", timeout=60)
    await chat.wait(lambda message: message is first and "Continue" in str(message), timeout=60)


async def next_scene(setup: CrashSetup) -> None:
    """Continue the first video, by two buttons."""
    (chat,) = setup.telegram.world.chats.values()
    last = chat.messages[-1].message_id
    first = next(message for message in chat.from_bot if message.video is not None)
    await first.press("Continue", timeout=60)
    question = await chat.wait(lambda one: one.message_id > last and bool(one.buttons), timeout=60)
    await question.press("Just go on", timeout=60)
    await chat.wait(lambda one: one.message_id > last and one.video is not None, timeout=60)


async def whole_film(setup: CrashSetup) -> None:
    """Request the whole film."""
    (ann,) = (one for one in setup.telegram.world.people.values() if one.first_name == "Ann")
    chat = setup.telegram.private(ann)
    last = chat.messages[-1].message_id
    await chat.send(ann, "/story")
    story = await chat.wait(lambda one: one.message_id > last and bool(one.buttons), timeout=60)
    await story.press("Send the whole film", timeout=60)
    await chat.wait(lambda one: one.message_id > last and one.video is not None, timeout=60)


TEXT = Scene("a text in private", _text_in_private)
PHOTO = Scene("a photo in a group", _photo_in_a_group)
REFUSED = Scene("a prompt that is refused", _refused_prompt)
CANCELLED = Scene("a request that is cancelled", _cancelled_while_queued)
CARD = Scene("a card that is tapped", _words_for_a_card, _tap_the_card)
