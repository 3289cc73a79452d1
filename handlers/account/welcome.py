"""/start and /help: what the bot does, and something to tap at once."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from telegram.ext import CallbackQueryHandler

from handlers.account import introduction, menu, quota, settings
from handlers.admin.first_admin import PREFIX
from handlers.commands import Scope, on
from handlers.groups.standing import lacking
from handlers.identity import meet
from handlers.ordering import placing
from handlers.ordering.drafts import Wish
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.notices import WHY
from handlers.routing import pressed
from handlers.videos import history, reasons, retained
from storage import people

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from typing import Any

    from telegram import Update
    from telegram.ext import BaseHandler

    from handlers.context import Context, Services
    from handlers.identity import Sender
    from handlers.replies.language import Translator

OPENS: Mapping[str, Callable[[Update, Context], Coroutine[Any, Any, None]]] = MappingProxyType(
    {"quota": quota.quota, "history": history.history, "settings": settings.settings}
)
"""What a link to /start can open: a group's "Open in private"."""


@dataclass(frozen=True, slots=True)
class Surprise(CallbackData):
    """Make a video of an idea of ours."""

    prefix: ClassVar[str] = "surprise"


@dataclass(frozen=True, slots=True)
class HowItWorks(CallbackData):
    """Show the help."""

    prefix: ClassVar[str] = "help"


def ideas(translator: Translator) -> tuple[str, ...]:
    """Return ready-made ideas, for somebody who has none yet."""
    say = translator.gettext
    return (
        say("A cat captains a tiny sailing boat through a bathtub storm, warm evening light"),
        say("A paper city unfolds out of an old book, lanterns light up one after another"),
        say("A snail races across a rainy garden leaf, filmed like a car commercial"),
        say("A lighthouse on a cloud guides hot-air balloons home at sunrise"),
        say("Two robots share an umbrella at a tram stop, soft rain, city lights"),
        say("A whale made of stars swims slowly over a sleeping mountain village"),
    )


async def start(update: Update, context: Context) -> None:
    """Welcome somebody, or open what their link leads to."""
    services, message = context.services, update.message
    sender = await meet(update, services)
    if sender is None or message is None:
        return
    payload = context.args[0] if context.args else ""
    if sender.chat.is_private and payload.startswith(PREFIX):
        await _claim(sender, context, payload)
    elif (shut_out := await placing.exclusion(services, sender)) is not None:
        if shut_out:
            await _say(services, sender, shut_out)
    elif not sender.chat.is_private:
        await _say(
            services, sender, introduction.group_greeting(sender.translator), message.message_id
        )
        await retained.offer(services, sender)
    elif payload.startswith(WHY):
        await reasons.show(services, sender, payload)
    elif payload in OPENS:
        await OPENS[payload](update, context)
    else:
        await services.outbox.say(
            sender.chat,
            introduction.greeting(sender.translator, services.offer, services.terms),
            buttons=_buttons(sender.translator),
            thread_id=sender.thread_id,
        )
        await retained.offer(services, sender)
        if sender.is_admin and sender.person is not None:
            # before this, Telegram knew no chat with them to show the menu in
            await menu.publish_to_admin(context.bot, services, sender.person)


def _buttons(translator: Translator) -> list[list[Button]]:
    return [
        [
            Button(translator.gettext("🎬 Surprise me"), Surprise()),
            Button(translator.gettext("How it works"), HowItWorks()),
        ]
    ]


async def _claim(sender: Sender, context: Context, payload: str) -> None:
    """Make whoever follows the first admin's link one, once and in time."""
    services, say = context.services, sender.translator.gettext
    if sender.person is None:
        return
    if sender.is_admin:
        text = say("You run this bot already. /help has your commands.")
    elif services.first_admin.claim(payload):
        async with services.db.transaction() as tx:
            await people.make_admin(tx, sender.person.id)
        await menu.publish_to_admin(context.bot, services, sender.person)
        text = say("You run this bot now. /help has your commands, /stats what is going on.")
    else:
        text = say("This link is no longer good. Start the bot again to get a new one.")
    await _say(services, sender, text)


async def show_help(update: Update, context: Context) -> None:
    """Say what there is to do here."""
    services, message = context.services, update.message
    sender = await meet(update, services)
    if sender is None:
        return
    advice = (
        [] if sender.chat.is_private else await lacking(context.bot, sender.chat, sender.translator)
    )
    await _help(services, sender, message.message_id if message else None, advice)


async def _help(
    services: Services, sender: Sender, reply_to: int | None, advice: Sequence[str] = ()
) -> None:
    scope = Scope.EVERYONE
    if sender.chat.is_private:
        scope = Scope.ADMIN if sender.is_admin else Scope.PRIVATE
    support = services.policy.support_contact
    text = introduction.help_text(sender.translator, services.offer, services.terms, scope, support)
    text = "\n\n".join([text, *advice])
    # alone with the bot an answer needs no arrow to its question
    await _say(services, sender, text, None if sender.chat.is_private else reply_to)


async def how_it_works(update: Update, context: Context) -> None:
    """Answer the welcome's second button with the help."""
    services, found = context.services, await pressed(update, context, HowItWorks)
    if found is None:
        return
    query, _, sender = found
    await services.outbox.answer(query.id)
    await _help(services, sender, None)


async def surprise(update: Update, context: Context) -> None:
    """Order one of our ideas for the presser; another only when that one is done."""
    found = await pressed(update, context, Surprise)
    if found is None:
        return
    query, _, sender = found
    choices = ideas(sender.translator)
    await placing.place(
        context,
        sender,
        Wish(
            # each tap has its own number, and a repeated one the same
            text=choices[update.update_id % len(choices)],
            picture=None,
            origin="press",
            cause=f"press:surprise:{sender.account.kind}:{sender.account.id}",
            message_id=None,
            tap=query.id,
        ),
    )


async def _say(services: Services, sender: Sender, text: str, reply_to: int | None = None) -> None:
    await services.outbox.say(sender.chat, text, reply_to=reply_to, thread_id=sender.thread_id)


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what answers /start and /help, and the buttons of the welcome."""
    return [
        on("start", start),
        on("help", show_help),
        CallbackQueryHandler(surprise, pattern=Surprise.matches),
        CallbackQueryHandler(how_it_works, pattern=HowItWorks.matches),
    ]
