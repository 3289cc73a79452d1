"""/story: the scenes of a film with a still of each, taken out or made anew, and sent as one video.

A film is the videos that went on from each other (`storage.films`). Its buttons carry one of them,
and its owner's tap reads anew what it is made of now; so does the message itself when a video comes
or goes. Sending it costs nothing; it is owed as a notice is, made and sent in its own time
(`handlers.replies.notice_sender`).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from telegram import Message

from generation.orders import quotes, substitutes
from generation.orders.options import Defaults
from generation.orders.quotes import Quote
from handlers.ordering.drafts import OrderDraft, SentPicture, replied_to
from handlers.ordering.placing import place
from handlers.presses import not_yours
from handlers.replies.keyboards import Button, CallbackData, GoOn, in_rows, keyboard
from handlers.replies.sending import SendError
from handlers.replies.texts import shortened
from handlers.routing import Router
from handlers.videos.history import show_stills, stills
from handlers.videos.results import layout
from storage import chats, films, generations, notices, people
from storage.films import ShownFilm
from storage.notices import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import CallbackQuery

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

_PER_ROW = 5
_LONGEST_PROMPT = 40
"""Characters of a prompt in the list: the words below a picture are few."""


class ShowFilm(CallbackData, prefix="story"):
    """Show the scenes of the film a video is in, or what can be done with one; 0 is none."""

    video: int
    scene: int = 0


class TakeOut(CallbackData, prefix="takeout"):
    """Take a scene out of a film."""

    video: int
    scene: int


class MakeAnew(CallbackData, prefix="anew"):
    """Make a scene of a film anew, for as many credits as the button says."""

    video: int
    scene: int
    credits: int


class SendFilm(CallbackData, prefix="film"):
    """Send the whole film."""

    video: int


def text(scenes: Sequence[Scene], translator: Translator) -> str:
    """List the scenes of a film by their prompts, numbered as their buttons are."""
    _ = translator.gettext
    if not scenes:
        return _(
            "No film yet. Tap Continue under a video, and what happens next becomes its second "
            "scene."
        )
    if len(scenes) == 1:
        head = _("One scene so far. With the next one it is a film:")
    else:
        length = translator.lasts(sum(scene.video.seconds for scene in scenes))
        head = translator.ngettext(
            "Your film: {count} scene, {length}. Tap a number to change that scene.",
            "Your film: {count} scenes, {length}. Tap a number to change that scene.",
            len(scenes),
        ).format(count=translator.number(len(scenes)), length=length)
    lines = [head]
    for number, scene in enumerate(scenes, start=1):
        prompt = shortened(scene.video.prompt, _LONGEST_PROMPT) or _("(forgotten)")
        lines.append(f"{number}. {prompt}")
    return "\n".join(lines)


def buttons(
    scenes: Sequence[Scene], layout: ResultButtons, translator: Translator
) -> list[list[Button]]:
    """Return a numbered button for each scene, one for the next, and one that sends them all."""
    if not scenes:
        return []
    last, rows = scenes[-1].video, list[list[Button]]()
    if len(scenes) > 1:
        row = [
            Button(str(number), ShowFilm(last.id, scene.number))
            for number, scene in enumerate(scenes, start=1)
        ]
        rows += in_rows(row, _PER_ROW)
    if quote := layout.going_on(last):
        label = translator.gettext("🎞 Next scene · {credits}")
        rows.append([Button(label.format(credits=translator.number(quote.credits)), GoOn(last.id))])
    if len(scenes) > 1:
        send = translator.gettext("🎬 Send the whole film · free")
        rows.append([Button(send, SendFilm(last.id), style="success")])
    return rows


def _scene_buttons(
    services: Services, scenes: Sequence[Scene], place: int, translator: Translator
) -> list[list[Button]]:
    """Return what can be done with the scene at a place."""
    _, scene, last = translator.gettext, scenes[place], scenes[-1].video.id
    rows = [[Button(_("🗑 Take it out"), TakeOut(last, scene.number), style="danger")],
            [Button(_("◀ Back"), ShowFilm(last))]]  # fmt: skip
    quote = quotes.quote(
        substitutes.like(scene.video),
        kind="t2v" if place == 0 and scene.video.kind == "t2v" else "i2v",
        offer=services.offer,
        named=services.catalogue.known,
        defaults=Defaults(),
    )
    if isinstance(quote, Quote):
        label = _("🔁 Make scene {number} anew · {credits}").format(
            number=translator.number(place + 1), credits=translator.number(quote.credits)
        )
        rows.insert(0, [Button(label, MakeAnew(last, scene.number, quote.credits))])
    return rows


def _begins_with(scenes: Sequence[Scene], place: int) -> SentPicture | None:
    """Return the picture a scene begins with: the end of the one before it as it is now."""
    scene = scenes[place].video
    if place == 0 or not scenes[place].begins:
        return SentPicture.behind(scene)
    return SentPicture.ending(scenes[place - 1].video)


async def _scenes(services: Services, sender: Sender, video: int | None) -> list[Scene] | None:
    """Return the scenes of the film a video is in, the sender's last film where none is named.

    None where the video is somebody else's.
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
    """Return the scenes of the film a video is in; in a group only what stands there."""
    scenes = await films.scenes_of(connection, video, account) if video else []
    return [scene for scene in scenes if chat.is_private or scene.video.stands_in(chat.id)]


