"""Methods about the bot's profile: commands, descriptions, menu button."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.telegram.errors import bad_request
from sandbox.telegram.methods.posting import Params, find_chat

if TYPE_CHECKING:
    from sandbox.telegram.world import World

_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_COMMAND_LIMIT = 100
_COMMAND_TEXT = 256
_NAME_LIMIT = 64
_DESCRIPTION_LIMIT = 512
_SHORT_LIMIT = 120
_LANGUAGE = re.compile(r"(?:[a-z]{2})?")


def _language(params: Params) -> str:
    code: str = params.get("language_code", "")
    if not _LANGUAGE.fullmatch(code):
        raise bad_request("LANG_CODE_INVALID")
    return code


def _scope(world: World, params: Params) -> tuple[str, str]:
    """Return the key of a list of commands: the scope as canonical JSON, and the language."""
    scope = params.get("scope", {"type": "default"})
    if "chat_id" in scope:
        find_chat(world, scope)
    return json.dumps(scope, sort_keys=True), _language(params)


async def set_my_commands(world: World, params: Params) -> bool:
    """Serve setMyCommands."""
    commands = params["commands"]
    if len(commands) > _COMMAND_LIMIT:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not _COMMAND.fullmatch(command["command"].removeprefix("/")):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(command["description"]) <= _COMMAND_TEXT:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    world.profile.commands[_scope(world, params)] = commands
    return True


async def get_my_commands(world: World, params: Params) -> list[dict[str, str]]:
    """Serve getMyCommands."""
    return world.profile.commands.get(_scope(world, params), [])


async def delete_my_commands(world: World, params: Params) -> bool:
    """Serve deleteMyCommands."""
    world.profile.commands.pop(_scope(world, params), None)
    return True


async def set_my_name(world: World, params: Params) -> bool:
    """Serve setMyName."""
    return _set(world.profile.name, params, "name", _NAME_LIMIT)


async def set_my_description(world: World, params: Params) -> bool:
    """Serve setMyDescription."""
    return _set(world.profile.description, params, "description", _DESCRIPTION_LIMIT)


async def set_my_short_description(world: World, params: Params) -> bool:
    """Serve setMyShortDescription."""
    return _set(world.profile.short_description, params, "short_description", _SHORT_LIMIT)


def _set(texts: dict[str, str], params: Params, name: str, limit: int) -> bool:
    text = params.get(name, "")
    if len(text) > limit:
        raise bad_request(f"bot {name.replace('_', ' ')} is too long: at most {limit} characters")
    texts[_language(params)] = text
    return True


async def set_chat_menu_button(world: World, params: Params) -> bool:
    """Serve setChatMenuButton."""
    button: dict[str, Any] = params.get("menu_button", {"type": "default"})
    world.profile.menu_button[params.get("chat_id")] = button
    return True


METHODS = {
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
    "setMyName": set_my_name,
    "setMyDescription": set_my_description,
    "setMyShortDescription": set_my_short_description,
    "setChatMenuButton": set_chat_menu_button,
}
