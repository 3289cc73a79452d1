"""/history: the last videos, each sent again for nothing, as often as one likes.

And what else came of orders: videos that nobody could receive, and why one was turned down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.commands import read_number
from handlers.replies.keyboards import Button
from handlers.replies.notices import WHY, Resend, in_words
from handlers.replies.sending import Refused
from handlers.replies.texts import caption, shortened
from handlers.routing import Router
from handlers.videos.results import layout
from storage import generations, notices, videos
from storage.generations import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import Message

    from handlers.context import Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.generations import Generation

router = Router()

MOST = 10
"""Videos in the list."""
_PER_ROW = 5
_LONGEST_PROMPT = 60
"""Characters of a prompt in the list: about two lines of a phone."""


def text(videos: Sequence[Generation], translator: Translator) -> str:
    """List videos by their prompts, numbered as their buttons are."""
    if not videos:
        return translator.gettext(
            "No videos yet. Send me an idea or a photo, and your first one will be here."
        )
    lines = [translator.gettext("Tap a number and I send it again, for free:")]
    for number, video in enumerate(videos, start=1):
        prompt = shortened(video.prompt, _LONGEST_PROMPT) or translator.gettext("(forgotten)")
        lines.append(f"{number}. {prompt}")
    return "\n".join(lines)


def buttons(videos: Sequence[Generation]) -> list[list[Button]]:
    """Return a numbered button for each video."""
    row = [Button(str(number), Resend(video.id)) for number, video in enumerate(videos, start=1)]
    return [row[start : start + _PER_ROW] for start in range(0, len(row), _PER_ROW)]


@router.command("history")
async def show_history(sender: Sender, message: Message, services: Services) -> None:
    """List somebody's last videos, and bring what is kept, in private."""
    if not sender.chat.is_private:
        await sender.invite("history", message.message_id)
        return
    found = await videos.finished_of(services.db, sender.account, limit=MOST)
    await sender.reply(text(found, sender.translator), buttons=buttons(found))
    await offer_retained(services, sender)


@router.button(Resend)
async def resend(sender: Sender, press: Resend, services: Services) -> None:
    """Send a video of the presser's own again, by the file Telegram has of it, or a kept one.

    Alone with them: there the buttons stand, and in a group it may be covered, or not be shown.
    """
    async with services.db.reading() as connection:
        video = await generations.find(connection, press.generation)
    own = video is not None and video.account == sender.account and sender.chat.is_private
    if video is not None and own and video.state is State.UNDELIVERABLE:
        await sender.answer(sender.translator.gettext("Here it comes."))
        services.bring(video, sender.chat)
        return
    if video is None or not own or not video.file_id:
        await sender.answer(
            sender.translator.gettext("This is not your video, so you cannot send it.")
        )
        return
    await sender.answer()
    try:
        await sender.outbox.resend(
            sender.chat,
            video.file_id,
            video.file_kind or "video",
            caption(video, sender.translator, ai_label=services.policy.ai_label),
            buttons=layout(services).under(video, sender.translator, in_private=True),
            thread_id=sender.thread_id,
        )
    except Refused:
        await sender.reply(
            sender.translator.gettext("Telegram does not have this video any more. I am sorry.")
        )


async def offer_retained(services: Services, sender: Sender) -> None:
    """Say what is kept for whoever is here again, and send it, free of charge.

    To a person it comes in private. What was asked in the name of a group or a channel
    comes where it was asked: nobody else can be found.
    """
    async with services.db.reading() as connection:
        if not sender.chat.is_private:
            found = await videos.kept_of_nobody(connection, sender.chat.id, now=services.clock())
        else:
            found = await videos.kept_of(connection, sender.account, now=services.clock())
    if not found:
        return
    text = sender.translator.ngettext(
        "I have a video for you that I could not deliver. Here it comes.",
        "I have {count} videos for you that I could not deliver. Here they come.",
        len(found),
    ).format(count=sender.translator.number(len(found)))
    await sender.reply(text)
    for generation in found:
        services.bring(generation, sender.chat)


async def show_reason(services: Services, sender: Sender, payload: str) -> None:
    """Say what the group was not told, to the one who asked, alone with them."""
    number, owed = read_number(payload.removeprefix(WHY)), None
    if number is not None:
        async with services.db.reading() as connection:
            generation = await generations.find(connection, number)
            if generation is not None and generation.account == sender.account:
                owed = await notices.last_about(connection, generation.id)
    if owed is None:
        words = sender.translator.gettext("I have nothing to tell you about that one.")
        await sender.reply(words)
        return
    told = in_words(owed, sender.translator, name=sender.name, link=None)
    await sender.reply(told.text, buttons=told.buttons)
