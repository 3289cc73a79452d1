"""Questions of the bot, and the messages that answer them.

At most one question or card is open per account and chat. Its owner's next message closes it,
before that message's handler runs (`senders.identify_sender`), and only that message can answer
it. An answer is an order of its own.

Only these start an order at once: a command with words, a picture with its own caption, the
answer to a question, a tap on a price. Everything else gets a card that asks first: plain text in
private, forwarded messages and albums, video frames, somebody else's text, changes to a video,
plain words that were read as options, and text that may continue in the next message. Small talk
and text without letters order nothing. Neither does an edit: it updates the card while that is
open, and an order that was not submitted yet becomes a card again (`reopen_as_card`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from telegram.constants import MessageLimit
from telegram.ext import filters

from generation.jobs import lifecycle
from generation.jobs.outcomes import CancelWanted
from generation.orders import substitutes
from generation.orders.reading import CHANGE_MARK, apply_change, drop_restated, read
from handlers.ordering import placing
from handlers.ordering.drafts import (
    OrderDraft,
    SentPicture,
    SmallTalk,
    draft_of_message,
    is_question,
    new_card,
    replied_to,
)
from handlers.ordering.order_card import Drop, show_card
from handlers.replies.keyboards import Button, copy_buttons, is_from_bot
from handlers.replies.texts import utf16_length
from handlers.routing import Router, begins_with_command, command_in
from handlers.senders import Access, cause_of, identify_sender
from storage import cards, generations
from storage.cards import CardContent, CardKind
from storage.generations import State

if TYPE_CHECKING:
    from telegram import Message, Update

    from handlers.context import Context
    from handlers.senders import Sender
    from storage.cards import Card
    from storage.generations import Generation

router = Router()

ORDER_COMMANDS = frozenset({"animate", "video"})
"""The commands that a picture's caption may begin with."""

UNMARKED_ANSWER_SECONDS = 900.0
"""How long a message that is no reply still counts as the answer to a question."""
SURE_ANSWER_SECONDS = 120.0
"""How long such an answer starts an order at once; later, a card asks first."""
JUST_NOW_SECONDS = 10.0
"""The longest gap between words and their picture, or between the parts of a split text."""
MAX_COMMAND_LENGTH = 40
"""Characters of a command and the bot's name, which the first part of a split text may have."""


def idea_replied_to(message: Message) -> str:
    """Return the idea in the message replied to, or the quoted part; "" if there is none."""
    seen = replied_to(message)
    if message.quote is not None:
        return message.quote.text
    if seen is None or is_from_bot(seen):
        return ""
    command = command_in(seen)
    if command is not None or begins_with_command(seen):
        return command[1] if command is not None and command[0] in ORDER_COMMANDS else ""
    return seen.text or seen.caption or ""


async def ask_for_idea(context: Context, sender: Sender, message: Message, typed: str = "") -> None:
    """Ask what the video should show, keeping the options typed so far."""
    await _ask_question(context, sender, _question(sender, message, CardKind.QUESTION, typed),
               sender.translator.gettext("What should we see?"),
               sender.translator.gettext("a cat on a sailing boat"))  # fmt: skip


async def ask_for_picture(
    context: Context, sender: Sender, message: Message, words: str, text: str = ""
) -> None:
    """Ask for the picture to animate, keeping the words typed so far."""
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
    """Ask what to change in a video, with buttons to edit or copy its prompt.

    The answer keeps the video's other options, unless its words set them.
    """
    _ = sender.translator.gettext
    content = CardContent(
        cause=cause,
        kind=CardKind.QUESTION,
        chat=sender.chat.id,
        thread_id=sender.thread_id,
        account=sender.account,
        message_id=None,
        prompt=f"{substitutes.options_text(video)}{CHANGE_MARK}{video.prompt}",
        picture=video.picture,
        picture_by=video.picture_by,
    )
    text = _("What should be different? Write that, or write the whole idea again:\n\n{prompt}")
    await _ask_question(context, sender, content, text.format(prompt=video.prompt), _("at night"),
               handed=video.prompt)  # fmt: skip


async def propose_change(
    context: Context, sender: Sender, message: Message, video: Generation, words: str
) -> None:
    """Show a card for a video changed by the words of a reply to it."""
    text = apply_change(substitutes.options_text(video), video.prompt, words)
    draft = draft_of_message(message, text, SentPicture.behind(video), asks=True)
    await placing.place(context, sender, draft)


def _question(sender: Sender, message: Message, kind: CardKind, words: str) -> CardContent:
    return CardContent(
        cause=cause_of(message),
        kind=kind,
        chat=sender.chat.id,
        thread_id=sender.thread_id,
        account=sender.account,
        message_id=message.message_id,
        prompt=words,
    )


async def _ask_question(
    context: Context,
    sender: Sender,
    content: CardContent,
    text: str,
    hint: str,
    *,
    handed: str = "",
) -> None:
    """Ask a question; the text in `handed` gets buttons to edit or copy it.

    In a group, where an answer must be a reply, the client opens one. In private there is a cancel
    button instead: Telegram does not show both.
    """
    services = context.services
    if await placing.tell_if_refused(context, sender, content.message_id):
        return
    async with services.db.transaction() as tx:
        card, replaced = await cards.ask(tx, content, now=services.clock())
        if sender.edited is not None:
            card = await cards.write(tx, card.id, content) or card
    await sender.remove_cards(services, replaced)
    if sender.chat.is_private:
        cancel = Button(sender.translator.gettext("Cancel"), Drop(card.id))
        inline = services.outbox.supports_inline
        copied = copy_buttons(card.id, handed, sender.translator, inline=inline)
        await show_card(services, sender, card, text, buttons=[copied, [cancel]])
    else:
        await show_card(services, sender, card, text, ask=hint)


