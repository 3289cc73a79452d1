"""The bot's introduction: menus and descriptions at Telegram, what /start and /help say."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from telegram import (
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeDefault,
)
from telegram.constants import BotDescriptionLimit

from generation.orders.balances import Period
from handlers import commands
from handlers.commands import Scope
from handlers.replies.sending import SendError, translated
from handlers.replies.texts import DEFAULT, usual_cost, worth
from handlers.routing import contact_line
from storage import people

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from telegram.ext import ExtBot

    from generation.models.offer import Offer
    from generation.orders.balances import Terms
    from handlers.context import Services
    from handlers.replies.sending import Urgency
    from handlers.replies.texts import Translator
    from storage.people import Person

_PLACES = (
    (BotCommandScopeDefault(), Scope.EVERYONE),
    (BotCommandScopeAllGroupChats(), Scope.EVERYONE),
    (BotCommandScopeAllPrivateChats(), Scope.PRIVATE),
)

logger = logging.getLogger(__name__)


def description(translator: Translator, offer: Offer, terms: Terms) -> str:
    """Say in the empty chat what the bot is; at most 512 characters."""
    text = f"{short_description(translator, offer, terms)}\n\n{_pictures(translator)}"
    return text[: BotDescriptionLimit.MAX_DESCRIPTION_LENGTH]


def short_description(translator: Translator, offer: Offer, terms: Terms) -> str:
    """Say beside a shared link what the bot is; at most 120 characters."""
    text = translator.gettext("Send me a photo or an idea, I make a short video.")
    count = terms.free_credits // usual_cost(offer, terms)
    if count:
        text = f"{text} {_so_many(translator, terms.period, count)}"
    return text[: BotDescriptionLimit.MAX_SHORT_DESCRIPTION_LENGTH]


def _so_many(translator: Translator, period: Period, count: int) -> str:
    say = translator.ngettext
    text = {
        Period.DAY: say(
            "About {count} free video a day.", "About {count} free videos a day.", count
        ),
        Period.WEEK: say(
            "About {count} free video a week.", "About {count} free videos a week.", count
        ),
        Period.MONTH: say(
            "About {count} free video a month.", "About {count} free videos a month.", count
        ),
        Period.LIFETIME: say(
            "About {count} free video to begin with.",
            "About {count} free videos to begin with.",
            count,
        ),
    }[period]
    return text.format(count=translator.number(count))


def _pictures(translator: Translator) -> str:
    return translator.gettext(
        "Photos go to the AI service that makes the video; here they are deleted when it is done."
    )


def free_allowance(translator: Translator, offer: Offer, terms: Terms) -> str:
    """Say what videos cost a person, in what they get for nothing."""
    say, cost = translator.gettext, usual_cost(offer, terms)
    if terms.free_credits < cost:
        return say("A usual video costs {cost}; whoever runs this bot can give you some.").format(
            cost=translator.credits(cost)
        )
    return {
        Period.DAY: say("It costs you nothing: every day you have {all}."),
        Period.WEEK: say("It costs you nothing: every week you have {all}."),
        Period.MONTH: say("It costs you nothing: every month you have {all}."),
        Period.LIFETIME: say("It costs you nothing to begin with: you have {all}."),
    }[terms.period].format(all=worth(translator, terms.free_credits, cost))


def greeting(translator: Translator, offer: Offer, terms: Terms) -> str:
    """Say in three lines what to send, what it costs, and where photos go."""
    return "\n".join(
        (
            translator.gettext("👋 Send me an idea or a photo, and I make a short video of it."),
            free_allowance(translator, offer, terms),
            _pictures(translator),
        )
    )


def group_greeting(translator: Translator) -> str:
    """Say in one line how a group gets a video."""
    return translator.gettext(
        "Write /video and your idea, or answer a photo with /animate, and a short video comes back."
    )


def help_text(
    translator: Translator, offer: Offer, terms: Terms, scope: Scope, support: str | None
) -> str:
    """Say what there is to do here, and where to ask."""
    say = translator.gettext
    parts = [
        say("Send me an idea or a photo, and I make a short video of it.")
        if scope is not Scope.EVERYONE
        else group_greeting(translator),
        commands.overview(translator, scope),
        say("Write what else you want after the idea: {options}").format(
            options=", ".join(_examples(offer))
        ),
        free_allowance(translator, offer, terms),
    ]
    if support:
        parts.append(contact_line(translator, support))
    return "\n\n".join(parts)


def _examples(offer: Offer) -> list[str]:
    """Return options that can be typed, each possible with the first family or naming another."""
    modes = [mode for family in offer if (mode := family.t2v)]
    examples = [f"--seconds {mode.seconds[-1]}" for mode in modes[:1]]
    examples += ["--vertical" for mode in modes[:1] if "9:16" in mode.aspect_ratios]
    return examples + [f"--model {name}" for name in offer.names[1:][-1:]]


async def publish(bot: ExtBot[Urgency], services: Services) -> None:
    """Tell Telegram the commands and descriptions, per language; what it refuses is only logged."""
    for name in services.languages.texts:
        translator = services.languages.translator(name)
        # Telegram shows what has no language to everybody whose own is not there
        code = None if name == DEFAULT else name
        for place, scope in _PLACES:
            menu = commands.menu(translator, scope)
            await _told("a menu", bot.set_my_commands(menu, place, code))
        about = description(translator, services.offer, services.terms)
        await _told("the description", bot.set_my_description(about, code))
        about = short_description(translator, services.offer, services.terms)
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
