"""The table of commands: registration, menus, /help and docs/commands.md are made from it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from telegram import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeDefault,
)
from telegram.constants import BotDescriptionLimit

from generation.models.pricing import Period
from handlers.replies.sending import SendError, translate_errors
from handlers.replies.texts import DEFAULT, N_, usual_cost
from storage import people

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from telegram.ext import ExtBot

    from generation.models.offer import Offer
    from generation.orders.balances import Terms
    from handlers.context import Services
    from handlers.replies.sending import Urgency
    from handlers.replies.texts import Translator
    from storage.people import Person


class Scope(StrEnum):
    """Where a command is shown; each scope includes the ones above it."""

    EVERYONE = "everyone"
    """In every chat."""
    PRIVATE = "private"
    """In private chats; in a group, most reply with a button that opens the private chat."""
    ADMIN = "admin"
    """In private chats of admins; it works nowhere else."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command without its slash.

    Attributes:
        summary: what it does, as shown in menus and in /help.
        arguments: as shown to admins.
        listed: whether it is shown; it works in any case.
        orders: whether it orders a video, which needs the operator's permission.
        sells: whether it is shown only if credits are sold.
        when_off: whether it works in a group whose admins switched the bot off, so that they
            can switch it on again and anybody can report a video.
        when_banned: whether it works for banned people.
    """

    name: str
    summary: str
    arguments: str = ""
    aliases: tuple[str, ...] = ()
    scope: Scope = Scope.EVERYONE
    listed: bool = True
    sells: bool = False
    orders: bool = False
    when_off: bool = False
    when_banned: bool = False

    def described(self, translator: Translator) -> str:
        """Return its summary; for commands of admins, with its arguments."""
        text = translator.gettext(self.summary)
        shown = self.arguments and self.scope is Scope.ADMIN
        return f"{text}: {self.arguments}" if shown else text

    @property
    def names(self) -> tuple[str, ...]:
        """Its name and its aliases."""
        return (self.name, *self.aliases)


_in_private = partial(Command, scope=Scope.PRIVATE)
_for_admins = partial(Command, scope=Scope.ADMIN)

COMMANDS = (
    Command("video", N_("Make a video of your idea"), "PROMPT", orders=True),
    Command("animate", N_("Bring a photo to life: reply to it with this"), "[PROMPT]", orders=True),
    Command("settings", N_("Your usual model, length and shape"), when_off=True),
    Command("models", N_("The models: lengths, shapes, prices")),
    _in_private("quota", N_("What is left, and when it renews"), aliases=("credits",)),
    _in_private("history", N_("Your videos, sent again for free"), "[WORDS]", aliases=("videos",)),
    Command("story", N_("Your film: its scenes as one video")),
    Command("queue", N_("What is on the way")),
    Command("cancel", N_("Cancel a video before it starts"), "[ID]"),
    Command("report", N_("Report a video: reply to it with this"), "[WORDS]", when_off=True),
    Command("buy", N_("Credits for Telegram Stars, for you or a whole group"), sells=True),
    _in_private("paysupport", N_("Help with a payment"), "[WORDS]", sells=True, when_banned=True),
    _in_private("terms", N_("What holds for what is sold"), sells=True, when_banned=True),
    _in_private("language", N_("The language I speak with you"), listed=False),
    _in_private("privacy", N_("What I keep, and who sees it"), when_banned=True),
    _in_private("mydata", N_("All I keep about you, as a file"), listed=False, when_banned=True),
    _in_private("deletemydata", N_("Delete all I keep about you"), listed=False, when_banned=True),
    Command("help", N_("What I can do"), when_off=True),
    Command("start", N_("Begin"), listed=False),
    _for_admins("admin", N_("The bot today: people, groups, models, money")),
    _for_admins("people", N_("Who uses this bot, the most active first"), "[NAME]"),
    _for_admins("stats", N_("Videos, people and money")),
    _for_admins(
        "export", N_("Videos or payments as a table, for a spreadsheet"), "[payments] [YYYY-MM]"
    ),
    _for_admins("grant", N_("Give credits"), "WHO CREDITS [NOTE]"),
    _for_admins(
        "limit", N_("Free credits of one person, or a group's pool"), "WHO CREDITS [SHARE]"
    ),
    _for_admins("allow", N_("Let a person or chat in"), "WHO"),
    _for_admins("deny", N_("Undo an allow"), "WHO"),
    _for_admins("ban", N_("Ban a person or chat"), "WHO [REASON]"),
    _for_admins("unban", N_("Undo a ban"), "WHO"),
    _for_admins("invite", N_("A link that lets people in"), "[N] [CREDITS]"),
    _for_admins("pause", N_("Take no orders for a while"), "[TIME] [REASON]"),
    _for_admins("resume", N_("End a pause")),
    _for_admins("audit", N_("What admins did")),
    _for_admins("gift", N_("A link that gives credits once"), "CREDITS"),
    _for_admins("refund", N_("Give a payment back"), "ID", sells=True),
)
BY_NAME = {command.name: command for command in COMMANDS}
_MAX_NAME_LENGTH = 32
"""Characters of the longest command that Telegram allows."""
_PLACES = (
    (BotCommandScopeDefault(), Scope.EVERYONE),
    (BotCommandScopeAllGroupChats(), Scope.EVERYONE),
    (BotCommandScopeAllPrivateChats(), Scope.PRIVATE),
)

logger = logging.getLogger(__name__)


def listed(scope: Scope, *, selling: bool = False) -> tuple[Command, ...]:
    """Return the commands shown in a scope, in the order of the table."""
    shown = [*Scope][: [*Scope].index(scope) + 1]
    return tuple(
        command
        for command in COMMANDS
        if command.listed and command.scope in shown and (selling or not command.sells)
    )


def menu(
    translator: Translator, scope: Scope, *, languages: int = 1, selling: bool = False
) -> list[BotCommand]:
    """Return the menu of a scope; /language is in it if there are several languages."""
    shown = list(listed(scope, selling=selling))
    if languages > 1 and scope is not Scope.EVERYONE:
        shown.append(BY_NAME["language"])
    return [BotCommand(command.name, command.described(translator)) for command in shown]


def overview(translator: Translator, scope: Scope, *, selling: bool = False) -> str:
    """Return the commands of a scope, one to a line, as /help shows them."""
    return "\n".join(
        f"/{command.name} · {command.described(translator)}"
        for command in listed(scope, selling=selling)
    )


def unknown(text: str, translator: Translator) -> str:
    """Return the answer to a command that does not exist, or is not for this person."""
    name = text.split(maxsplit=1)[0].partition("@")[0][: _MAX_NAME_LENGTH + 1]
    return translator.gettext("I don't know {command}. /help shows what I can do.").format(
        command=name
    )


def description(translator: Translator, offer: Offer, terms: Terms) -> str:
    """Return what the bot is, for the empty chat; at most 512 characters."""
    text = f"{short_description(translator, offer, terms)}\n\n{where_pictures_go(translator)}"
    return text[: BotDescriptionLimit.MAX_DESCRIPTION_LENGTH]


def short_description(translator: Translator, offer: Offer, terms: Terms) -> str:
    """Return what the bot is, for shared links; at most 120 characters."""
    text = translator.gettext("Send me a photo or an idea, I make a short video.")
    count = terms.free_credits // usual_cost(offer)
    if count:
        text = f"{text} {_free_videos_text(translator, terms.period, count)}"
    return text[: BotDescriptionLimit.MAX_SHORT_DESCRIPTION_LENGTH]


def _free_videos_text(translator: Translator, period: Period, count: int) -> str:
    ngettext = translator.ngettext
    return {
        Period.DAY: ngettext(
            "About {count} free video a day.", "About {count} free videos a day.", count
        ),
        Period.WEEK: ngettext(
            "About {count} free video a week.", "About {count} free videos a week.", count
        ),
        Period.MONTH: ngettext(
            "About {count} free video a month.", "About {count} free videos a month.", count
        ),
        Period.LIFETIME: ngettext(
            "About {count} free video to begin with.",
            "About {count} free videos to begin with.",
            count,
        ),
    }[period]


def where_pictures_go(translator: Translator) -> str:
    """Return who sees a photo, and for how long."""
    return translator.gettext(
        "Photos go to the AI service that makes the video. I delete them here when "
        "the video is done."
    )


async def publish(
    bot: ExtBot[Urgency], services: Services, former_admins: Sequence[int] = ()
) -> None:
    """Send Telegram the commands and descriptions, per language; refusals are only logged."""
    for former in former_admins:
        place = BotCommandScopeChat(former)
        await _log_refusal("that somebody is no admin", bot.delete_my_commands(place))
    for name in services.languages.texts:
        translator = services.languages.translator(name)
        # Telegram shows the entry without a language to people whose own is missing
        code = None if name == DEFAULT else name
        for where, scope in _PLACES:
            menu = _menu(services, translator, scope)
            await _log_refusal("a menu", bot.set_my_commands(menu, where, code))
        about = description(translator, services.offer, services.terms)
        await _log_refusal("the description", bot.set_my_description(about, code))
        about = short_description(translator, services.offer, services.terms)
        await _log_refusal("the short description", bot.set_my_short_description(about, code))
    async with services.db.reading() as connection:
        ids = services.policy.admin_ids.union(await people.admins(connection))
        known = [await people.find(connection, admin) for admin in sorted(ids)]
    for admin in filter(None, known):
        await publish_to_admin(bot, services, admin)


async def publish_to_admin(bot: ExtBot[Urgency], services: Services, admin: Person) -> None:
    """Send an admin's menu; Telegram accepts it only for people who wrote to the bot."""
    menu = _menu(services, services.languages.translator(admin.language), Scope.ADMIN)
    await _log_refusal("an admin's menu", bot.set_my_commands(menu, BotCommandScopeChat(admin.id)))


def _menu(services: Services, translator: Translator, scope: Scope) -> list[BotCommand]:
    count, selling = len(services.languages.texts), bool(services.policy.stars_per_credit)
    return menu(translator, scope, languages=count, selling=selling)


async def _log_refusal(what: str, call: Awaitable[bool]) -> None:
    try:
        with translate_errors():
            await call
    except SendError as error:
        logger.warning("Telegram did not take %s: %s", what, error)
