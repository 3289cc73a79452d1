"""What Telegram is told to show of the bot before anybody writes to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from handlers.commands import Scope, listed
from sandbox.telegram.faults import Fault
from tests.harness import WITH_MENUS

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


def menus(telegram: TelegramSandbox) -> dict[str, list[str]]:
    """Return the names of the commands, by the kind of their scope."""
    return {
        json.loads(scope)["type"]: [command["command"] for command in commands]
        for (scope, _), commands in telegram.profile.commands.items()
    }


async def test_menus_are_published_for_each_kind_of_chat(
    harness: Harness, telegram: TelegramSandbox
) -> None:
    async with harness.running(times=WITH_MENUS) as bot:
        assert bot.services.policy.admin_ids
        await telegram.wait_for_call("setMyShortDescription")
    shown = menus(telegram)
    assert (
        shown["default"]
        == shown["all_group_chats"]
        == ["video", "animate", "settings", "models", "story", "queue", "cancel", "report", "help"]
    )
    assert shown["all_private_chats"] == [
        "video", "animate", "settings", "models", "quota", "history", "story", "queue",
        "cancel", "report", "privacy", "help",
    ]  # fmt: skip


async def test_an_empty_chat_says_what_the_bot_is(
    harness: Harness, telegram: TelegramSandbox
) -> None:
    async with harness.running(times=WITH_MENUS, free_credits=18, quota_period="week"):
        await telegram.wait_for_call("setMyShortDescription")
    said = "Send me a photo or an idea, I make a short video. About 2 free videos a week."
    assert telegram.profile.short_description == {"": said}
    assert telegram.profile.description[""].startswith(said)


async def test_an_admin_has_their_menu_from_their_first_start_on(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    admins = frozenset({ann.id, 5})
    async with harness.running(times=WITH_MENUS, admin_ids=admins):
        await telegram.wait_for_call("setMyShortDescription")
        assert "chat" not in menus(telegram)
        await chat.send(ann, "/start")
        await telegram.wait_for_call("setMyCommands", count=4)
    assert menus(telegram)["chat"] == [command.name for command in listed(Scope.ADMIN)]
    async with harness.running(times=WITH_MENUS, admin_ids=admins):
        await telegram.wait_for_call("setMyCommands", count=8)


@pytest.mark.parametrize("fault", [Fault.flood(60), Fault.error(400, "Bad Request: no")])
async def test_a_menu_telegram_refuses_stops_nothing(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, fault: Fault
) -> None:
    telegram.faults.always("setMyCommands", fault)
    telegram.faults.always("setMyDescription", fault)
    async with harness.running(times=WITH_MENUS):
        await telegram.wait_for_call("setMyShortDescription")
        await chat.send(ann, "/help")
        await chat.wait(lambda message: "/video" in (message.text or ""))
    assert menus(telegram) == {}
