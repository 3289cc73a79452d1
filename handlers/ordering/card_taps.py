"""Button handlers of order cards: start, change or discard the order on a card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.constants import MessageLimit

from generation.orders import substitutes
from generation.orders.quotes import Alternative, Quote
from generation.orders.reading import CHANGE_MARK, read, strip_options
from handlers.ordering import placing
from handlers.ordering.drafts import quote_draft
from handlers.ordering.order_card import Drop, Start, StartAlone, Toggle, Unfold, card_buttons
from handlers.presses import not_yours
from handlers.replies.keyboards import SendWords, keyboard
from handlers.replies.texts import utf16_length
from handlers.routing import Router
from storage import cards
from storage.cards import CardKind

if TYPE_CHECKING:
    from handlers.context import Context, Services
    from handlers.senders import Sender
    from storage.cards import Card

router = Router()


@router.button(Start, orders=True)
async def start(sender: Sender, press: Start, context: Context) -> None:
    """Start the video of a card, or an alternative to it."""
    await _start(context, sender, press, press.instead)


@router.button(StartAlone, orders=True)
async def start_alone(sender: Sender, press: StartAlone, context: Context) -> None:
    """Start the video of a card without the words of the video that it changes."""
    await _start(context, sender, press, Alternative(words_alone=True))


async def _start(
    context: Context, sender: Sender, press: Start | StartAlone, instead: Alternative
) -> None:
    if (card := await _open_card(sender, context.services, press.card)) is not None:
        draft = placing.draft_of_card(card, instead=instead, agreed=press.credits or None)
        await placing.place(context, sender, draft)


async def _open_card(sender: Sender, services: Services, number: int) -> Card | None:
    """Return a card if it is open and the presser's; else answer why it is not, and return None."""
    async with services.db.reading() as connection:
        card = await cards.find(connection, number)
    if card is None or card.chat != sender.chat.id:
        await sender.answer(sender.translator.gettext("This card is gone."))
    elif reason := _refusal_reason(card, sender):
        await sender.answer(reason)
    else:
        return card
    return None


@router.button(Toggle)
async def toggle(sender: Sender, press: Toggle, services: Services) -> None:
    """Change an option of a card, and show its new price."""
    card = await _open_card(sender, services, press.card)
    if card is None:
        return
    was = await quote_draft(services, sender, placing.draft_of_card(card))
    choice = None
    if isinstance(was, Quote):
        choice = substitutes.with_option(was.choice, press.option, press.meant, services.offer)
    if not isinstance(was, Quote) or choice is None:
        await sender.answer(sender.translator.gettext("Not offered now."))
        return
    await sender.answer()
    async with services.db.transaction() as tx:
        words = strip_options(card.prompt)
        chosen = await cards.choose(tx, card.id, words, substitutes.options_text(choice))
    if chosen is not None:
        await placing.update_card(services, sender, chosen, was)


@router.button(Unfold)
async def unfold(sender: Sender, press: Unfold, shown: int | None, services: Services) -> None:
    """Show all values of an option of a card."""
    card = await _open_card(sender, services, press.card)
    if card is None or shown is None:
        return
    quote = await quote_draft(services, sender, placing.draft_of_card(card))
    if isinstance(quote, Quote):
        await sender.answer()
        rows = card_buttons(services, sender, card, quote, unfolded=press.option)
        await sender.outbox.change_buttons(sender.chat, shown, keyboard(rows))


@router.button(SendWords)
async def send_words(sender: Sender, press: SendWords, services: Services) -> None:
    """Send the words of a card alone, in messages that a tap copies."""
    card = await _open_card(sender, services, press.card)
    if card is None or not sender.chat.is_private:
        return
    await sender.answer(sender.translator.gettext("Tap the words to copy them."))
    # a question's prompt also holds the options of the video that it would change
    words = (
        card.prompt.rpartition(CHANGE_MARK)[2] if card.kind is CardKind.QUESTION else card.prompt
    )
    words = read(words).prompt
    limit = MessageLimit.MAX_TEXT_LENGTH
    # a character takes up to two UTF-16 units
    longest = limit if utf16_length(words) <= limit else limit // 2
    for begins in range(0, len(words), longest):
        if part := words[begins : begins + longest].strip():
            await sender.outbox.send_text(
                sender.chat, part, thread_id=sender.thread_id, copied=True
            )


@router.button(Drop)
async def drop(sender: Sender, press: Drop, services: Services) -> None:
    """Close a card or a question that its owner does not want, and remove its message."""
    async with services.db.transaction() as tx:
        card = await cards.find(tx, press.card)
        own = card is not None and (card.account, card.chat) == (sender.account, sender.chat.id)
        if card is not None and own and await cards.close(tx, card.id, "dropped"):
            card = await cards.find(tx, card.id)
    _ = sender.translator.gettext
    if card is None:
        await sender.answer(_("This card is gone."))
    elif not own or card.state != "dropped":
        await sender.answer(_refusal_reason(card, sender))
    else:
        await sender.answer(_("All right, nothing was charged."))
        await sender.remove_cards(services, card)


def _refusal_reason(card: Card, sender: Sender) -> str:
    _ = sender.translator.gettext
    if card.account != sender.account:
        return not_yours(card.account, sender.translator)
    return {
        "open": "",
        "started": _("That one is already on its way."),
        "dropped": _("This card is gone."),
    }[card.state]
