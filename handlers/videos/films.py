"""/story: a film's scenes with a still of each; scenes can be removed or remade, the film be sent.

A film is a chain of videos that each continue the one before (`storage.films`). Its buttons carry
the number of one of them; the scenes are read from the database on each tap. The last message that
shows a film is updated when a video is added or deleted. Sending a film costs nothing: it is queued
as a notice (`handlers.replies.notice_sender`).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from generation.orders import quotes, substitutes
from generation.orders.options import Defaults
from generation.orders.quotes import Quote
from handlers.ordering.drafts import OrderDraft, SentPicture, replied_to
from handlers.ordering.placing import place
from handlers.presses import not_yours, pressed_message
from handlers.replies.keyboards import Button, CallbackData, Continue, in_rows, keyboard
from handlers.replies.sending import SendError
from handlers.replies.texts import truncate
from handlers.routing import Router
from handlers.videos.history import draw_stills, show_stills
from handlers.videos.results import layout
from storage import chats, films, generations, notices, people
from storage.films import ShownFilm
from storage.notices import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import CallbackQuery, Message

    from handlers.context import Context, Services
    from handlers.replies.keyboards import ResultButtons
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.chats import Chat
    from storage.database import Connection
    from storage.films import Scene
    from storage.generations import Generation
    from storage.ledger import Account

router = Router()
logger = logging.getLogger(__name__)

_MAX_PROMPT_LENGTH = 40
"""Characters of a prompt in the list, which is the caption of a picture."""


class _ShowFilm(CallbackData, prefix="story"):
    """Show the film a video is in, or what can be done with a scene; scene 0 is the film."""

    video: int
    scene: int = 0


class _RemoveScene(CallbackData, prefix="takeout"):
    video: int
    scene: int


class _RemakeScene(CallbackData, prefix="anew"):
    """Remake a scene of a film, for as many credits as the button says."""

    video: int
    scene: int
    credits: int


class _SendFilm(CallbackData, prefix="film"):
    video: int


def text(scenes: Sequence[Scene], translator: Translator) -> str:
    """List the prompts of a film's scenes, numbered like the buttons."""
    _ = translator.gettext
    if not scenes:
        return _(
            "No film yet. Tap Continue under a video, and what happens next becomes its second "
            "scene."
        )
    if len(scenes) == 1:
        head = _("One scene so far. With the next one it is a film:")
    else:
        length = translator.duration(sum(scene.video.seconds for scene in scenes))
        head = translator.ngettext(
            "Your film: {count} scene, {length}. Tap a number to change that scene.",
            "Your film: {count} scenes, {length}. Tap a number to change that scene.",
            len(scenes),
            length=length,
        )
    lines = [head]
    for number, scene in enumerate(scenes, start=1):
        prompt = truncate(scene.video.prompt, _MAX_PROMPT_LENGTH) or _("(forgotten)")
        lines.append(f"{number}. {prompt}")
    return "\n".join(lines)


def buttons(
    scenes: Sequence[Scene], layout: ResultButtons, translator: Translator
) -> list[list[Button]]:
    """Return a button for each scene, one that adds a scene, and one that sends the film."""
    if not scenes:
        return []
    last, rows = scenes[-1].video, list[list[Button]]()
    if len(scenes) > 1:
        row = [
            Button(str(number), _ShowFilm(last.id, scene.number))
            for number, scene in enumerate(scenes, start=1)
        ]
        rows += in_rows(row, 5)
    if quote := layout.continuation_quote(last):
        label = translator.gettext("🎞 Next scene · {credits}")
        label = label.format(credits=translator.number(quote.credits))
        rows.append([Button(label, Continue(last.id))])
    if len(scenes) > 1:
        send = translator.gettext("🎬 Send the whole film · free")
        rows.append([Button(send, _SendFilm(last.id), style="success")])
    return rows


