"""What admins do is done by admins alone with the bot: by nobody else, and nowhere else."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from telegram import Update

from handlers.commands import Scope, listed
from handlers.registry import MODULES
from sandbox.telegram.messages import Button
from storage import audit
from tests.flows.predicates import says
from tests.groups.actions import made
from tests.storage.requests import everything

if TYPE_CHECKING:
    from sandbox.telegram import Group, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

COMMANDS = [one.name for one in listed(Scope.ADMIN, selling=True) if one.scope is Scope.ADMIN]
BUTTONS = [
    route.press
    for module in MODULES
    for route in module.router.buttons
    if route.press is not None and route.admission.get("admins")
]
NOT_FOR_YOU = "This button is not for you."


def forged(value: str) -> list[Button]:
    """Each button of admins with the same made-up value in all that it carries."""
    return [
        Button("made up", data=":".join([one.prefix, *[value] * len(dataclasses.fields(one))]))
        for one in BUTTONS
    ]


async def decided(harness: Harness) -> dict[str, list[tuple[Any, ...]]]:
    """Everything but how far updates and notices are."""
    found = await everything(harness.db)
    del found["inbox"]
    found["notices"] = [row[:2] for row in found["notices"]]
    return found


async def test_no_command_of_admins_is_answered_to_others_in_groups_or_where_it_was_forwarded(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, club: Group, ann: Person,
    bob: Person,
) -> None:  # fmt: skip
    async with harness.running(admin_ids=frozenset({ann.id})):
        theirs = telegram.private(bob)
        for name in COMMANDS:
            asked = await theirs.send(bob, f"/{name} 5 5")
            words = f"I don't know /{name}."
            await theirs.wait(says("", after=asked))
            assert words in (theirs.from_bot[-1].text or "")
            await chat.send(ann, f"/{name} 5 5", forwarded_from=bob)
            await chat.wait(says(words))
            for voice in (None, club):
                await club.send(ann, f"/{name}@{telegram.bot.username} 5 5", sender_chat=voice)
        await club.send(bob, f"/help@{telegram.bot.username}")
        await club.wait(says("/video"))
        assert len(club.from_bot) == 1
        async with harness.db.reading() as connection:
            assert await audit.count(connection) == 0


@pytest.mark.slow
async def test_no_button_of_admins_works_for_others_or_in_a_group(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, club: Group, ann: Person,
    bob: Person,
) -> None:  # fmt: skip
    async with harness.running(admin_ids=frozenset({ann.id})):
        theirs = telegram.private(bob)
        alone, shared = (
            await made(harness, theirs, bob, "a boat"),
            await made(harness, club, ann, "b"),
        )
        before = await decided(harness)
        for button in forged("1"):
            for message, who in ((alone, bob), (shared, ann), (shared, bob)):
                answer = await telegram.world.press(message, button, by=who, timeout=10)
                assert answer.text == NOT_FOR_YOU, (button.data, who)
        assert await decided(harness) == before


@pytest.mark.slow
async def test_whatever_an_admins_client_makes_up_is_answered(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(admin_ids=frozenset({ann.id})):
        await chat.send(ann, "/help")
        shown = await chat.wait(says("/video"))
        for button in forged("999999999999999999"):
            await telegram.world.press(shown, button, by=ann, timeout=10)


async def test_what_an_admin_does_is_done_and_written_once_however_often_it_is_delivered(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, club: Group, ann: Person,
    bob: Person,
) -> None:  # fmt: skip
    allowed = frozenset({4711})
    async with harness.running(admin_ids=frozenset({ann.id}), allowed_ids=allowed) as running:
        for place in (telegram.private(bob), club):
            await place.send(bob, "/help")
            await place.wait(says("/video"))
        for number, words in enumerate(
            (
                "/grant @bob 50", "/allow @bob", "/deny @bob", "/ban @bob rude", "/unban @bob",
                "/limit @bob 7", f"/limit {club.id} 100", "/invite 5 100", "/pause 2h", "/resume",
            )
        ):  # fmt: skip
            sent = await chat.send(ann, words)
            await chat.wait(says("", after=sent))
            update = {"update_id": 10**9 + number, "message": sent.as_json()}
            again = Update.de_json(update, running.app.bot)
            await running.app.process_update(again)
            once = await decided(harness)
            await running.app.process_update(again)
            assert await decided(harness) == once, words
