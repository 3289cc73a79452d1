"""/start and /help: what the bot does, and where a link into the private chat leads."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from telegram import (
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeDefault,
)
from telegram.constants import BotDescriptionLimit

from generation.models.pricing import Period
from generation.orders.reading import read_number
from handlers import commands
from handlers.account import buying, privacy, quota, settings, support
from handlers.account.introduction import introduce
from handlers.admin.audit_log import record
from handlers.admin.invites import GIFT, INVITE, follow_invite
from handlers.commands import Scope
from handlers.context import FirstAdmin
from handlers.membership import lacking
from handlers.replies.letting_in import stranger_buttons, stranger_text
from handlers.replies.notices import AGAIN, WHY
from handlers.replies.sending import SendError, translated
from handlers.replies.texts import DEFAULT, contact_line, usual_cost, worth
from handlers.routing import Router
from handlers.senders import Access
from handlers.videos.cancel import show_under_way
from handlers.videos.history import offer_retained, send_again, show_history, show_reason
from handlers.videos.sharing import LIKE, offer_like
from storage import people
from storage.chats import Asking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from telegram import BotCommand, Message
    from telegram.ext import ExtBot

    from generation.models.offer import Offer
    from generation.orders.balances import Terms
    from handlers.context import Context, Services
    from handlers.replies.sending import Urgency
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
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
    count = terms.free_credits // usual_cost(offer)
    if count:
        text = f"{text} {_so_many(translator, terms.period, count)}"
    return text[: BotDescriptionLimit.MAX_SHORT_DESCRIPTION_LENGTH]


def _so_many(translator: Translator, period: Period, count: int) -> str:
    ngettext = translator.ngettext
    text = {
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
    return text.format(count=translator.number(count))


def _pictures(translator: Translator) -> str:
    return translator.gettext(
        "Photos go to the AI service that makes the video. I delete them here when "
        "the video is done."
    )


def free_allowance(
    translator: Translator, offer: Offer, terms: Terms, *, selling: bool = False
) -> str:
    """Say what videos cost a person, in what they get for nothing."""
    _, cost = translator.gettext, usual_cost(offer)
    if terms.free_credits < cost:
        text = (
            _("A usual video costs {cost}. You get some with /buy.")
            if selling
            else _("A usual video costs {cost}. The owner of this bot can give you some.")
        )
        return text.format(cost=translator.credits(cost))
    return {
        Period.DAY: _("It costs you nothing: every day you have {all}."),
        Period.WEEK: _("It costs you nothing: every week you have {all}."),
        Period.MONTH: _("It costs you nothing: every month you have {all}."),
        Period.LIFETIME: _("It costs you nothing to begin with: you have {all}."),
    }[terms.period].format(all=worth(translator, terms.free_credits, cost))


def greeting(translator: Translator, offer: Offer, terms: Terms, *, selling: bool = False) -> str:
    """Say in three lines what to send, what it costs, and where photos go."""
    return "\n".join(
        (
            translator.gettext("👋 Send me an idea or a photo, and I make a short video of it."),
            free_allowance(translator, offer, terms, selling=selling),
            _pictures(translator),
        )
    )


def group_greeting(translator: Translator) -> str:
    """Say in one line how a group gets a video."""
    return translator.gettext(
        "Write /video and your idea, or reply to a photo with /animate, and I send "
        "you a short video."
    )


def help_text(
    translator: Translator,
    offer: Offer,
    terms: Terms,
    scope: Scope,
    support: str | None,
    *,
    selling: bool = False,
) -> str:
    """Say what there is to do here, and where to ask."""
    _ = translator.gettext
    parts = [
        _("Send me an idea or a photo, and I make a short video of it.")
        if scope is not Scope.EVERYONE
        else group_greeting(translator),
        commands.overview(translator, scope, selling=selling),
        # each on its own line: phones break a line behind a dash
        _("Write what else you want after the idea:\n{options}").format(
            options="\n".join(_examples(offer))
        ),
        free_allowance(translator, offer, terms, selling=selling),
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


async def publish(
    bot: ExtBot[Urgency], services: Services, former_admins: Sequence[int] = ()
) -> None:
    """Tell Telegram the commands and descriptions, per language; what it refuses is only logged."""
    for former in former_admins:
        place = BotCommandScopeChat(former)
        await _told("that somebody is no admin", bot.delete_my_commands(place))
    for name in services.languages.texts:
        translator = services.languages.translator(name)
        # Telegram shows what has no language to everybody whose own is not there
        code = None if name == DEFAULT else name
        for where, scope in _PLACES:
            menu = _menu(services, translator, scope)
            await _told("a menu", bot.set_my_commands(menu, where, code))
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
    menu = _menu(services, services.languages.translator(admin.language), Scope.ADMIN)
    await _told("an admin's menu", bot.set_my_commands(menu, BotCommandScopeChat(admin.id)))


def _menu(services: Services, translator: Translator, scope: Scope) -> list[BotCommand]:
    count, selling = len(services.languages.texts), bool(services.policy.stars_per_credit)
    return commands.menu(translator, scope, languages=count, selling=selling)


async def _told(what: str, call: Awaitable[bool]) -> None:
    try:
        with translated():
            await call
    except SendError as error:
        logger.warning("Telegram did not take %s: %s", what, error)


router = Router()


@router.command("start")
async def start(
    sender: Sender,
    message: Message,
    words: Sequence[str],
    *,
    cause: str,
    services: Services,
    context: Context,
) -> None:
    """Welcome somebody, or open what their link leads to."""
    payload = words[0] if words else ""
    if sender.chat.is_private and payload.startswith(FirstAdmin.PREFIX):
        await _claim(sender, context, payload, cause)
    elif sender.chat.is_private and payload.startswith((INVITE, GIFT)):
        if await follow_invite(sender, services, payload):
            await _greet(sender, message, context)
    elif sender.access is Access.STRANGER:
        text = stranger_text(sender.translator, sender.chat.telegram_id)
        asks = stranger_buttons(sender.translator)
        await sender.reply(text, reply_to=message.message_id, buttons=asks)
    elif not sender.chat.is_private:
        words = group_greeting(sender.translator)
        await sender.reply(words, reply_to=message.message_id)
        await offer_retained(services, sender)
    elif not await _follow(sender, message, context, payload):
        await _greet(sender, message, context)


async def _greet(sender: Sender, message: Message, context: Context) -> None:
    """Welcome somebody alone with the bot."""
    services = context.services
    terms, selling = services.terms_of(sender.person), bool(services.policy.stars_per_credit)
    hello = greeting(sender.translator, services.offer, terms, selling=selling)
    await introduce(services, sender, hello, message.message_id)
    await offer_retained(services, sender)
    if sender.is_admin and sender.person is not None:
        # before this, Telegram knew no chat with them to show the menu in
        await publish_to_admin(context.bot, services, sender.person)


async def _follow(sender: Sender, message: Message, context: Context, payload: str) -> bool:
    """Open what a link leads to; tell whether it leads anywhere."""
    services = context.services
    pages: Mapping[str, Callable[[], Awaitable[None]]] = {
        "quota": partial(quota.quota, sender, message, services),
        "buy": partial(buying.show_packages, sender, services),
        "paysupport": partial(support.explain, sender, services),
        "history": partial(show_history, sender, message, (), services),
        "cancel": partial(show_under_way, sender, services),
        "settings": partial(settings.settings, sender, message, context),
        "mydata": partial(privacy.show_data, sender, message, context),
        "deletemydata": partial(privacy.ask_deletion, sender, message, services),
    }
    if payload.startswith(WHY):
        await show_reason(services, sender, payload)
    elif payload.startswith(LIKE):
        await offer_like(context, sender, message, payload)
    elif payload.startswith(AGAIN):
        await send_again(services, sender, read_number(payload.removeprefix(AGAIN)))
    elif payload in pages:
        await pages[payload]()
    else:
        return False
    return True


async def _claim(sender: Sender, context: Context, payload: str, cause: str) -> None:
    """Make whoever follows the first admin's link one, once and in time."""
    services, _ = context.services, sender.translator.gettext
    if sender.person is None:
        return
    if sender.is_admin:
        text = _("You are an admin of this bot already. /help shows your commands.")
    elif services.first_admin.claim(payload):
        async with services.db.transaction() as tx:
            await people.make_admin(tx, sender.person.id)
            await record(tx, services, sender, cause, "start")
        logger.warning("%s (%d) is admin now, by the link", sender.name, sender.person.id)
        await publish_to_admin(context.bot, services, sender.person)
        text = _(
            "You are an admin of this bot now. /admin shows what is going on, /help your commands."
        )
    else:
        text = _("This link is no longer good. Start the bot again to get a new one.")
    await sender.reply(text)


@router.command("help")
async def show_help(sender: Sender, message: Message, context: Context) -> None:
    """Say what there is to do here."""
    if sender.group and sender.group.asking is Asking.NOBODY:
        off = sender.translator.gettext("I am switched off here. Admins: /settings.")
        await sender.reply(off, reply_to=message.message_id)
        return
    help_, advice = _help(context.services, sender), []
    if not sender.chat.is_private:
        advice = await lacking(context.bot, sender.chat, sender.translator)
    # alone with the bot an answer needs no arrow to its question
    reply_to = None if sender.chat.is_private else message.message_id
    await sender.reply("\n\n".join([help_, *advice]), reply_to=reply_to)


def _help(services: Services, sender: Sender) -> str:
    scope = Scope.EVERYONE
    if sender.chat.is_private:
        scope = Scope.ADMIN if sender.is_admin else Scope.PRIVATE
    support = services.policy.support_contact
    selling, terms = bool(services.policy.stars_per_credit), services.terms_of(sender.person)
    return help_text(sender.translator, services.offer, terms, scope, support, selling=selling)