def _scene_buttons(
    services: Services, scenes: Sequence[Scene], position: int, translator: Translator
) -> list[list[Button]]:
    """Return the buttons that remake or remove a scene; the first has position 0."""
    _, scene, last = translator.gettext, scenes[position], scenes[-1].video.id
    rows = [[Button(_("🗑 Take it out"), _RemoveScene(last, scene.number), style="danger")],
            [Button(_("◀ Back"), _ShowFilm(last))]]  # fmt: skip
    quote = quotes.quote(
        substitutes.repeat_text(scene.video),
        kind="t2v" if position == 0 and scene.video.kind == "t2v" else "i2v",
        offer=services.offer,
        named=services.catalogue.known,
        defaults=Defaults(),
    )
    if isinstance(quote, Quote):
        label = _("🔁 Make scene {number} anew · {credits}").format(
            number=translator.number(position + 1), credits=translator.number(quote.credits)
        )
        rows.insert(0, [Button(label, _RemakeScene(last, scene.number, quote.credits))])
    return rows


def _first_picture(scenes: Sequence[Scene], position: int) -> SentPicture | None:
    """Return the picture a scene begins with: the last frame of the scene before it, if any."""
    scene = scenes[position].video
    if position == 0 or not scenes[position].begins:
        return SentPicture.behind(scene)
    return SentPicture.ending(scenes[position - 1].video)


async def _scenes(services: Services, sender: Sender, video: int | None) -> list[Scene] | None:
    """Return the scenes of the film a video is in, or of the sender's last film if it is None.

    Returns None, and tells the presser, if the video is another person's.
    """
    here = None if sender.chat.is_private else sender.chat.id
    async with services.db.reading() as connection:
        found = (
            await films.latest(connection, sender.account, here)
            if video is None
            else await generations.find(connection, video)
        )
        if found is not None and found.account != sender.account:
            await sender.answer(not_yours(found.account, sender.translator))
            return None
        return await _scenes_in(connection, found, sender.account, sender.chat)


async def _scenes_in(
    connection: Connection, video: Generation | None, account: Account, chat: Chat
) -> list[Scene]:
    """Return the scenes of the film a video is in; in a group only those shown there."""
    scenes = await films.scenes_of(connection, video, account) if video else []
    return [scene for scene in scenes if chat.is_private or scene.video.stands_in(chat.id)]


async def _show(
    services: Services, sender: Sender, scenes: Sequence[Scene], query: CallbackQuery | None = None
) -> None:
    words = text(scenes, sender.translator)
    rows = buttons(scenes, layout(services), sender.translator)
    videos = [scene.video for scene in scenes]
    shown = pressed_message(query)
    sent = await show_stills(services, sender, videos, words, rows, shown=shown)
    if sent.chat is sender.chat:
        await _store_shown(services, sender, sent.message_id, scenes)


async def _store_shown(
    services: Services, sender: Sender, message: int, scenes: Sequence[Scene]
) -> None:
    """Store which message shows the film: it is kept up to date until another one shows it."""
    if scenes:
        videos = [scene.video.id for scene in scenes]
        shown = ShownFilm(sender.account, sender.chat.id, message, videos)
        async with services.db.transaction() as tx:
            await films.show(tx, shown, now=services.clock())


async def refresh_shown_film(services: Services, account: Account) -> None:
    """Update the message that shows an account's film, if the film's scenes changed."""
    async with services.db.reading() as connection:
        shown = await films.shown(connection, account)
        chat = await chats.find(connection, shown.chat) if shown else None
        if shown is None or chat is None:
            return
        person = await people.of_account(connection, account)
        # the first or the last scene may have been deleted
        ends = [await generations.find(connection, shown.videos[at]) for at in (0, -1)]
        found = [await _scenes_in(connection, end, account, chat) for end in ends]
    scenes = max(found, key=len)
    videos = [scene.video for scene in scenes]
    if not scenes or [video.id for video in videos] == shown.videos:
        return
    translator = services.languages.translator(person.language if person else None)
    words, rows = text(scenes, translator), buttons(scenes, layout(services), translator)
    picture = await draw_stills(services, videos)
    try:
        await services.outbox.edit(chat, shown.message, words, rows, picture=picture)
    except SendError as error:
        logger.info("cannot update the message that shows a film: %r", error)
        return
    async with services.db.transaction() as tx:
        after = replace(shown, videos=[video.id for video in videos])
        await films.show(tx, after, now=services.clock())


