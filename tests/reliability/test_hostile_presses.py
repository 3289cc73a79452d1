"""Buttons nobody was given: whatever a client makes up is answered, and moves nothing."""

from __future__ import annotations

import dataclasses
import pkgutil
import random
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

import handlers
from handlers.replies.keyboards import CallbackData
from sandbox.telegram.messages import Button
from tests.groups.actions import spent

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, TelegramSandbox
    from tests.harness import Harness


def every_press() -> list[type[CallbackData]]:
    """Every kind of button that the bot has."""
    found = {
        kind
        for module in pkgutil.walk_packages(handlers.__path__, "handlers.")
        for kind in vars(import_module(module.name)).values()
        if isinstance(kind, type) and issubclass(kind, CallbackData) and kind is not CallbackData
    }
    return sorted(found, key=lambda kind: kind.prefix)


PRESSES = every_press()


def forgeries() -> list[str]:
    """Data of every prefix with ids that are another's, huge, negative or no numbers; and junk."""
    values = ["1", "0", "2", "-1", "999999999999999999", "9223372036854775808", "", "x", "1 OR 1"]
    made = []
    for kind in PRESSES:
        fields = len(dataclasses.fields(kind))
        if not fields:
            continue  # names nothing of anybody's: whoever presses it may
        made += [":".join([kind.prefix, *[value] * fields]) for value in values]
        made += [kind.prefix, f"{kind.prefix}:", ":".join([kind.prefix, *["1"] * (fields + 1)])]
    dice = random.Random(4)
    made += ["".join(chr(dice.randrange(1, 127)) for _ in range(64)) for _ in range(20)]
    made += ["я" * 32, "🌊" * 16, ":" * 64, "\0", "start" + ":1" * 29]
    return [data for data in dict.fromkeys(made) if 0 < len(data.encode()) <= 64]


def test_every_kind_of_button_has_its_own_prefix() -> None:
    prefixes = [kind.prefix for kind in PRESSES]
    assert len(set(prefixes)) == len(prefixes)
    assert len(prefixes) > 5


async def everything(harness: Harness) -> list[tuple[object, ...]]:
    """Every request and card there is, and how far each is."""
    statement = (
        "SELECT 'request', id, state FROM generations UNION SELECT 'card', id, state FROM cards"
    )
    async with harness.db.reading() as connection:
        return [tuple(row) for row in await connection.fetch_all(statement)]


async def test_forged_buttons_are_answered_and_touch_nothing_of_anybody(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, provider: AimlApiSandbox, ann: Person,
    bob: Person,
) -> None:  # fmt: skip
    group = telegram.group("Film club", [ann, bob])
    provider.render_seconds = 60
    asked = await telegram.private(ann).send(ann, "/video a boat of Ann's")
    shown = await telegram.private(ann).wait(lambda m: m.reply_to == asked.message_id)
    question = await group.send(ann, "/video")
    shown_in_group = await group.wait(lambda m: m.reply_to == question.message_id)
    await telegram.private(ann).send(ann, "an idea of Ann's for a card")
    card = await telegram.private(ann).wait(lambda m: m.buttons)
    await provider.wait_for_submissions(1)
    before = await everything(harness)
    for data in forgeries():
        await telegram.world.press(shown_in_group, Button("made up", data=data), by=bob, timeout=10)
    assert await everything(harness) == before
    assert await spent(harness, bob) == 0
    assert await spent(harness, ann) == 9
    assert not shown.deleted
    assert not card.deleted
    assert telegram.unanswered_callbacks == []
    assert len(provider.submissions) == 1


@pytest.mark.parametrize("kind", PRESSES, ids=lambda kind: kind.prefix)
def test_no_other_kind_of_button_reads_it(kind: type[CallbackData]) -> None:
    for data in forgeries():
        readers = [one for one in PRESSES if one.decode(data)]
        assert len(readers) <= 1, f"{data!r} is read by {readers}"
