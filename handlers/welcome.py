"""/start and /help: what the bot does, and something to tap at once."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from telegram.ext import CallbackQueryHandler

from handlers import (
    history,
    introduction,
    kept,
    menu,
    orders,
    quota,
    settings,
    why,
)
from handlers.commands import Scope, on
from handlers.first_admin import PREFIX
from handlers.identity import meet
from handlers.pressing import pressed
from handlers.replies.buttons import Button, Press
from handlers.replies.notices import WHY
from handlers.standing import lacking
from handlers.wish import Wish
from storage import people

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from typing import Any

    from telegram import Update
    from telegram.ext import BaseHandler

    from handlers.context import Context, Services
    from handlers.identity import Asker
    from handlers.replies.language import Speech

OPENS: Mapping[str, Callable[[Update, Context], Coroutine[Any, Any, None]]] = MappingProxyType(
    {"quota": quota.quota, "history": history.history, "settings": settings.settings}
)
"""What a link to /start can open: a group's "Open in private"."""


@dataclass(frozen=True, slots=True)
class Surprise(Press):
    """Make a video of an idea of ours."""

    prefix: ClassVar[str] = "surprise"


@dataclass(frozen=True, slots=True)
class HowItWorks(Press):
    """Show the help."""

    prefix: ClassVar[str] = "help"


def ideas(speech: Speech) -> tuple[str, ...]:
    """Return ready-made ideas, for somebody who has none yet."""
    say = speech.gettext
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
    asker = await meet(update, services)
    if asker is None or message is None:
        return
    payload = context.args[0] if context.args else ""
    if asker.chat.is_private and payload.startswith(PREFIX):
        await _claim(asker, context, payload)
    elif (shut_out := await orders.exclusion(services, asker)) is not None:
        if shut_out:
            await _say(services, asker, shut_out)
    elif not asker.chat.is_private:
        await _say(services, asker, introduction.group_greeting(asker.speech), message.message_id)
        await kept.offer(services, asker)
    elif payload.startswith(WHY):
        await why.show(services, asker, payload)
    elif payload in OPENS:
        await OPENS[payload](update, context)
    else:
        await services.outbox.say(
            asker.chat,
            introduction.greeting(asker.speech, services.offer, services.terms),
            buttons=_buttons(asker.speech),
            thread_id=asker.thread_id,
        )
        await kept.offer(services, asker)
        if asker.is_admin and asker.person is not None:
            # before this, Telegram knew no chat with them to show the menu in
            await menu.publish_to_admin(context.bot, services, asker.person)


def _buttons(speech: Speech) -> list[list[Button]]:
    return [
        [
            Button(speech.gettext("🎬 Surprise me"), Surprise()),
            Button(speech.gettext("How it works"), HowItWorks()),
        ]
    ]


async def _claim(asker: Asker, context: Context, payload: str) -> None:
    """Make whoever follows the first admin's link one, once and in time."""
    services, say = context.services, asker.speech.gettext
    if asker.person is None:
        return
    if asker.is_admin:
        text = say("You run this bot already. /help has your commands.")
    elif services.first_admin.claim(payload):
        async with services.db.transaction() as tx:
            await people.make_admin(tx, asker.person.id)
        await menu.publish_to_admin(context.bot, services, asker.person)
        text = say("You run this bot now. /help has your commands, /stats what is going on.")
    else:
        text = say("This link is no longer good. Start the bot again to get a new one.")
    await _say(services, asker, text)


async def show_help(update: Update, context: Context) -> None:
    """Say what there is to do here."""
    services, message = context.services, update.message
    asker = await meet(update, services)
    if asker is None:
        return
    advice = [] if asker.chat.is_private else await lacking(context.bot, asker.chat, asker.speech)
    await _help(services, asker, message.message_id if message else None, advice)


async def _help(
    services: Services, asker: Asker, reply_to: int | None, advice: Sequence[str] = ()
) -> None:
    scope = Scope.EVERYONE
    if asker.chat.is_private:
        scope = Scope.ADMIN if asker.is_admin else Scope.PRIVATE
    support = services.house.support_contact
    text = introduction.help_text(asker.speech, services.offer, services.terms, scope, support)
    text = "\n\n".join([text, *advice])
    # alone with the bot an answer needs no arrow to its question
    await _say(services, asker, text, None if asker.chat.is_private else reply_to)


async def how_it_works(update: Update, context: Context) -> None:
    """Answer the welcome's second button with the help."""
    services, found = context.services, await pressed(update, context, HowItWorks)
    if found is None:
        return
    query, _, asker = found
    await services.outbox.answer(query.id)
    await _help(services, asker, None)


async def surprise(update: Update, context: Context) -> None:
    """Order one of our ideas for the presser; another only when that one is done."""
    found = await pressed(update, context, Surprise)
    if found is None:
        return
    query, _, asker = found
    choices = ideas(asker.speech)
    await orders.place(
        context,
        asker,
        Wish(
            # each tap has its own number, and a repeated one the same
            text=choices[update.update_id % len(choices)],
            picture=None,
            origin="press",
            cause=f"press:surprise:{asker.account.kind}:{asker.account.id}",
            message_id=None,
            tap=query.id,
        ),
    )


async def _say(services: Services, asker: Asker, text: str, reply_to: int | None = None) -> None:
    await services.outbox.say(asker.chat, text, reply_to=reply_to, thread_id=asker.thread_id)


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what answers /start and /help, and the buttons of the welcome."""
    return [
        on("start", start),
        on("help", show_help),
        CallbackQueryHandler(surprise, pattern=Surprise.matches),
        CallbackQueryHandler(how_it_works, pattern=HowItWorks.matches),
    ]
