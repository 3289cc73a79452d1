"""Questions and cards: what is open between the bot and somebody, and what ends it.

At most one is open between an account and a chat. Whatever its owner writes next closes it: that
is done where a sender is met (`senders.meet`), for every message, and only the message that
closed a question can be its answer. An answer is an order of its own.

Only an order costs: a command with its words, a picture with words of its own, the answer to a
question, a tap on a price. All else is asked about first, on a card: plain words alone with the
bot, what was forwarded or is part of an album, the frame of a video, somebody else's text, what
should be different in a video, plain words that were read as options, what may go on in the next
message. Small talk and what has no letter in it order nothing at all. An edit orders nothing
either: the card follows it while it is open (`senders.EditedCard`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from telegram.ext import filters

from generation.orders import substitutes
from generation.orders.reading import CHANGE, changed, read, unspoken
from handlers.ordering import placing
from handlers.ordering.drafts import (
    MAX_MESSAGE_LENGTH,
    SentPicture,
    SmallTalk,
    draft_of_message,
    replied_to,
)
from handlers.ordering.order_card import Drop, show_card
from handlers.replies.keyboards import Button, handing_out, is_ours
from handlers.replies.texts import utf16_length
from handlers.routing import Router, begins_with_command, command_in
from handlers.senders import cause_of
from storage import cards
from storage.cards import CardKind, Draft

if TYPE_CHECKING:
    from telegram import Message

    from handlers.context import Context
    from handlers.senders import Sender
    from storage.cards import Card
    from storage.generations import Generation

router = Router()

ORDER_COMMANDS = frozenset({"animate", "video"})
"""The commands a picture's caption may begin with."""

UNMARKED_ANSWER_SECONDS = 900.0
"""How long a question waits for an answer that is not marked as one."""
SURE_ANSWER_SECONDS = 120.0
"""How long such an answer is surely one; later it is asked about before it is charged."""
JUST_NOW_SECONDS = 10.0
"""How long before a picture its words may come, or the first part of a text before its second."""
MAX_COMMAND_LENGTH = 40
"""Characters of a command and of its bot's name, before the words in the first of two parts."""


def idea_replied_to(message: Message) -> str:
    """Return the words of another message that this one answers, or the part of them it quotes."""
    seen = replied_to(message)
    if message.quote is not None:
        return message.quote.text
    if seen is None or is_ours(seen):
        return ""
    command = command_in(seen)
    if command is not None or begins_with_command(seen):
        return command[1] if command is not None and command[0] in ORDER_COMMANDS else ""
    return seen.text or seen.caption or ""


async def ask_for_idea(context: Context, sender: Sender, message: Message, typed: str = "") -> None:
    """Ask what the video should show, keeping the options said; the answer is the order."""
    await _ask_question(context, sender, _question(sender, message, CardKind.QUESTION, typed),
               sender.translator.gettext("What should we see?"),
               sender.translator.gettext("a cat on a sailing boat"))  # fmt: skip


async def ask_for_picture(
    context: Context, sender: Sender, message: Message, words: str, text: str = ""
) -> None:
    """Ask for the picture to bring to life, keeping the words that came before it."""
    text = text or (
        sender.translator.gettext("And the photo? Send it here.")
        if words
        else sender.translator.gettext(
            "Which photo? Send it here, and write under it what should happen."
        )
    )
    await _ask_question(context, sender, _question(sender, message, CardKind.PICTURE, words), text,
               sender.translator.gettext("attach a photo"))  # fmt: skip


async def ask_for_change(
    context: Context, sender: Sender, video: Generation, *, cause: str
) -> None:
    """Ask what should be different in a video; all else stays as it was, unless the words say so.

    Its own words are there to be edited or copied.
    """
    _ = sender.translator.gettext
    draft = Draft(
        cause=cause,
        kind=CardKind.QUESTION,
        chat=sender.chat.id,
        thread_id=sender.thread_id,
        account=sender.account,
        message_id=None,
        prompt=f"{substitutes.typed(video)}{CHANGE}{video.prompt}",
        picture=video.picture,
        picture_by=video.picture_by,
    )
    text = _("What should be different? Write that, or write the whole idea again:\n\n{prompt}")
    await _ask_question(context, sender, draft, text.format(prompt=video.prompt), _("at night"),
               handed=video.prompt)  # fmt: skip


async def propose_change(
    context: Context, sender: Sender, message: Message, video: Generation, words: str
) -> None:
    """Put on a card what words that answer a video would make of it."""
    text = changed(substitutes.typed(video), video.prompt, words)
    draft = draft_of_message(message, text, SentPicture.behind(video), asks=True)
    await placing.place(context, sender, draft)


def _question(sender: Sender, message: Message, kind: CardKind, words: str) -> Draft:
    return Draft(
        cause=cause_of(message),
        kind=kind,
        chat=sender.chat.id,
        thread_id=sender.thread_id,
        account=sender.account,
        message_id=message.message_id,
        prompt=words,
    )


