"""/start and /help: what the bot does, and something to tap at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from handlers.account import introduction, quota, settings
from handlers.commands import Scope
from handlers.context import Access, FirstAdmin
from handlers.membership import lacking
from handlers.ordering import OrderDraft, place
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.notices import WHY
from handlers.routing import Router, stranger
from handlers.videos import offer_retained, show_history, show_reason
from storage import people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import CallbackQuery, Message, Update

    from handlers.context import Context, Sender, Services
    from handlers.replies.texts import Translator

router = Router()


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


@router.command("start")
async def start(
    sender: Sender, message: Message, words: Sequence[str], services: Services, context: Context
) -> None:
    """Welcome somebody, or open what their link leads to."""
    payload = words[0] if words else ""
    if sender.chat.is_private and payload.startswith(FirstAdmin.PREFIX):
        await _claim(sender, context, payload)
    elif sender.access is Access.STRANGER:
        await sender.reply(stranger(sender), reply_to=message.message_id)
    elif not sender.chat.is_private:
        greeting = introduction.group_greeting(sender.translator)
        await sender.reply(greeting, reply_to=message.message_id)
        await offer_retained(services, sender)
    elif payload.startswith(WHY):
        await show_reason(services, sender, payload)
    elif payload == "quota":
        await quota.quota(sender, message, services)
    elif payload == "history":
        await show_history(sender, message, services)
    elif payload == "settings":
        await settings.settings(sender, message, context)
    else:
        await sender.reply(
            introduction.greeting(sender.translator, services.offer, services.terms),
            buttons=_buttons(sender.translator),
        )
        await offer_retained(services, sender)
        if sender.is_admin and sender.person is not None:
            # before this, Telegram knew no chat with them to show the menu in
            await introduction.publish_to_admin(context.bot, services, sender.person)


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
        await introduction.publish_to_admin(context.bot, services, sender.person)
        text = say("You run this bot now. /help has your commands, /stats what is going on.")
    else:
        text = say("This link is no longer good. Start the bot again to get a new one.")
    await sender.reply(text)


@router.command("help")
async def show_help(sender: Sender, message: Message, context: Context) -> None:
    """Say what there is to do here."""
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
    return introduction.help_text(sender.translator, services.offer, services.terms, scope, support)


@router.button(HowItWorks)
async def how_it_works(sender: Sender, services: Services) -> None:
    """Answer the welcome's second button with the help."""
    await sender.answer()
    await sender.reply(_help(services, sender))


@router.button(Surprise, orders=True)
async def surprise(sender: Sender, query: CallbackQuery, update: Update, context: Context) -> None:
    """Order one of our ideas for the presser; another only when that one is done."""
    choices = ideas(sender.translator)
    await place(
        context,
        sender,
        OrderDraft(
            # each tap has its own number, and a repeated one the same
            text=choices[update.update_id % len(choices)],
            picture=None,
            origin="press",
            cause=f"press:surprise:{sender.account.kind}:{sender.account.id}",
            message_id=None,
            tap=query.id,
        ),
    )
