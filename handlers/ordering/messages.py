"""Message handlers that take orders: /video, /animate, pictures, mentions, replies, plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import MessageEntity
from telegram.ext import filters

from generation.orders import reading
from generation.orders.reading import CHANGE_MARK, apply_change, is_number, options_only
from handlers.attachments import is_image, is_too_large, is_video, no_picture, unsupported
from handlers.ordering import conversation, placing
from handlers.ordering.drafts import (
    SentPicture,
    SmallTalk,
    any_picture_of,
    draft_of_message,
    is_own_message,
    picture_of,
    replied_to,
    shown_by_reply,
    small_talk,
)
from handlers.replies.keyboards import is_from_bot
from handlers.routing import (
    ANY_COMMAND,
    PredicateFilter,
    Router,
    begins_with_command,
    claim_answer,
    command_filter,
    command_in,
    cut,
    strip_bot_calls,
)
from handlers.senders import cause_of
from storage import generations
from storage.cards import CardKind

if TYPE_CHECKING:
    from telegram import Message

    from handlers.attachments import Seen
    from handlers.context import Context, Services
    from handlers.senders import Sender
    from storage.generations import Generation


def _words_beside_mention(message: Message) -> str | None:
    """Return the text without its mention of the bot, or None if it does not address the bot.

    A mention counts at the beginning of a message, and anywhere in a reply to a picture.
    """
    text = message.text or message.caption or ""
    answers_picture = picture_of(shown_by_reply(message)) is not None
    bot = message.get_bot()
    for entity in message.entities or message.caption_entities:
        if entity.offset != 0 and not answers_picture:
            continue
        before, rest = cut(text, entity.offset)
        mention, after = cut(rest, entity.length)
        by_name = entity.type == MessageEntity.MENTION and (
            mention.lower() == f"@{bot.username.lower()}"
        )
        by_id = entity.user is not None and entity.user.id == bot.id
        if by_name or by_id:
            return strip_bot_calls(f"{before}{after}", bot.username)
    return None


def _is_mentioned_in_passing(message: Message) -> bool:
    """Return whether a text mentions the bot between other words: it may not address the bot."""
    text = (message.text or message.caption or "").strip(" \n.,!?…").casefold()
    name = f"@{message.get_bot().username.casefold()}"
    return name in text and not (text.startswith(name) or text.endswith(name))


def _private_words(message: Message) -> str:
    """Return the text or caption of a private message, without a mention of the bot."""
    mentioned = _words_beside_mention(message)
    return (message.text or message.caption or "") if mentioned is None else mentioned


SENT_VIA_BOT = PredicateFilter(
    lambda message: message.via_bot is not None and message.via_bot.id == message.get_bot().id
)
"""Videos shared through the bot's inline mode, also if forwarded again.