@router.command("story")
async def show_story(sender: Sender, message: Message, services: Services) -> None:
    """Show the film of the video the message replies to, else the sender's last film."""
    scenes = await _scenes(services, sender, services.video_under(replied_to(message)))
    if scenes is None:
        words = sender.translator.gettext("That video is somebody else's. /story shows your own.")
        await sender.reply(words, reply_to=message.message_id)
        return
    await _show(services, sender, scenes)


@router.button(_ShowFilm)
async def show_scene(
    sender: Sender, press: _ShowFilm, query: CallbackQuery, shown: int | None, services: Services
) -> None:
    """Show the film, or the buttons of one of its scenes."""
    scenes = await _scenes(services, sender, press.video)
    if scenes is None or shown is None:
        return
    await sender.answer()
    position = _position(scenes, press.scene)
    if position is None:
        await _show(services, sender, scenes, query)
    else:
        await _store_shown(services, sender, shown, scenes)
        rows = _scene_buttons(services, scenes, position, sender.translator)
        await sender.outbox.change_buttons(sender.chat, shown, keyboard(rows))


def _position(scenes: Sequence[Scene], number: int) -> int | None:
    return next((at for at, scene in enumerate(scenes) if scene.number == number), None)


@router.button(_RemoveScene)
async def remove_scene(
    sender: Sender, press: _RemoveScene, query: CallbackQuery, shown: int | None, services: Services
) -> None:
    """Remove a scene; the next one then follows the one before."""
    scenes = await _scenes(services, sender, press.video)
    if scenes is None or shown is None:
        return
    left = [scene for scene in scenes if scene.number != press.scene]
    async with services.db.transaction() as tx:
        await films.remove(tx, press.scene, sender.account)
    note = sender.translator.gettext("It is out of the film. The video itself stays.")
    await sender.answer(note)
    again = await _scenes(services, sender, left[-1].video.id) if left else []
    await _show(services, sender, again or [], query)


@router.button(_RemakeScene, orders=True)
async def remake_scene(
    sender: Sender, press: _RemakeScene, shown: int | None, query: CallbackQuery, context: Context
) -> None:
    """Order a scene again, from the last frame of the scene before; the new video replaces it."""
    scenes = await _scenes(context.services, sender, press.video)
    if scenes is None:
        return
    if shown is not None:
        await _store_shown(context.services, sender, shown, scenes)
    position = _position(scenes, press.scene)
    if position is None:
        await sender.answer(sender.translator.gettext("This button is old. Try /story."))
        return
    agreed = min(press.credits, context.services.policy.confirm_credits)
    draft = OrderDraft(
        text=substitutes.repeat_text(scenes[position].video),
        picture=_first_picture(scenes, position),
        origin="press",
        cause=films.retake_cause(press.scene, sender.account),
        message_id=query.message.message_id if query.message else None,
        taps_twice=True,
        agreed=agreed if sender.chat.is_private else 0,
    )
    await place(context, sender, draft)


@router.button(_SendFilm)
async def send_film(
    sender: Sender, press: _SendFilm, query: CallbackQuery, cause: str, services: Services
) -> None:
    """Queue the film to be joined and sent, unless it is queued already."""
    scenes, _ = await _scenes(services, sender, press.video), sender.translator.gettext
    if scenes is None:
        return
    if len(scenes) < 2:  # noqa: PLR2004 - one is no film
        await sender.answer(_("This button is old. Try /story."))
        return
    async with services.db.transaction() as tx:
        owed = await notices.owed(tx, sender.chat.id)
        person = sender.person.id if sender.person else None
        if is_new := not any((one.kind, one.person) == (NoticeKind.FILM, person) for one in owed):
            await notices.owe(
                tx,
                Notice(
                    cause=f"film:{cause}",
                    chat=sender.chat.id,
                    kind=NoticeKind.FILM,
                    facts={"scenes": [scene.video.id for scene in scenes]},
                    thread_id=sender.thread_id,
                    reply_to=query.message.message_id if query.message else None,
                    person=person,
                    generation=scenes[-1].video.id,
                ),
                now=services.clock(),
            )
    services.wake(sender.chat.id)
    await sender.answer(
        _("I put the scenes together. The film comes here in a moment.")
        if is_new
        else _("It is already on its way.")
    )
