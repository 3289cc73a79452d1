"""/report: tell the operator of a video, who deletes it or bans its sender by a tap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.ext import BaseHandler, CallbackQueryHandler

from handlers.admin import bans
from handlers.commands import on
from handlers.identity import meet
from handlers.replies.keyboards import Again
from handlers.replies.notices import BanAsker, TakeDown
from handlers.replies.outcomes import SendError
from handlers.replies.texts import shortened
from handlers.routing import pressed_by_operator
from storage import chats, generations, people
from storage.admins import Admins
from storage.bans import Ban

if TYPE_CHECKING:
    from aiosqlite import Connection
    from telegram import Message, Update

    from handlers.context import Context, Services
    from handlers.identity import Sender
    from storage.generations import Generation

LONGEST_WORDS = 300
"""Characters of what is said about a video, and of its prompt, that reach the operator."""


def number_of(message: Message | None) -> int | None:
    """Return the number of the video a message of ours shows: the buttons below it carry it.

    Message ids would not do: Telegram gives none for videos it still prepares, and new ones
    to a group that moves.
    """
    if message is None or message.reply_markup is None:
        return None
    if message.from_user is None or message.from_user.id != message.get_bot().id:
        return None
    carried = (
        Again.decode(button.callback_data)
        for row in message.reply_markup.inline_keyboard
        for button in row
    )
    return next((press.generation for press in carried if press is not None), None)


def is_for_another(message: Message) -> bool:
    """Whether a bare /report answers somebody else in a group: other bots know the command too."""
    answered = message.reply_to_message
    if answered is None or answered.forum_topic_created is not None:
        return False
    author = answered.from_user
    ours = author is not None and author.id == message.get_bot().id
    by_name = "@" in (message.text or "").split(maxsplit=1)[0]
    return not ours and not by_name


async def report(update: Update, context: Context) -> None:
    """Pass on what somebody says about a video of ours, once each."""
    message, services = update.message, context.services
    sender = await meet(update, services)
    if message is None or sender is None:
        return
    if not sender.chat.is_private and is_for_another(message):
        return
    number = number_of(message.reply_to_message)
    async with services.db.reading() as connection:
        video = await generations.find(connection, number) if number else None
    say = sender.translator.gettext
    if video is None:
        text = say("Answer one of my videos with /report, and say what is wrong with it.")
    elif not await _pass_on(services, sender, video, " ".join(context.args or [])):
        text = say("Thank you. Nobody runs me yet whom I could tell.")
    elif sender.chat.is_private:
        text = say("Thank you for telling me. Whoever runs this bot knows it now.")
    else:
        text = say("Thank you, passed on.")
    await services.outbox.say(
        sender.chat, text, reply_to=message.message_id, thread_id=sender.thread_id
    )


async def _pass_on(services: Services, sender: Sender, video: Generation, words: str) -> bool:
    """Owe every admin word of it; tell whether there is one."""
    async with services.db.transaction() as tx:
        told = await Admins(services.policy.admin_ids).notify(
            tx,
            "reported",
            cause=f"report:{video.id}:{sender.account.kind}:{sender.account.id}",
            now=services.clock(),
            generation=video.id,
            place=None if sender.chat.is_private else sender.chat.title,
            reporter=_called(sender.name, sender.person.id if sender.person else None),
            owner=await _owner(tx, video),
            by_person=video.account.is_person,
            words=shortened(words, LONGEST_WORDS),
            prompt=shortened(video.prompt, LONGEST_WORDS),
        )
    for chat in told:
        services.wake(chat)
    return bool(told)


async def _owner(tx: Connection, video: Generation) -> str:
    if video.account.is_person:
        person = await people.find(tx, video.account.id)
        return _called(person.name if person else "", video.account.id)
    chat = await chats.find(tx, video.account.id)
    return _called(chat.title, chat.telegram_id) if chat else ""


def _called(name: str, number: int | None) -> str:
    """Write somebody's name and the number that /ban and /grant take."""
    return f"{name} ({number})" if number is not None else name


async def take_down(update: Update, context: Context) -> None:
    """Delete a reported video for an operator."""
    found, services = await pressed_by_operator(update, context, TakeDown), context.services
    if found is None:
        return
    query, press, sender = found
    deleted, say = await _is_deleted(services, press.generation), sender.translator.gettext
    note = (
        say("Deleted.")
        if deleted
        else say("I could not delete it. It is gone already, over two days old, or out of reach.")
    )
    await services.outbox.answer(query.id, note, alert=not deleted)


async def _is_deleted(services: Services, number: int) -> bool:
    """Delete a video where it was sent; tell whether Telegram did."""
    async with services.db.reading() as connection:
        video = await generations.find(connection, number)
        if video is None or video.delivered_chat is None or not video.delivered_message:
            return False
        place = await chats.find(connection, video.delivered_chat)
    if place is None:
        return False
    try:
        await services.outbox.take_away(place, video.delivered_message)
    except SendError:
        return False
    return True


async def ban_asker(update: Update, context: Context) -> None:
    """Ban who asked for a reported video, for an operator."""
    found, services = await pressed_by_operator(update, context, BanAsker), context.services
    if found is None:
        return
    query, press, sender = found
    async with services.db.reading() as connection:
        video = await generations.find(connection, press.generation)
    if video is None or not video.account.is_person:
        await services.outbox.answer(query.id, sender.translator.gettext("There is nobody to ban."))
        return
    shut_out = Ban(
        telegram_id=video.account.id,
        by=query.from_user.id,
        at=services.clock(),
        reason=f"/report #{video.id}",
    )
    cause = f"update:{update.update_id}"
    text = await bans.carry_out(context, shut_out, cause, sender.translator)
    await services.outbox.answer(query.id, text, alert=True)


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what answers /report, and the buttons of what it sends."""
    return [
        on("report", report),
        CallbackQueryHandler(take_down, pattern=TakeDown.matches),
        CallbackQueryHandler(ban_asker, pattern=BanAsker.matches),
    ]
