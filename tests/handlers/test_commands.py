"""The table of commands, and what is read from it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from telegram import Update
from telegram.constants import BotCommandLimit

from handlers.commands import COMMANDS, Scope, listed, menu, overview
from handlers.registry import MODULES
from handlers.routing import Router
from tests.handlers.shared import SPEECH

if TYPE_CHECKING:
    from telegram.ext import BaseHandler

    from handlers.context import Context


async def nothing() -> None:
    """Stand where a handler is wanted."""


def registered(name: str) -> BaseHandler[Update, Context, None]:
    """Return how a command of the table is listened for."""
    router = Router()
    router.command(name)(nothing)
    [handler] = router.handlers
    return handler


def update(text: str, *, kind: str = "message", chat: str = "private") -> Update:
    """Return what Telegram tells of a command."""
    length = len(text.partition(" ")[0])
    message = {
        "message_id": 1,
        "date": 0,
        "chat": {"id": 5, "type": chat},
        "text": text,
        "entities": [{"type": "bot_command", "offset": 0, "length": length}],
    }
    return Update.de_json({"update_id": 1, kind: message}, None)


@pytest.mark.parametrize("name", [name for command in COMMANDS for name in command.names])
def test_each_command_is_answered_exactly_once(name: str) -> None:
    asked = update(f"/{name}")
    handlers = [handler for module in MODULES for handler in module.router.handlers]
    assert sum(bool(handler.check_update(asked)) for handler in handlers) == 2, (
        "its own handler, and at the end that of commands nobody knows"
    )


def test_no_name_is_given_twice() -> None:
    names = [name for command in COMMANDS for name in command.names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("alias", ["quota", "credits"])
def test_an_alias_is_registered_with_its_command(alias: str) -> None:
    assert registered("quota").check_update(update(f"/{alias}"))


def test_only_new_messages_count() -> None:
    handler = registered("quota")
    assert handler.check_update(update("/quota"))
    for kind in ("edited_message", "channel_post", "edited_channel_post"):
        assert not handler.check_update(update("/quota", kind=kind)), kind


def test_an_edited_order_is_asked_about() -> None:
    handler = registered("video")
    assert handler.check_update(update("/video a cat", kind="edited_message"))
    for kind in ("channel_post", "edited_channel_post"):
        assert not handler.check_update(update("/video a cat", kind=kind)), kind


def test_what_admins_do_works_in_private_only() -> None:
    handler = registered("grant")
    assert handler.check_update(update("/grant 5 10"))
    assert not handler.check_update(update("/grant 5 10", chat="supergroup"))


@pytest.mark.parametrize("scope", list(Scope))
def test_menus_keep_telegrams_limits(scope: Scope) -> None:
    shown = menu(SPEECH, scope)
    assert 0 < len(shown) <= BotCommandLimit.MAX_COMMAND_NUMBER
    for command in shown:
        assert re.fullmatch(r"[a-z0-9_]{1,32}", command.command)
        assert 1 <= len(command.description) <= BotCommandLimit.MAX_DESCRIPTION


def test_start_is_in_no_menu() -> None:
    assert all(command.name != "start" for scope in Scope for command in listed(scope))


def test_a_groups_menu_shows_nothing_private() -> None:
    names = [command.name for command in listed(Scope.EVERYONE)]
    assert names == [
        "video",
        "animate",
        "settings",
        "models",
        "story",
        "queue",
        "cancel",
        "report",
        "help",
    ]


def test_only_admins_see_what_admins_do() -> None:
    private = {command.name for command in listed(Scope.PRIVATE)}
    everything = {command.name for command in listed(Scope.ADMIN)}
    assert everything - private == {
        "people", "stats", "grant", "allow", "deny", "ban", "unban", "limit",
        "admin", "audit", "export", "gift", "invite", "pause", "resume",
    }  # fmt: skip


def test_help_names_each_command_of_the_menu() -> None:
    for scope in Scope:
        lines = overview(SPEECH, scope).splitlines()
        assert [line.split(" · ")[0] for line in lines] == [f"/{c.name}" for c in listed(scope)]