async def _show(
    services: Services, sender: Sender, scenes: Sequence[Scene], query: CallbackQuery | None = None
) -> None:
    shown = query.message if query is not None and isinstance(query.message, Message) else None
    words = text(scenes, sender.translator)
    rows = buttons(scenes, layout(services), sender.translator)
    videos = [scene.video for scene in scenes]
    said = await show_stills(services, sender, videos, words, rows, shown=shown)
    if said.chat is sender.chat:
        await _note(services, sender, said.message_id, scenes)


async def _note(services: Services, sender: Sender, message: int, scenes: Sequence[Scene]) -> None:
    """Remember which message shows a film: it follows the film until the next is shown."""
    if scenes:
        videos = [scene.video.id for scene in scenes]
        shown = ShownFilm(sender.account, sender.chat.id, message, videos)
        async with services.db.transaction() as tx:
            await films.show(tx, shown, now=services.clock())


async def show_as_it_is(services: Services, account: Account) -> None:
    """Show an account's film as it is now where it is shown, if other videos are its scenes."""
    async with services.db.reading() as connection:
        shown = await films.shown(connection, account)
        chat = await chats.find(connection, shown.chat) if shown else None
        if shown is None or chat is None:
            return
        person = await people.of_account(connection, account)
        # either end may have been taken away
        ends = [await generations.find(connection, shown.videos[at]) for at in (0, -1)]
        found = [await _scenes_in(connection, end, account, chat) for end in ends]
    scenes = max(found, key=len)
    videos = [scene.video for scene in scenes]
    if not scenes or [video.id for video in videos] == shown.videos:
        return
    translator = services.languages.translator(person.language if person else None)
    words, rows = text(scenes, translator), buttons(scenes, layout(services), translator)
    picture = await stills(services, videos)
    try:
        await services.outbox.edit(chat, shown.message, words, rows, picture=picture)
    except SendError as error:
        logger.info("a film stays as it is shown: %r", error)
        return
    async with services.db.transaction() as tx:
        after = replace(shown, videos=[video.id for video in videos])
        await films.show(tx, after, now=services.clock())


@router.command("story")
async def show_story(sender: Sender, message: Message, services: Services) -> None:
    """Show the film of the video that is answered, else the last one."""
    scenes = await _scenes(services, sender, services.video_under(replied_to(message)))
    if scenes is None:
        words = sender.translator.gettext("That video is somebody else's. /story shows your own.")
        await sender.reply(words, reply_to=message.message_id)
        return
    await _show(services, sender, scenes)


@router.button(ShowFilm)
async def show(
    sender: Sender, press: ShowFilm, query: CallbackQuery, shown: int | None, services: Services
) -> None:
    """Show the film as it is now, or what can be done with one of its scenes."""
    scenes = await _scenes(services, sender, press.video)
    if scenes is None or shown is None:
        return
    await sender.answer()
    place = _place(scenes, press.scene)
    if place is None:
        await _show(services, sender, scenes, query)
    else:
        await _note(services, sender, shown, scenes)
        rows = _scene_buttons(services, scenes, place, sender.translator)
        await sender.outbox.change_buttons(sender.chat, shown, keyboard(rows))


def _place(scenes: Sequence[Scene], number: int) -> int | None:
    return next((at for at, scene in enumerate(scenes) if scene.number == number), None)


@router.button(TakeOut)
async def take_out(
    sender: Sender, press: TakeOut, query: CallbackQuery, shown: int | None, services: Services
) -> None:
    """Take a scene out; what follows goes on from the one before."""
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


@router.button(MakeAnew, orders=True)
async def make_anew(
    sender: Sender, press: MakeAnew, shown: int | None, query: CallbackQuery, context: Context
) -> None:
    """Make a scene anew from the end of the one before; once it is there, it takes its place."""
    scenes = await _scenes(context.services, sender, press.video)
    if scenes is None:
        return
    if shown is not None:
        await _note(context.services, sender, shown, scenes)
    at = _place(scenes, press.scene)
    if at is None:
        await sender.answer(sender.translator.gettext("This button is old. Try /story."))
        return
    agreed = min(press.credits, context.services.policy.confirm_credits)
    draft = OrderDraft(
        text=substitutes.like(scenes[at].video),
        picture=_begins_with(scenes, at),
        origin="press",
        cause=films.anew(press.scene, sender.account),
        message_id=query.message.message_id if query.message else None,
        taps_twice=True,
        agreed=agreed if sender.chat.is_private else 0,
    )
    await place(context, sender, draft)


@router.button(SendFilm)
async def send_film(
    sender: Sender, press: SendFilm, query: CallbackQuery, cause: str, services: Services
) -> None:
    """Have the film made and sent, once at a time."""
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
