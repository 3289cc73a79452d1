"""/history: somebody's videos page by page, with a still of each on one picture.

A tap sends one again for nothing, goes on from it, or deletes it. And what else came of orders:
videos that nobody could receive, and why one was turned down.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from telegram import Message

from generation.media.formats import MediaError
from generation.media.pictures import BadPicture
from generation.orders.reading import read_number
from handlers.presses import ask_whether
from handlers.replies.keyboards import Button, CallbackData, GoOn, carried_by, in_rows
from handlers.replies.notices import WHY, Resend, in_words
from handlers.replies.sending import Refused
from handlers.replies.texts import caption, shortened
from handlers.routing import Router
from handlers.videos.results import layout
from storage import generations, notices, videos
from storage.generations import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import CallbackQuery

    from handlers.context import Services
    from handlers.replies.keyboards import ResultButtons
    from handlers.replies.outbox import Said
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.generations import Generation

router = Router()

PER_PAGE = 9
"""Videos on a page: three rows of stills."""
_PER_ROW = 5
_LONGEST_PROMPT = 60
"""Characters of a prompt in the list: about two lines of a phone."""
_LONGEST_SEARCH = 24
"""Bytes of the words that are looked for: a button carries them from page to page."""
SHEET_SECONDS = 6.0
"""How long a page waits for its picture."""
_GO_ON, _DELETE = "on", "del"
_QUOTES = "\"'“”„«»「」"

logger = logging.getLogger(__name__)


class ShowVideos(CallbackData, prefix="page"):
    """Show a page of somebody's videos: those before one, those after one, else the newest.

    `act` is what a tap on a number does, "" to send it again; `words` are what the videos were made
    from.
    """

    before: int = 0
    after: int = 0
    act: str = ""
    words: str = ""


class Forget(CallbackData, prefix="forget"):
    """Delete a video from its owner's list."""

    generation: int


@dataclass(frozen=True, slots=True)
class Page:
    """The videos of a page, the newest first, and whether there are newer and older ones."""

    place: ShowVideos
    videos: Sequence[Generation]
    has_newer: bool = False
    has_older: bool = False


def sought(words: Sequence[str]) -> str:
    """Return words as a button carries them, without quotation marks around them.

    Of what is longer, the beginning is looked for.
    """
    bare = (word.strip(_QUOTES) for word in " ".join(words).replace(":", " ").split())
    text = " ".join(filter(None, bare))
    return text.encode()[:_LONGEST_SEARCH].decode(errors="ignore").strip()


def text(page: Page, translator: Translator) -> str:
    """List videos by their prompts, numbered as their buttons are."""
    _, words = translator.gettext, page.place.words
    if not page.videos and words:
        return _("None of your videos was made from “{words}”. /history shows them all.").format(
            words=words
        )
    if not page.videos:
        return _("No videos yet. Send me an idea or a photo, and your first one will be here.")
    lines = [
        {
            _GO_ON: _("Which one should go on from its last frame? The price is beside it:"),
            _DELETE: _("Which one should I delete from your list?"),
        }.get(page.place.act, _("Tap a number and I send it again, for free:"))
    ]
    if words:
        lines.insert(0, _("Made from “{words}”.").format(words=words))
    for number, video in enumerate(page.videos, start=1):
        prompt = shortened(video.prompt, _LONGEST_PROMPT) or _("(forgotten)")
        lines.append(f"{number}. {prompt}")
    return "\n".join(lines)


def buttons(page: Page, layout: ResultButtons, translator: Translator) -> list[list[Button]]:
    """Return a numbered button for each video, to turn pages, and what else a number can do."""
    _, place = translator.gettext, page.place
    row = list[Button]()
    for number, video in enumerate(page.videos, start=1):
        if place.act == _DELETE:
            row.append(Button(f"🗑 {number}", Forget(video.id)))
        elif place.act != _GO_ON:
            row.append(Button(str(number), Resend(video.id)))
        elif quote := layout.going_on(video):
            row.append(Button(f"{number} · {translator.number(quote.credits)}", GoOn(video.id)))
    rows = in_rows(row, _PER_ROW)
    turns = list[Button]()
    if page.has_newer:
        newer = replace(place, before=0, after=page.videos[0].id)
        turns.append(Button(_("◀ Newer"), newer))
    if page.has_older:
        older = replace(place, before=page.videos[-1].id, after=0)
        turns.append(Button(_("Older ▶"), older))
    acts = [Button(_("◀ Back"), replace(place, act=""))]
    if not place.act:
        acts = [
            Button(_("🎞 Continue"), replace(place, act=_GO_ON)),
            Button(_("🗑 Delete"), replace(place, act=_DELETE)),
        ]
    return [*rows, turns, acts] if page.videos else []


async def _read(services: Services, sender: Sender, place: ShowVideos) -> Page:
    """Read a page; one that is empty now is the newest instead."""
    found = await videos.finished_of(
        services.db, sender.account,
        limit=PER_PAGE + 1, before=place.before or None, after=place.after or None,
        words=place.words.split(),
    )  # fmt: skip
    if not found and (place.before or place.after):
        return await _read(services, sender, replace(place, before=0, after=0))
    goes_on = len(found) > PER_PAGE
    if place.after:
        return Page(place, found[-PER_PAGE:], has_newer=goes_on, has_older=True)
    return Page(place, found[:PER_PAGE], has_newer=bool(place.before), has_older=goes_on)