def question_answered_by(sender: Sender, message: Message, now: float) -> Card | None:
    """Return the question that a message answers, or None.

    An answer replies to the question or to the photo it is about. In private, any message soon
    after the question answers it too.
    """
    card, reply = sender.closed, replied_to(message)
    if card is None or not is_question(card):
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
    typed, is_change, before = card.prompt.partition(CHANGE_MARK)
    if card.asks_what_follows:
        # new words describe the next scene alone; if there are only options, the old words stay
        is_change = "" if read(words).prompt else is_change
        words = f"{typed} {before} {words}" if is_change else f"{typed} {words}"
    elif is_change:
        words = apply_change(typed, before, words)
    else:
        words = f"{card.prompt} {words}"
    # options tapped on the card apply unless the words set them
    words = f"{drop_restated(card.options, words)} {words}".strip()
    if card.wants_picture and picture is None:
        await ask_for_picture(context, sender, message, words)
        return
    passed = context.services.clock() - card.created_at
    sure = not is_change and (replied_to(message) is not None or passed <= SURE_ANSWER_SECONDS)
    # options alone do not say what should happen, but a command orders without words
    sure = sure and (read(words).prompt != "" or command_in(message) is not None)
    # a video may be sent in answer to a question about something else than its frame
    if picture is not None and picture.moves and card.kind is CardKind.QUESTION:
        sure = False
    draft = draft_of_message(message, words, picture or SentPicture.on(card), asks=not sure)
    if card.kind is CardKind.PICTURE and card.picture is not None:
        # the video replies to the photo, not to its words
        draft = replace(draft, message_id=card.message_id)
    # the card of a photo without words shows how it is cropped
    saw_cut = card.kind is CardKind.PICTURE and picture is None
    await placing.place(context, sender, replace(draft, answers=card.id, saw_cut=saw_cut))


def recent_words(sender: Sender, now: float) -> str:
    """Return the words of the card that a picture closed, if they are seconds old; else ""."""
    card = sender.closed
    if card is None or card.kind is not CardKind.PROMPT:
        return ""
    return card.prompt if now - card.created_at < JUST_NOW_SECONDS else ""


def card_changed_by(sender: Sender, message: Message, typed: str, now: float) -> Card | None:
    """Return the card that a text changes, or None.

    That is a reply to it, options alone (`typed`), or any words seconds after a picture.
    """
    card, reply = sender.closed, replied_to(message)
    if card is None or card.kind is CardKind.QUESTION:
        return None
    if reply is not None:
        return card if reply.message_id == card.card_message else None
    if sender.edited is not None:
        soon = sender.edited.card.picture is not None
    else:
        soon = now - card.created_at < JUST_NOW_SECONDS
    return card if typed or (soon and card.picture is not None) else None


def join_split_text(sender: Sender, said: str, now: float) -> str | None:
    """Return both parts of a text that a client split at Telegram's limit; None if it is whole.

    Clients drop the space at which they split, so a space is put back unless the first part is
    full.
    """
    card = sender.closed
    if card is None or is_question(card):
        return None
    limit = MessageLimit.MAX_TEXT_LENGTH
    soon = sender.edited is not None or now - card.created_at < JUST_NOW_SECONDS
    begun = utf16_length(card.prompt)
    whole = begun + utf16_length(said)
    if not soon or begun <= limit // 2 or whole < limit - MAX_COMMAND_LENGTH:
        return None
    return f"{card.prompt}{'' if begun >= limit else ' '}{said}"


async def answer_small_talk(
    context: Context, sender: Sender, message: Message, kind: SmallTalk
) -> None:
    """Reply to small talk; after praise of a card, show the card again."""
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


async def reopen_as_card(update: Update, context: Context) -> None:
    """Cancel the order of an edited message unless it was submitted; a card takes its place.

    Also for an order that was cancelled already. The card takes over the status message, and the
    message's own handler, which runs after this, puts the new text on it.
    """
    services, message = context.services, update.edited_message
    # without an edit date, Telegram reports a change of its own, not of the sender
    if message is None or message.edit_date is None:
        return
    sender = await identify_sender(update, services)
    if sender is None or sender.edited or sender.access is not Access.MEMBER:
        return
    now, cause, steps = services.clock(), cause_of(message), list[lifecycle.AppliedTransition]()
    async with services.db.reading() as connection:
        if await generations.by_cause(connection, cause) is None:
            return
    async with services.db.transaction() as tx:
        order = await generations.by_cause(tx, cause)
        if order is None or order.account != sender.account:
            return
        # one that was submitted goes on, even if it comes back into the queue
        if order.state is State.QUEUED:
            steps = await lifecycle.apply(tx, order.id, CancelWanted(), now=now)
            order = steps[-1].after
        if order.state is not State.CANCELLED:
            return
        draft = OrderDraft(
            text=order.prompt,
            picture=SentPicture.behind(order),
            origin="message",
            cause=cause,
            message_id=order.message_id,
        )
        card, replaced = await cards.ask(tx, new_card(sender, draft, kept=False), now=now)
        if (status := services.status.keep_message(order)) is not None:
            # now, as the message with the card must outlive any kill
            await generations.update(tx, order.id, status_message=None)
            if card.state == "open":
                await cards.shown(tx, card.id, status)
    lifecycle.log_steps(steps)
    services.wake(order.chat)
    await sender.remove_cards(services, replaced)


@router.message(filters.UpdateType.EDITED_MESSAGE, orders=True, refuses_silently=True)
async def edited(sender: Sender) -> None:
    """Do nothing for a message edited into something that is no order: its card is closed."""
