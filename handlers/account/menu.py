"""What Telegram shows of the bot before anybody writes to it: menus and descriptions."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from telegram import (
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeDefault,
)

from handlers import commands
from handlers.account import introduction
from handlers.commands import Scope
from handlers.replies.language import DEFAULT
from handlers.replies.outcomes import SendError, translated
from storage import people

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from telegram.ext import ExtBot

    from handlers.context import Services
    from handlers.replies.pacing import Urgency
    from storage.people import Person

_PLACES = (
    (BotCommandScopeDefault(), Scope.EVERYONE),
    (BotCommandScopeAllGroupChats(), Scope.EVERYONE),
    (BotCommandScopeAllPrivateChats(), Scope.PRIVATE),
)

logger = logging.getLogger(__name__)


async def publish(bot: ExtBot[Urgency], services: Services) -> None:
    """Tell Telegram the commands and descriptions, per language; what it refuses is only logged."""
    for name in services.languages.texts:
        translator = services.languages.translator(name)
        # Telegram shows what has no language to everybody whose own is not there
        code = None if name == DEFAULT else name
        for place, scope in _PLACES:
            menu = commands.menu(translator, scope)
            await _told("a menu", bot.set_my_commands(menu, place, code))
        about = introduction.description(translator, services.offer, services.terms)
        await _told("the description", bot.set_my_description(about, code))
        about = introduction.short_description(translator, services.offer, services.terms)
        await _told("the short description", bot.set_my_short_description(about, code))
    async with services.db.reading() as connection:
        ids = services.policy.admin_ids.union(await people.admins(connection))
        known = [await people.find(connection, admin) for admin in sorted(ids)]
    for admin in filter(None, known):
        await publish_to_admin(bot, services, admin)


async def publish_to_admin(bot: ExtBot[Urgency], services: Services, admin: Person) -> None:
    """Show an admin their commands; Telegram takes that only for one who wrote to the bot."""
    menu = commands.menu(services.languages.translator(admin.language), Scope.ADMIN)
    await _told("an admin's menu", bot.set_my_commands(menu, BotCommandScopeChat(admin.id)))


async def _told(what: str, call: Awaitable[bool]) -> None:
    try:
        with translated():
            await call
    except SendError as error:
        logger.warning("Telegram did not take %s: %s", what, error)