They are never orders: the caption is the prompt they were made from.
"""
MENTIONED = PredicateFilter(lambda message: _words_beside_mention(message) is not None)
ANSWERS_THE_BOT = PredicateFilter(lambda message: is_from_bot(message.reply_to_message))
"""In a group, the bot handles only these two and commands; the handler checks whether the message
replied to is an open question."""


def _shows_picture(message: Message) -> bool:
    """Return whether a message has a picture, an image file, or a video to take a frame of.

    A GIF without a caption is a gesture, not an order.
    """
    if message.photo or message.video or message.video_note:
        return True
    if message.animation:
        return message.caption is not None
    file = message.document
    return file is not None and (is_image(file) or is_video(file))


router = Router()
GROUP, PRIVATE = filters.ChatType.GROUPS, filters.ChatType.PRIVATE
WORDS = filters.TEXT & ~ANY_COMMAND
PICTURE = PredicateFilter(_shows_picture)
MEDIA = (
    filters.PHOTO | filters.VIDEO | filters.VIDEO_NOTE | filters.ANIMATION
    | filters.Sticker.ALL | filters.Document.ALL
)  # fmt: skip


@router.command("video")
async def video(sender: Sender, message: Message, context: Context) -> None:
    """Order a video of the words after /video, or of the picture or text it replies to."""
    command, seen = command_in(message), shown_by_reply(message)
    sent, words = _picture_for_video(seen, command[1] if command else "")
    made = await _replied_video(sender, context.services, message)
    if made is not None and sent is None and words:
        await conversation.propose_change(context, sender, message, made, words)
    elif sent is None and seen is not None and is_too_large(seen):
        await _reply_unusable_picture(context, sender, message, seen)
    else:
        await _order_video(context, sender, message, sent, words)


async def _order_video(
    context: Context,
    sender: Sender,
    message: Message,
    sent: SentPicture | None,
    words: str,
    *,
    asks: bool = False,
) -> None:
    """Order a video; without words of its own, put the text replied to on a card."""
    read = reading.read(words)
    if sent is None and small_talk(f"ok {read.prompt}") is SmallTalk.NOTED:
        # "this please": the idea is in the message replied to
        words = words.replace(read.prompt, "")
        read = reading.read(words)
    elif sent is None and (typed := options_only(words)):
        words, read = typed, reading.read(typed)
    idea = "" if sent or read.prompt else conversation.idea_replied_to(message)
    if idea:
        words = f"{idea} {words}".strip()
    if sent is None and not (idea or read.prompt or read.problems):
        await conversation.ask_for_idea(context, sender, message, words)
    else:
        draft = draft_of_message(message, words, sent, asks=asks or bool(idea))
        await placing.place(context, sender, draft)


async def _replied_video(sender: Sender, services: Services, message: Message) -> Generation | None:
    """Return the finished video that a message replies to, if its sender may see it."""
    number = services.video_under(replied_to(message))
    if number is None:
        return None
    async with services.db.reading() as connection:
        video = await generations.find(connection, number)
    if video is None or not video.prompt or (video.kind == "i2v" and video.picture is None):
        # its prompt was deleted, or its picture, without which it would be a different video
        return None
    seen = video.account == sender.account or video.delivered_chat == sender.chat.id
    return video if seen else None


def _picture_for_video(seen: Seen | None, words: str) -> tuple[SentPicture | None, str]:
    """Return the picture for /video: the one replied to; a frame only if no words are given."""
    still = picture_of(seen)
    if still is not None:
        return still, words
    frame, left = any_picture_of(seen, words)
    return (frame, left) if not words or left != words else (None, words)


@router.command("animate")
async def animate(sender: Sender, message: Message, context: Context) -> None:
    """Animate the picture that the command replies to, or the one waiting for words."""
    command, seen = command_in(message), shown_by_reply(message)
    sent, words = any_picture_of(seen, command[1] if command else "")
    card = conversation.question_answered_by(sender, message, context.services.clock())
    if sent is not None:
        await placing.place(context, sender, draft_of_message(message, words, sent))
    elif seen is not None:
        await _reply_unusable_picture(context, sender, message, seen)
    elif card is not None and card.picture is not None:
        await conversation.take_answer(context, sender, message, card, words)
    else:
        await conversation.ask_for_picture(context, sender, message, words)


@router.message(GROUP & MENTIONED & ~ANY_COMMAND, orders=True)
async def mentioned(sender: Sender, message: Message, context: Context) -> None:
    """Order a video of the words beside a mention, or of the picture it replies to."""
    sent, words = any_picture_of(message, _words_beside_mention(message) or "")
    if small_talk(words):
        return
    made = await _replied_video(sender, context.services, message)
    if made is not None and sent is None and words:
        await conversation.propose_change(context, sender, message, made, words)
        return
    if sent is None:
        sent, words = any_picture_of(shown_by_reply(message), words)
    in_passing = _is_mentioned_in_passing(message)
    await _order_video(context, sender, message, sent, words, asks=in_passing)


@router.message(PRIVATE & WORDS, orders=True)
async def private_text(sender: Sender, message: Message, context: Context) -> None:
    """Take plain text as the answer to an open question, else as an idea to confirm.

    In a reply to a video, to a card, or to an earlier idea, the text says what to change. So does
    a text that changes a card (`conversation.card_changed_by`).
    """
    said = _private_words(message)
    if not said:
        await conversation.ask_for_idea(context, sender, message)
        return
    if kind := small_talk(said):
        await conversation.answer_small_talk(context, sender, message, kind)
        return
    now, typed = context.services.clock(), options_only(said)
    card = conversation.question_answered_by(sender, message, now)
    if card is not None:
        if typed and card.kind is CardKind.QUESTION and CHANGE_MARK not in card.prompt:
            typed = f"{card.prompt} {typed}".strip()
            await conversation.ask_for_idea(context, sender, message, typed)
        else:
            await conversation.take_answer(context, sender, message, card, typed or said)
        return
    whole = conversation.join_split_text(sender, said, now) if replied_to(message) is None else None
    if whole is not None:
        sent = SentPicture.on(sender.closed) if sender.closed else None
        await placing.place(context, sender, draft_of_message(message, whole, sent, asks=True))
        return
    made = await _replied_video(sender, context.services, message)
    if made is not None:
        await conversation.propose_change(context, sender, message, made, typed or said)
        return
    seen, card = replied_to(message), conversation.card_changed_by(sender, message, typed, now)
    tapped = card.options if card else ""
    if card is not None:
        sent, before, words = SentPicture.on(card), card.prompt, typed or said
    else:
        by_bot = seen is not None and seen.from_user is not None and seen.from_user.is_bot
        sent, words = any_picture_of(None if by_bot else shown_by_reply(message), said)
        before = "" if sent else conversation.idea_replied_to(message)
        if sent is None and not before and (typed or is_number(words)):
            if typed:
                await conversation.ask_for_idea(context, sender, message, typed)
            else:
                # it may answer a question that takes only buttons or a command
                await conversation.answer_small_talk(context, sender, message, SmallTalk.NOTED)
            return
    words = apply_change(tapped, before, words)
    await placing.place(context, sender, draft_of_message(message, words, sent, asks=True))


@router.message(filters.CAPTION & command_filter(conversation.ORDER_COMMANDS), orders=True)
@router.message(PRIVATE & PICTURE, orders=True)
async def picture(sender: Sender, message: Message, context: Context) -> None:
    """Order the animation of a captioned picture; ask first without words or for a video frame."""
    command, now = command_in(message), context.services.clock()
    if begins_with_command(message) and (
        command is None or command[0] not in conversation.ORDER_COMMANDS
    ):
        await _reply_unknown_caption_command(sender, message)
        return
    sent, words = any_picture_of(message, command[1] if command else _private_words(message))
    if sent is None:
        await _reply_unusable_picture(context, sender, message, message)
        return
    if command is None and small_talk(words):
        words = ""
    card = conversation.question_answered_by(sender, message, now)
    if card is not None and card.picture is None:
        await conversation.take_answer(context, sender, message, card, words, picture=sent)
        return
    is_wordless = not reading.read(options_only(words) or words).prompt
    asks = sender.chat.is_private and command is None and (is_wordless or sent.moves)
    if asks and is_wordless and is_own_message(message):
        words = f"{options_only(words) or words} {conversation.recent_words(sender, now)}".strip()
    await placing.place(context, sender, draft_of_message(message, words, sent, asks=asks))


@router.message(PRIVATE & (filters.Sticker.ALL | filters.ANIMATION), orders=True)
async def sticker_or_gif(sender: Sender, message: Message, context: Context) -> None:
    """Take a sticker or a GIF as the picture that a question asks for; else reject it."""
    card = conversation.question_answered_by(sender, message, context.services.clock())
    sent, words = any_picture_of(message)
    if card is not None and card.wants_picture and sent is not None:
        await conversation.take_answer(context, sender, message, card, words, picture=sent)
    else:
        await unsupported(sender, message, context)


@router.message(GROUP & (WORDS | MEDIA) & ANSWERS_THE_BOT, orders=True, refuses_silently=True)
async def group_answer(sender: Sender, message: Message, context: Context) -> None:
    """Take a reply to a question of the bot in a group; ignore any other reply."""
    card = conversation.question_answered_by(sender, message, context.services.clock())
    if card is None or (message.text is None and card.picture is not None):
        return
    sent, words = any_picture_of(message, message.text or message.caption or "")
    if small_talk(words):
        if sent is None:
            return
        words = ""
    if sent is None and message.text is None:
        await _reply_unusable_picture(context, sender, message, message)
    else:
        await conversation.take_answer(context, sender, message, card, words, picture=sent)


async def _reply_unusable_picture(
    context: Context, sender: Sender, message: Message, seen: Seen
) -> None:
    """Reply why the message has no usable picture, once per album."""
    if not claim_answer(context, cause_of(message)):
        return
    if not await placing.tell_if_refused(context, sender, message.message_id):
        await sender.reply(no_picture(seen, sender.translator), reply_to=message.message_id)


async def _reply_unknown_caption_command(sender: Sender, message: Message) -> None:
    """Reply that captions take only the order commands; nothing is charged."""
    await sender.reply(
        sender.translator.gettext(
            "In the caption of a photo I know only /animate and /video. Write there "
            "what should happen, or send the command as a message of its own."
        ),
        reply_to=message.message_id,
    )
