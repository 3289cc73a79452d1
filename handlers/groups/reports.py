"""/report: members report a video to the admins, who can delete it or ban its requester."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.admin.access import apply_ban
from handlers.admin.records import record
from handlers.ordering.drafts import replied_to
from handlers.replies.keyboards import is_from_bot
from handlers.replies.notices import BanRequester, TakeDown
from handlers.replies.sending import SendError
from handlers.replies.texts import N_, sanitize, truncate
from handlers.routing import Router
from storage import DAY_SECONDS, chats, generations, people, videos
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import Message

    from handlers.context import Context, Services
    from handlers.senders import Sender
    from storage.database import Connection
    from storage.generations import Generation
    from storage.ledger import Account

router = Router()

MAX_REPORTS_A_DAY = 10
"""Videos one person may report in a day."""
MAX_QUOTE_LENGTH = 300
"""Characters of the report, and of the video's prompt, that the admins see."""


def _is_for_another_bot(message: Message) -> bool:
    """Whether a /report without our name replies to another sender: other bots have it too."""
    replied, is_addressed = replied_to(message), "@" in (message.text or "").split(maxsplit=1)[0]
    return replied is not None and not is_from_bot(replied) and not is_addressed


@router.command("report")
async def report(
    sender: Sender, message: Message, words: Sequence[str], services: Services
) -> None:
    """Pass a report of a video on to the admins, once for each sender and video."""
    video = await _find_video(services, message.reply_to_message)
    if video is None and not sender.chat.is_private and _is_for_another_bot(message):
        return
    if video is not None and (replied := message.reply_to_message) is not None:
        await _store_message_id(services, sender, video, replied)
    _ = sender.translator.gettext
    if video is None:
        text = _("Reply to one of my videos with /report, and say what is wrong with it.")
    elif (is_told := await _notify_admins(services, sender, video, " ".join(words))) is None:
        text = _("You reported often today. Please try again tomorrow.")
    elif not is_told:
        text = _("Thank you. This bot has no admin yet, so I could not pass it on.")
    elif sender.chat.is_private:
        text = _("Thank you. The owner of this bot has been told.")
    else:
        text = _("Thank you, I passed it on.")
    await sender.reply(text, reply_to=message.message_id)


async def _store_message_id(
    services: Services, sender: Sender, video: Generation, seen: Message
) -> None:
    """Store the id of the message that shows a video, if Telegram did not return it at once."""
    is_shown_here = (
        services.video_under(seen) == video.id and video.delivered_chat == sender.chat.id
    )
    if is_shown_here and video.delivered_message == 0:
        async with services.db.transaction() as tx:
            await generations.update(tx, video.id, delivered_message=seen.message_id)


async def _find_video(services: Services, message: Message | None) -> Generation | None:
    """Return the video of a message: one of ours, or a copy of it."""
    if message is None:
        return None
    number = services.video_under(message)
    file = message.video or message.animation or message.document
    async with services.db.reading() as connection:
        if number is not None:
            return await generations.find(connection, number)
        return await videos.by_file(connection, file.file_unique_id) if file else None


async def _notify_admins(
    services: Services, sender: Sender, video: Generation, words: str
) -> bool | None:
    """Owe every admin a notice; return whether there is an admin, None if reported too often."""
    admins, now = services.admins, services.clock()
    about = f"report:{sender.account}:"
    cause = f"{about}{video.id}"
    async with services.db.transaction() as tx:
        reports = await admins.times_told(tx, about, since=now - DAY_SECONDS)
        if reports >= MAX_REPORTS_A_DAY and not await admins.were_told(tx, cause):
            return None
        told = await admins.notify(
            tx,
            NoticeKind.REPORTED,
            cause=cause,
            now=now,
            generation=video.id,
            place=None if sender.chat.is_private else sanitize(sender.chat.title),
            reporter=await _name_and_id(tx, sender.account),
            owner=await _name_and_id(tx, video.account),
            by_person=video.account.is_person,
            words=sanitize(truncate(words, MAX_QUOTE_LENGTH)),
            prompt=sanitize(truncate(video.prompt, MAX_QUOTE_LENGTH)),
        )
    return bool(told)


async def _name_and_id(tx: Connection, account: Account) -> str:
    """Return a name with the id that /ban and /grant take."""
    if account.is_person:
        return sanitize(await people.name_and_id(tx, account.id))
    chat = await chats.find(tx, account.id)
    return f"{sanitize(chat.title)} ({chat.telegram_id})" if chat else ""


@router.button(TakeDown, admins=True, confirm_label=N_("Yes, delete"))
async def take_down(sender: Sender, press: TakeDown, cause: str, services: Services) -> None:
    """Delete a reported video; its requester cannot have it sent again either."""
    is_deleted, _ = await _delete_message(services, press.generation), sender.translator.gettext
    async with services.db.transaction() as tx:
        video = await generations.update(tx, press.generation, file_id=None)
        if video is not None:
            whom = video.account.id if video.account.is_person else None
            details = f"#{video.id}"
            await record(tx, services, sender, cause, "delete", whom=whom, details=details)
    note = (
        _("Deleted.")
        if is_deleted
        else _("I could not delete it. It is gone already, over two days old, or out of reach.")
    )
    await sender.answer(note, alert=not is_deleted)


async def _delete_message(services: Services, number: int) -> bool:
    """Delete the message of a video; return whether Telegram did."""
    async with services.db.reading() as connection:
        video = await generations.find(connection, number)
        if video is None or video.delivered_chat is None or not video.delivered_message:
            return False
        place = await chats.find(connection, video.delivered_chat)
    if place is None or video.changed_at < place.moved_at:
        return False
    try:
        await services.outbox.delete_or_raise(place, video.delivered_message)
    except SendError:
        return False
    return True


@router.button(BanRequester, admins=True, confirm_label=N_("Yes, ban"))
async def ban_requester(sender: Sender, press: BanRequester, cause: str, context: Context) -> None:
    """Ban the requester of a video that was reported or refused."""
    async with context.services.db.reading() as connection:
        video = await generations.find(connection, press.generation)
    if video is None or not video.account.is_person:
        await sender.answer(sender.translator.gettext("There is nobody to ban here."))
        return
    text = await apply_ban(context, sender, video.account.id, cause, f"#{video.id}")
    await sender.answer(text, alert=True)