async def _ask_question(
    context: Context, sender: Sender, draft: Draft, text: str, hint: str, *, handed: str = ""
) -> None:
    """Ask a question; words that are `handed` out can be copied.

    In a group, where an answer must be marked as one, the client opens it; alone with the bot
    there is a button instead that takes the question back: Telegram shows one of the two.
    """
    services = context.services
    if await placing.tell_if_refused(context, sender, draft.message_id):
        return
    async with services.db.transaction() as tx:
        card, replaced = await cards.ask(tx, draft, now=services.clock())
        if sender.edited is not None:
            card = await cards.write(tx, card.id, draft) or card
    await sender.take_away(replaced)
    if sender.chat.is_private:
        cancel = Button(sender.translator.gettext("Cancel"), Drop(card.id))
        inline = services.outbox.shares
        copied = handing_out(card.id, handed, sender.translator, inline=inline)
        await show_card(services, sender, card, text, buttons=[copied, [cancel]])
    else:
        await show_card(services, sender, card, text, ask=hint)


def question_answered_by(sender: Sender, message: Message, now: float) -> Card | None:
    """Return the question that a message answers, if it answers one.

    An answer is marked as one, to the question or to the photo it is about; alone with the bot,
    what is said soon after a question answers it too.
    """
    card, reply = sender.closed, replied_to(message)
    if card is None or not card.is_question:
        return None
    if reply is not None:
        about = card.picture is not None and reply.message_id == card.message_id
        return card if about or reply.message_id == card.card_message else None
    fresh = sender.edited is not None or now - card.created_at <= UNMARKED_ANSWER_SECONDS
    return card if sender.chat.is_private and fresh else None


async def take_answer(
    context: Context,
    sender: Sender,
    message: Message,
    card: Card,
    words: str,
    *,
    picture: SentPicture | None = None,
) -> None:
    """Take a message as the answer to a question: its words, its picture, or both."""
    typed, is_change, before = card.prompt.partition(CHANGE)
    if card.asks_what_follows:
        # the next scene has words of its own; where only options are said, it just goes on
        is_change = "" if read(words).prompt else is_change
        words = f"{typed} {before} {words}" if is_change else f"{typed} {words}"
    elif is_change:
        words = changed(typed, before, words)
    else:
        words = f"{card.prompt} {words}"
    # what was tapped before the words came
    words = f"{unspoken(card.options, words)} {words}".strip()
    if card.wants_picture and picture is None:
        await ask_for_picture(context, sender, message, words)
        return
    passed = context.services.clock() - card.created_at
    sure = not is_change and (replied_to(message) is not None or passed <= SURE_ANSWER_SECONDS)
    # of a video that answers another question, nobody said that its frame is meant
    if picture is not None and picture.moves and card.kind is CardKind.QUESTION:
        sure = False
    draft = draft_of_message(message, words, picture or SentPicture.on(card), asks=not sure)
    if card.kind is CardKind.PICTURE and card.picture is not None:
        # the video answers the photo, not the words for it
        draft = replace(draft, message_id=card.message_id)
    # a photo that waited for its words was shown with its cut
    saw_cut = card.kind is CardKind.PICTURE and picture is None
    await placing.place(context, sender, replace(draft, answers=card.id, saw_cut=saw_cut))


def recent_words(sender: Sender, now: float) -> str:
    """Return the words that stood on a card until a picture closed it, if they came just now."""
    card = sender.closed
    if card is None or card.kind is not CardKind.PROMPT:
        return ""
    return card.prompt if now - card.created_at < JUST_NOW_SECONDS else ""


def join_split_text(sender: Sender, said: str, now: float) -> str | None:
    """Return a text that a client cut in two, for Telegram takes 4096 characters, as one.

    None where what was said just before is no such beginning. Where the cut fell on a blank,
    nobody can tell.
    """
    card = sender.closed
    if card is None or card.is_question or card.kind is CardKind.QUESTION:
        return None
    soon = sender.edited is not None or now - card.created_at < JUST_NOW_SECONDS
    begun = utf16_length(card.prompt)
    whole = begun + utf16_length(said)
    if (
        not soon
        or begun <= MAX_MESSAGE_LENGTH // 2
        or whole < MAX_MESSAGE_LENGTH - MAX_COMMAND_LENGTH
    ):
        return None
    return f"{card.prompt}{'' if begun >= MAX_MESSAGE_LENGTH else ' '}{said}"


async def answer_small_talk(
    context: Context, sender: Sender, message: Message, kind: SmallTalk
) -> None:
    """Say something kind to what is no order; a card that was only praised is put up again."""
    if sender.edited is not None:
        return
    _, card = sender.translator.gettext, sender.closed
    if (
        kind is SmallTalk.NOTED
        and card is not None
        and not (card.wants_picture or card.kind is CardKind.QUESTION)
    ):
        draft = draft_of_message(message, card.text, SentPicture.on(card), asks=True)
        await placing.place(context, sender, replace(draft, message_id=card.message_id))
        return
    text = {
        SmallTalk.NO: _("All right. To cancel a video, send /cancel."),
        SmallTalk.THANKS: _("You're welcome!"),
        SmallTalk.HELLO: _("Hello! Send me an idea or a photo, and I make a video of it."),
        SmallTalk.NOTED: _("🙂 Send me an idea or a photo whenever you like."),
    }[kind]
    if kind is SmallTalk.NO and card is not None:
        text = _("All right, nothing was charged.")
    await sender.reply(text)


@router.message(filters.UpdateType.EDITED_MESSAGE, orders=True, overheard=True)
async def edited(sender: Sender) -> None:
    """Leave what is edited to something that is no order: its card goes."""
