"""Which commands Telegram offers whom: the narrowest menu that is set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.page import Participants
from sandbox.page.menus import menu_for

if TYPE_CHECKING:
    from sandbox.telegram import TelegramSandbox


@pytest.fixture
def participants(telegram: TelegramSandbox) -> Participants:
    """Ann, Bob and the operator, and their chats."""
    return Participants.create(telegram)


def menus(*scopes: dict[str, Any] | tuple[dict[str, Any], str]) -> dict[tuple[str, str], Any]:
    """Menus set for scopes, each of one command named after its place in the list."""
    given = [scope if isinstance(scope, tuple) else (scope, "") for scope in scopes]
    return {
        (json.dumps(scope, sort_keys=True), language): [{"command": str(number)}]
        for number, (scope, language) in enumerate(given)
    }


DEFAULT = {"type": "default"}
GROUPS = {"type": "all_group_chats"}
GROUP_ADMINS = {"type": "all_chat_administrators"}
PRIVATE = {"type": "all_private_chats"}


async def test_private_chats_and_groups_have_menus_of_their_own(participants: Participants) -> None:
    ann = next(iter(participants.people.values()))
    private, club = participants.private[ann.id], list(participants.chats.values())[3]
    told = menus(DEFAULT, GROUPS, PRIVATE)
    assert menu_for(told, private, ann) == [{"command": "2"}]
    assert menu_for(told, club, ann) == [{"command": "1"}]
    assert menu_for(menus(DEFAULT), private, ann) == [{"command": "0"}]
    assert menu_for({}, private, ann) == []


async def test_the_menu_of_one_chat_goes_before_that_of_all(participants: Participants) -> None:
    operator = participants.operator
    private = participants.private[operator.id]
    told = menus(PRIVATE, {"type": "chat", "chat_id": private.id})
    assert menu_for(told, private, operator) == [{"command": "1"}]


async def test_only_admins_of_a_group_see_their_menu(participants: Participants) -> None:
    ann, bob, _ = participants.people.values()
    club = list(participants.chats.values())[3]
    told = menus(GROUPS, GROUP_ADMINS)
    assert menu_for(told, club, ann) == [{"command": "1"}]
    assert menu_for(told, club, bob) == [{"command": "0"}]


async def test_the_language_of_the_reader_goes_before_none(participants: Participants) -> None:
    ann = next(iter(participants.people.values()))
    told = menus(PRIVATE, (PRIVATE, "en"), (PRIVATE, "de"))
    assert menu_for(told, participants.private[ann.id], ann) == [{"command": "1"}]