async def stills(services: Services, shown: Sequence[Generation]) -> bytes | None:
    """Draw stills of videos; None where that cannot be had soon: the text says it too."""
    async with services.db.reading() as connection:
        found = await videos.stills_of(connection, shown)
    if not any(found):
        return None
    try:
        async with asyncio.timeout(SHEET_SECONDS):
            return await services.pictures.sheet(found, [video.seconds for video in shown])
    except (BadPicture, MediaError, TimeoutError) as error:
        logger.info("a list of videos shows no picture: %r", error)
        return None


async def show_stills(
    services: Services,
    sender: Sender,
    videos: Sequence[Generation],
    text: str,
    rows: Sequence[Sequence[Button]],
    *,
    shown: Message | None = None,
) -> Said:
    """Show a list of videos below their stills, in a message that shows another where it can."""
    picture = await stills(services, videos)
    standing = None if shown is None else shown.message_id
    if shown is not None and shown.photo and picture is None:
        # its picture shows other videos, and cannot be taken away alone
        await sender.outbox.delete(sender.chat, shown.message_id)
        standing = None
    return await sender.show(text, rows, standing, picture)


async def _show(
    services: Services, sender: Sender, place: ShowVideos, shown: Message | None = None
) -> None:
    """Show a page, in the message that shows another one where that can be changed."""
    page = await _read(services, sender, place)
    rows = buttons(page, layout(services), sender.translator)
    await show_stills(
        services, sender, page.videos, text(page, sender.translator), rows, shown=shown
    )


@router.command("history")
async def show_history(
    sender: Sender, message: Message, words: Sequence[str], services: Services
) -> None:
    """List somebody's videos, or those made from some words, and bring what is kept, in private."""
    if not sender.chat.is_private:
        await sender.invite("history", message.message_id)
        return
    await _show(services, sender, ShowVideos(words=sought(words)))
    await offer_retained(services, sender)


@router.button(ShowVideos)
async def turn(
    sender: Sender, press: ShowVideos, query: CallbackQuery, shown: int | None, services: Services
) -> None:
    """Turn to another page, or to what else a tap on a number does."""
    await sender.answer()
    if sender.chat.is_private:
        await _show(services, sender, press, _message_of(query) if shown else None)


@router.button(Forget)
async def forget(
    sender: Sender,
    press: Forget,
    query: CallbackQuery,
    shown: int | None,
    services: Services,
    *,
    sure: bool,
) -> None:
    """Delete a video of the presser's own from their list, once that is surely meant."""
    _, pages = sender.translator.gettext, carried_by(query.message, ShowVideos)
    if not pages or shown is None or not sender.chat.is_private:
        await sender.answer(_("This button is old. Try /history."))
        return
    if not sure:
        await ask_whether(sender, query, press, _("Yes, delete"))
        return
    async with services.db.transaction() as tx:
        is_gone = await videos.forget(tx, sender.account, press.generation)
    if is_gone:
        services.changed(sender.account)
    await sender.answer(
        _("Deleted here. Where I sent it, it stays until you delete it there.")
        if is_gone
        else _("That one is deleted already."),
        alert=is_gone,
    )
    # the way back of the page that stands there carries it
    await _show(services, sender, pages[-1], _message_of(query))


def _message_of(query: CallbackQuery) -> Message | None:
    return query.message if isinstance(query.message, Message) else None


@router.button(Resend)
async def resend(sender: Sender, press: Resend, services: Services) -> None:
    """Send a video of the presser's own again."""
    await send_again(services, sender, press.generation)


async def send_again(services: Services, sender: Sender, number: int | None) -> None:
    """Send somebody a video of theirs again, by the file Telegram has of it, or a kept one.

    Alone with them: there the buttons stand, and in a group it may be covered, or not be shown.
    """
    _, video = sender.translator.gettext, None
    if number is not None:
        async with services.db.reading() as connection:
            video = await generations.find(connection, number)
    own = video is not None and video.account == sender.account and sender.chat.is_private
    if video is not None and own and video.state is State.UNDELIVERABLE:
        await sender.answer(_("Here it comes."))
        services.bring(video, sender.chat)
        return
    if video is None or not own or not video.file_id:
        say = sender.answer if sender.press else sender.reply
        was_own = video is not None and own and video.state is State.DELIVERED
        await say(
            _("That one is deleted already.")
            if was_own
            else _("This is not your video, so you cannot send it.")
        )
        return
    await sender.answer()
    try:
        still = await sender.outbox.resend(
            sender.chat,
            video.file_id,
            video.file_kind or "video",
            caption(video, sender.translator, ai_label=services.policy.ai_label),
            buttons=layout(services).under(video, sender.translator, in_private=True),
            thread_id=sender.thread_id,
        )
    except Refused:
        await sender.reply(_("Telegram does not have this video any more. I am sorry."))
    else:
        services.db.later(partial(videos.note_still, video=video.id, still=still))


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
