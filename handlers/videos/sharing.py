"""Sharing: post one's own videos in any chat by inline mode, with a button to make a similar one.

Inline mode lists only the sender's own videos.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import InlineQueryResultCachedVideo, InlineQueryResultsButton
from telegram.constants import InlineQueryLimit
from telegram.ext import InlineQueryHandler

from generation.orders import substitutes
from generation.orders.reading import read_number
from handlers.attachments import no_picture
from handlers.ordering.conversation import ask_for_picture
from handlers.ordering.drafts import any_picture_of, draft_of_message
from handlers.ordering.messages import SENT_VIA_BOT
from handlers.ordering.placing import place
from handlers.replies.keyboards import Button, keyboard
from handlers.replies.sending import SendError, translate_errors
from handlers.replies.texts import caption, sanitize, truncate
from handlers.routing import Router
from storage import generations, people, videos
from storage.ledger import Account

if TYPE_CHECKING:
    from telegram import InlineQuery, Message, Update

    from handlers.context import Context, Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.generations import Generation

router = Router()


CACHE_SECONDS = 5
"""How long Telegram caches a list: a new video should be found at once."""
LIKE_PREFIX = "like-"
"""Prefix of the /start payload of a link that makes a similar video; the unique file id follows.

Only people who were sent the file know its unique id.
"""
_MAX_TITLE_LENGTH = 60
"""Characters of a result's title."""


async def answer_inline_query(update: Update, context: Context) -> None:
    """List the sender's own videos, or those whose prompts contain all words of the query."""
    query = update.inline_query
    if query is None:
        return
    services = context.services
    async with services.db.reading() as connection:
        person = await people.find(connection, query.from_user.id)
    language = person.spoken if person else None
    translator = services.languages.translator(language or query.from_user.language_code)
    found = await _find_videos(services, query)
    page = found[: InlineQueryLimit.RESULTS]
    try:
        with translate_errors():
            await query.answer(
                [_result(services, video, translator) for video in page],
                cache_time=CACHE_SECONDS,
                is_personal=True,
                next_offset=str(page[-1].id) if len(found) > len(page) else "",
                button=None if page or query.offset else _new_video_button(translator, query.query),
            )
    except SendError:
        # the next letter the sender types asks again
        return


async def _find_videos(services: Services, query: InlineQuery) -> list[Generation]:
    """Return a page of the sender's videos and one more; `#7`, as Share writes it, is video 7."""
    account, words = Account.person(query.from_user.id), query.query.split()
    is_number = len(words) == 1 and words[0].startswith("#")
    number = read_number(words[0][1:]) if is_number else None
    async with services.db.reading() as connection:
        if await people.any_banned(connection, {account.id}):
            return []
        video = None if number is None else await generations.find(connection, number)
    if number is not None:
        is_own = video is not None and video.account == account and video.file_kind == "video"
        return [video] if video is not None and is_own and video.file_id else []
    return await videos.finished_of(
        services.db,
        account,
        limit=InlineQueryLimit.RESULTS + 1,
        before=read_number(query.offset),
        words=words,
        kind="video",
    )


def _result(
    services: Services, video: Generation, translator: Translator
) -> InlineQueryResultCachedVideo:
    like = list[Button]()
    if video.prompt and video.file_unique_id:
        opens = f"{services.outbox.link}?start={LIKE_PREFIX}{video.file_unique_id}"
        like.append(Button(translator.gettext("🎬 Make one like this"), url=opens))
    return InlineQueryResultCachedVideo(
        id=str(video.id),
        video_file_id=video.file_id or "",
        title=truncate(video.prompt, _MAX_TITLE_LENGTH) or translator.gettext("(forgotten)"),
        caption=caption(video, translator, ai_label=services.policy.ai_label),
        reply_markup=keyboard([like]),
    )


async def offer_like(context: Context, sender: Sender, message: Message, payload: str) -> None:
    """Show a card with a shared video's prompt, or ask for a photo if it was made from one."""
    _, file = sender.translator.gettext, payload.removeprefix(LIKE_PREFIX)
    async with context.services.db.reading() as connection:
        video = await videos.by_file(connection, file)
    if video is None or not video.prompt:
        text = _("I do not know that video any more. Send me an idea or a photo of your own.")
        await sender.reply(text)
    elif video.kind == "i2v":
        # the shape follows from the new photo
        prompt = f"{video.prompt} --model {video.family} --seconds {video.seconds}"
        text = _("“{prompt}”\n\nWhich photo of yours should move like that? Send it here.")
        text = text.format(prompt=sanitize(video.prompt))
        await ask_for_picture(context, sender, message, prompt, text)
    else:
        draft = draft_of_message(message, substitutes.repeat_text(video), None, asks=True)
        await place(context, sender, draft)


def _new_video_button(translator: Translator, words: str) -> InlineQueryResultsButton:
    text = (
        translator.gettext("No video with these words: make one")
        if words.strip()
        else translator.gettext("Nothing here yet: make a video")
    )
    return InlineQueryResultsButton(text, start_parameter="make")


@router.message(SENT_VIA_BOT)
async def explain_shared(sender: Sender, message: Message) -> None:
    """Say in private what a shared video can be used for; ignore it in groups."""
    if not sender.chat.is_private:
        return
    text = sender.translator.gettext(
        "This is a finished video. Reply to it with what should happen, and I make "
        "a new one from its first frame."
    )
    if any_picture_of(message)[0] is None:
        text = no_picture(message, sender.translator)
    await sender.reply(text, reply_to=message.message_id)


router.handlers.append(InlineQueryHandler(answer_inline_query))
