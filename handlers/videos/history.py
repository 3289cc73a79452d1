"""/history: the sender's videos page by page, sent again, continued or deleted by a tap."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from generation.media.formats import MediaError
from generation.media.pictures import BadPicture
from generation.orders.reading import read_number
from handlers.presses import ask_to_confirm, pressed_message
from handlers.replies.keyboards import Button, CallbackData, Continue, button_data, in_rows
from handlers.replies.notices import WHY_PREFIX, Resend, notice_text
from handlers.replies.sending import Refused
from handlers.replies.texts import caption, truncate
from handlers.routing import Router
from handlers.videos.results import layout
from storage import generations, notices, videos
from storage.generations import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import CallbackQuery, Message

    from handlers.context import Services
    from handlers.replies.keyboards import ResultButtons
    from handlers.replies.outbox import SentMessage
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.generations import Generation

router = Router()

PER_PAGE = 9
"""Videos on a page: three rows of stills."""
_MAX_PROMPT_LENGTH = 60
"""Characters of a prompt in the list: about two lines on a phone."""
_MAX_SEARCH_BYTES = 24
"""Bytes of the search words: the buttons that turn pages carry them."""
STILLS_TIMEOUT = 6.0
"""How long a page waits for its picture, in seconds."""
_CONTINUE, _DELETE = "on", "del"
_QUOTES = "\"'“”„«»「」"

logger = logging.getLogger(__name__)


class ShowVideos(CallbackData, prefix="page"):
    """Show a page of the presser's videos: those before or after a number, else the newest.

    `act` is what a tap on a video does ("" sends it again); `words` are searched for in prompts.
    """

    before: int = 0
    after: int = 0
    act: str = ""
    words: str = ""


class _DeleteVideo(CallbackData, prefix="forget"):
    generation: int


@dataclass(frozen=True, slots=True)
class VideoPage:
    """The videos of a page, newest first, and whether there are newer and older ones."""

    request: ShowVideos
    videos: Sequence[Generation]
    has_newer: bool = False
    has_older: bool = False


def _search_words(words: Sequence[str]) -> str:
    """Return search words without quotation marks, cut to what a button can carry."""
    bare = (word.strip(_QUOTES) for word in " ".join(words).replace(":", " ").split())
    text = " ".join(filter(None, bare))
    return text.encode()[:_MAX_SEARCH_BYTES].decode(errors="ignore").strip()


def text(page: VideoPage, translator: Translator) -> str:
    """List the prompts of videos, numbered like the buttons."""
    _, words = translator.gettext, page.request.words
    if not page.videos and words:
        return _("None of your videos was made from “{words}”. /history shows them all.").format(
            words=words
        )
    if not page.videos:
        return _("No videos yet. Send me an idea or a photo, and your first one will be here.")
    lines = [
        {
            _CONTINUE: _("Which one should go on from its last frame? The price is beside it:"),
            _DELETE: _("Which one should I delete from your list?"),
        }.get(page.request.act, _("Tap a number and I send it again, for free:"))
    ]
    if words:
        lines.insert(0, _("Made from “{words}”.").format(words=words))
    for number, video in enumerate(page.videos, start=1):
        prompt = truncate(video.prompt, _MAX_PROMPT_LENGTH) or _("(forgotten)")
        lines.append(f"{number}. {prompt}")
    return "\n".join(lines)


def buttons(page: VideoPage, layout: ResultButtons, translator: Translator) -> list[list[Button]]:
    """Return a button for each video, then those that turn pages and choose what a tap does."""
    _, request = translator.gettext, page.request
    row = list[Button]()
    for number, video in enumerate(page.videos, start=1):
        if request.act == _DELETE:
            row.append(Button(f"🗑 {number}", _DeleteVideo(video.id)))
        elif request.act != _CONTINUE:
            row.append(Button(str(number), Resend(video.id)))
        elif quote := layout.continuation_quote(video):
            row.append(Button(f"{number} · {translator.number(quote.credits)}", Continue(video.id)))
    rows = in_rows(row, 5)
    turns = list[Button]()
    if page.has_newer:
        newer = replace(request, before=0, after=page.videos[0].id)
        turns.append(Button(_("◀ Newer"), newer))
    if page.has_older:
        older = replace(request, before=page.videos[-1].id, after=0)
        turns.append(Button(_("Older ▶"), older))
    acts = [Button(_("◀ Back"), replace(request, act=""))]
    if not request.act:
        acts = [
            Button(_("🎞 Continue"), replace(request, act=_CONTINUE)),
            Button(_("🗑 Delete"), replace(request, act=_DELETE)),
        ]
    return [*rows, turns, acts] if page.videos else []


async def _read_page(services: Services, sender: Sender, request: ShowVideos) -> VideoPage:
    """Read a page, or the newest page if it is empty now."""
    found = await videos.finished_of(
        services.db, sender.account,
        limit=PER_PAGE + 1, before=request.before or None, after=request.after or None,
        words=request.words.split(),
    )  # fmt: skip
    if not found and (request.before or request.after):
        return await _read_page(services, sender, replace(request, before=0, after=0))
    has_more = len(found) > PER_PAGE
    if request.after:
        return VideoPage(request, found[-PER_PAGE:], has_newer=has_more, has_older=True)
    return VideoPage(request, found[:PER_PAGE], has_newer=bool(request.before), has_older=has_more)


async def draw_stills(services: Services, shown: Sequence[Generation]) -> bytes | None:
    """Draw stills of videos in one picture; None if there are none or drawing fails or is slow."""
    async with services.db.reading() as connection:
        found = await videos.thumbnails_of(connection, shown)
    if not any(found):
        return None
    try:
        async with asyncio.timeout(STILLS_TIMEOUT):
            return await services.pictures.sheet(found, [video.seconds for video in shown])
    except (BadPicture, MediaError, TimeoutError) as error:
        logger.info("cannot draw the stills of a list of videos: %r", error)
        return None


async def show_stills(
    services: Services,
    sender: Sender,
    videos: Sequence[Generation],
    text: str,
    rows: Sequence[Sequence[Button]],
    *,
    shown: Message | None,
) -> SentMessage:
    """Show a list of videos with their stills, in the message `shown` if it can be edited."""
    picture = await draw_stills(services, videos)
    edited = None if shown is None else shown.message_id
    if shown is not None and shown.photo and picture is None:
        # its picture shows other videos, and Telegram cannot remove a picture from a message
        await sender.outbox.delete(sender.chat, shown.message_id)
        edited = None
    return await sender.show(text, rows, edited, picture)


async def _show(
    services: Services, sender: Sender, request: ShowVideos, shown: Message | None = None
) -> None:
    page = await _read_page(services, sender, request)
    rows = buttons(page, layout(services), sender.translator)
    await show_stills(
        services, sender, page.videos, text(page, sender.translator), rows, shown=shown
    )


@router.command("history")
async def show_history(
    sender: Sender, message: Message, words: Sequence[str], services: Services
) -> None:
    """List the sender's videos, or those with the words in their prompts; only in private."""
    if not sender.chat.is_private:
        await sender.invite("history", message.message_id)
        return
    await _show(services, sender, ShowVideos(words=_search_words(words)))
    await send_undelivered(services, sender)


