"""Questions the bot asks, and the answers it waits for: an answer is an order of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from generation.orders import substitutes
from handlers.ordering import placing
from handlers.ordering.asking import take_away
from handlers.ordering.drafts import SentPicture, wish_of
from handlers.routing import cause_of
from storage import cards
from storage.cards import CardKind, Draft

if TYPE_CHECKING:
    from telegram import Message

    from handlers.context import Context
    from handlers.identity import Sender
    from storage.cards import Card
    from storage.generations import Generation

FRESH_SECONDS = 900.0
"""How long a question waits for an answer that is not marked as one."""
SURE_SECONDS = 120.0
"""How long such an answer is surely one; later it is asked about before it is charged."""


async def ask_for_idea(context: Context, sender: Sender, message: Message) -> None:
    """Ask what the video should show; the answer is the order."""
    await _ask(context, sender, _draft(sender, message, CardKind.QUESTION, ""),
               sender.translator.gettext("What should we see?"),
               sender.translator.gettext("a cat on a sailing boat"))  # fmt: skip


async def ask_for_picture(context: Context, sender: Sender, message: Message, words: str) -> None:
    """Ask for the picture to bring to life, keeping the words that came before it."""
    text = (
        sender.translator.gettext("And the photo? Send it here.")
        if words
        else sender.translator.gettext(
            "Which photo? Send it here, with words on what should happen."
        )
    )
    await _ask(context, sender, _draft(sender, message, CardKind.PICTURE, words), text,
               sender.translator.gettext("attach a photo"))  # fmt: skip


async def ask_anew(context: Context, sender: Sender, video: Generation, *, cause: str) -> None:
    """Ask for other words for a video; all else stays as it was, unless the words say so."""
    draft = Draft(
        cause=cause,
        kind=CardKind.QUESTION,
        chat=sender.chat.id,
        thread_id=sender.thread_id,
        account=sender.account,
        message_id=None,
        prompt=" ".join([f"--model {video.family}", *substitutes.options(video)]),
        picture=video.picture,
        picture_by=video.picture_by,
    )
    await _ask(
        context,
        sender,
        draft,
        sender.translator.gettext("What should be different? Write it anew:\n\n{prompt}").format(
            prompt=video.prompt
        ),
        sender.translator.gettext("write the idea anew"),
    )


def _draft(sender: Sender, message: Message, kind: CardKind, words: str) -> Draft:
    return Draft(
        cause=cause_of(sender.chat, message),
        kind=kind,
        chat=sender.chat.id,
        thread_id=sender.thread_id,
        account=sender.account,
        message_id=message.message_id,
        prompt=words,
    )


async def _ask(context: Context, sender: Sender, draft: Draft, text: str, hint: str) -> None:
    services = context.services
    if await placing.is_hindered(context, sender, draft.message_id):
        return
    async with services.db.transaction() as tx:
        card = await cards.ask(tx, draft, now=services.clock())
    if card.card_message is not None:
        return
    shown = await services.outbox.say(
        sender.chat, text, reply_to=draft.message_id, thread_id=sender.thread_id, ask=hint
    )
    async with services.db.transaction() as tx:
        await cards.shown(tx, card.id, shown)


async def open_to(context: Context, sender: Sender, message: Message) -> Card | None:
    """Return the question of the bot's that a message of its owner answers, if it answers one.

    An answer is marked as one, to the question or to the photo it is about; alone with the bot,
    what is said soon after a question answers it too.
    """
    services, reply = context.services, message.reply_to_message
    async with services.db.reading() as connection:
        waiting = await cards.open_of(connection, sender.chat.id, sender.account)
    if reply is not None:
        meant = (
            card
            for card in waiting
            if reply.message_id == card.card_message
            or (card.picture is not None and reply.message_id == card.message_id)
        )
        card = next(meant, None)
    elif sender.chat.is_private:
        # a wish that could not be met is remembered for its buttons, and hides no question
        shown = (card for card in waiting if card.is_question or card.card_message is not None)
        card = next(shown, None)
        if card is not None and services.clock() - card.created_at > FRESH_SECONDS:
            return None
    else:
        return None
    return card if card is not None and card.is_question else None


async def take(
    context: Context,
    sender: Sender,
    message: Message,
    card: Card,
    words: str,
    *,
    picture: SentPicture | None = None,
) -> None:
    """Take a message as the answer to a question: its words, its picture, or both."""
    words = f"{card.prompt} {words}".strip()
    if card.wants_picture and picture is None:
        await _keep_words(context, sender, message, card, words)
        return
    if picture is None and card.picture is not None:
        picture = SentPicture(
            card.picture, card.picture_width, card.picture_height, card.picture_by
        )
    services = context.services
    sure = message.reply_to_message is not None or (
        services.clock() - card.created_at <= SURE_SECONDS
    )
    wish = wish_of(sender, message, words, picture, asks=not sure)
    if card.kind is CardKind.PICTURE and card.picture is not None:
        # the video answers the photo, not the words for it
        wish = replace(wish, message_id=card.message_id)
    await placing.place(context, sender, replace(wish, answers=card.id))


async def _keep_words(
    context: Context, sender: Sender, message: Message, card: Card, words: str
) -> None:
    """Keep what should happen until its picture comes."""
    services = context.services
    async with services.db.transaction() as tx:
        await cards.close(tx, card.id, "dropped")
    await take_away(services, sender, card)
    await ask_for_picture(context, sender, message, words)