@router.button(ShowVideos)
async def show_page(
    sender: Sender, press: ShowVideos, query: CallbackQuery, shown: int | None, services: Services
) -> None:
    """Show another page, or change what a tap on a video does."""
    await sender.answer()
    if sender.chat.is_private:
        await _show(services, sender, press, pressed_message(query) if shown else None)


@router.button(_DeleteVideo)
async def delete_video(
    sender: Sender,
    press: _DeleteVideo,
    query: CallbackQuery,
    shown: int | None,
    services: Services,
    *,
    sure: bool,
) -> None:
    """Delete a video from the presser's list, once they confirmed it."""
    _, pages = sender.translator.gettext, button_data(query.message, ShowVideos)
    if not pages or shown is None or not sender.chat.is_private:
        await sender.answer(_("This button is old. Try /history."))
        return
    if not sure:
        await ask_to_confirm(sender, query, press, _("Yes, delete"))
        return
    async with services.db.transaction() as tx:
        is_gone = await videos.forget(tx, sender.account, press.generation)
    if is_gone:
        services.update_film(sender.account)
    await sender.answer(
        _("Deleted here. Where I sent it, it stays until you delete it there.")
        if is_gone
        else _("That one is deleted already."),
        alert=is_gone,
    )
    # the last button of the shown page carries the request that goes back to the list
    await _show(services, sender, pages[-1], pressed_message(query))


@router.button(Resend)
async def resend(sender: Sender, press: Resend, services: Services) -> None:
    """Send the presser a video of theirs again."""
    await send_again(services, sender, press.generation)


async def send_again(services: Services, sender: Sender, number: int | None) -> None:
    """Send a video again by its Telegram file id, or deliver it if it was undeliverable.

    Only its owner gets it, and only in private: a group may blur videos or be switched off.
    """
    _, video = sender.translator.gettext, None
    if number is not None:
        async with services.db.reading() as connection:
            video = await generations.find(connection, number)
    is_own = video is not None and video.account == sender.account and sender.chat.is_private
    if video is not None and is_own and video.state is State.UNDELIVERABLE:
        await sender.answer(_("Here it comes."))
        services.deliver_kept(video, sender.chat)
        return
    if video is None or not is_own or not video.file_id:
        respond = sender.answer if sender.press else sender.reply
        was_own = video is not None and is_own and video.state is State.DELIVERED
        await respond(
            _("That one is deleted already.")
            if was_own
            else _("This is not your video, so you cannot send it.")
        )
        return
    await sender.answer()
    try:
        still = await sender.outbox.send_by_id(
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
        services.db.defer(partial(videos.save_thumbnail, video=video.id, thumbnail=still))


async def send_undelivered(services: Services, sender: Sender) -> None:
    """Send the videos that could not be delivered before, free of charge.

    In private the sender gets their own; a group gets those ordered in the name of a group or a
    channel, whose members cannot be told apart.
    """
    async with services.db.reading() as connection:
        if not sender.chat.is_private:
            found = await videos.kept_for_anonymous(
                connection, sender.chat.id, now=services.clock()
            )
        else:
            found = await videos.kept_for(connection, sender.account, now=services.clock())
    if not found:
        return
    text = sender.translator.ngettext(
        "I have a video for you that I could not deliver. Here it comes.",
        "I have {count} videos for you that I could not deliver. Here they come.",
        len(found),
    )
    await sender.reply(text)
    for generation in found:
        services.deliver_kept(generation, sender.chat)


async def show_reason(services: Services, sender: Sender, payload: str) -> None:
    """Tell the requester in private why their request in a group failed."""
    number, notice = read_number(payload.removeprefix(WHY_PREFIX)), None
    if number is not None:
        async with services.db.reading() as connection:
            generation = await generations.find(connection, number)
            if generation is not None and generation.account == sender.account:
                notice = await notices.last_about(connection, generation.id)
    if notice is None:
        words = sender.translator.gettext("I have nothing to tell you about that one.")
        await sender.reply(words)
        return
    words, rows = notice_text(notice, sender.translator, name=sender.name, link=None)
    await sender.reply(words, buttons=rows)
