"""Order placement: quotes a draft, asks for confirmation if needed, accepts it, and answers."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from generation.models import pricing
from generation.orders import balances
from generation.orders.balances import Accepted, Repeated
from generation.orders.quotes import Quote
from generation.orders.reading import drop_restated
from handlers.membership import group_refusal, missing_video_right
from handlers.ordering import order_card, refusals
from handlers.ordering.drafts import OrderDraft, SentPicture, new_card, quote_draft
from handlers.replies.texts import cost_text, payment_text, substitution_note
from handlers.routing import access_refusal
from handlers.senders import Access, Sender
from storage import cards, generations, outages
from storage.generations import PENDING, UNFINISHED, Request

if TYPE_CHECKING:
    from generation.orders.balances import AcceptResult, Balance, Pool, TooFewCredits
    from handlers.context import Context, Services
    from storage.cards import Card
    from storage.database import Connection
    from storage.generations import Generation
    from storage.outages import ContentBrake, Pause


REPEAT_CONFIRMS_SECONDS = 900.0
"""How long sending the same again confirms a card that its sender cannot tap."""
TAP_TWICE_SECONDS = 10.0
"""How long after a first tap a second one confirms the order."""

logger = logging.getLogger(__name__)


async def refusal_reason(
    context: Context, sender: Sender, picture: SentPicture | None = None
) -> str | None:
    """Return why the sender may not order in this chat, or None if they may."""
    group = sender.group
    if group is None:
        return None
    if refusal := await group_refusal(context, sender, group):
        return refusal
    # the identity of an anonymous admin is unknown, so no picture can be proved theirs
    is_own = sender.person is not None and picture is not None and picture.by == sender.person.id
    if group.own_pictures and picture is not None and not is_own:
        _ = sender.translator.gettext
        return _("In this group I animate only photos that you sent yourself.")
    return await missing_video_right(context, sender)


async def place(context: Context, sender: Sender, draft: OrderDraft) -> None:
    """Place an order, or ask for confirmation first, or reply why it is refused.

    If the draft came from a button press, the press is answered here, exactly once.
    """
    services = context.services
    if sender.edited is not None:
        draft = await _rewrite_card(services, sender, sender.edited.card, draft)
    why = await refusal_reason(context, sender, draft.picture)
    if why is None and draft.picture is not None:
        draft, why = await order_card.with_picture_size(services, sender, draft)
    if why is not None:
        await refusals.refuse(context, sender, draft, why)
        return
    quote = await quote_draft(services, sender, draft)
    if not isinstance(quote, Quote):
        await refusals.propose_corrections(context, sender, draft, quote)
        return
    always_asks = sender.person is not None and sender.person.asks_first
    max_unconfirmed = 0 if always_asks else services.policy.confirm_credits
    asks = sender.is_late or _needs_confirmation(draft, quote, max_unconfirmed)
    if asks:
        if draft.taps_twice:
            if not await _is_second_tap(context, sender, draft, quote):
                return
        elif sender.edited is not None or not _is_repeated_request(sender, draft, services.clock()):
            await _ask_first(context, sender, draft, quote)
            return
    # a confirmed order starts at once
    agreed = asks or draft.agreed is not None
    await _accept_and_answer(
        context, sender, draft, quote, wait=0 if agreed else services.policy.undo_seconds
    )


async def _rewrite_card(
    services: Services, sender: Sender, card: Card, draft: OrderDraft
) -> OrderDraft:
    """Update a card with the edited text of its message, keeping the picture it had."""
    draft = replace(draft, asks=True, answers=None, picture=draft.picture or SentPicture.on(card))
    async with services.db.transaction() as tx:
        await cards.write(tx, card.id, new_card(sender, draft, kept=card.kept))
        replaced = await cards.close_open(tx, sender.chat.id, sender.account, by=card.cause)
    if replaced is not None and replaced.card_message != card.card_message:
        await sender.remove_cards(services, replaced)
    return replace(draft, options=drop_restated(card.options, draft.text))


async def tell_if_refused(context: Context, sender: Sender, message_id: int | None) -> bool:
    """Reply with the refusal reason, if there is one; return whether there was."""
    why = await refusal_reason(context, sender)
    if why:
        await sender.reply_about_order(why, reply_to=message_id)
    return why is not None


def _needs_confirmation(draft: OrderDraft, quote: Quote, max_unconfirmed: int) -> bool:
    """Return whether an order at this price, in credits, needs a tap first.

    Also if much of the picture is cropped, or if plain words were read as options, which may be
    wrong.
    """
    if draft.asks:
        return True
    if draft.agreed is not None:
        return quote.credits > draft.agreed
    cuts = quote.cuts_unasked and not draft.saw_cut
    uncertain = quote.is_dearer or quote.is_from_words or cuts or quote.credits > max_unconfirmed
    return uncertain and draft.card is None


def _is_repeated_request(sender: Sender, draft: OrderDraft, now: float) -> bool:
    """Return whether a sender who cannot tap their card sent its content again to confirm it.

    Anonymous admins and channels press buttons as a different user.
    """
    card = sender.closed
    if card is None or sender.account.is_person:
        return False
    picture = draft.picture.file_id if draft.picture else None
    same = (card.prompt, card.picture) == (draft.text, picture)
    return same and now - card.created_at <= REPEAT_CONFIRMS_SECONDS


async def _is_second_tap(context: Context, sender: Sender, draft: OrderDraft, quote: Quote) -> bool:
    """Return whether this tap confirms an earlier one, at no higher price.

    A first tap is answered with the price.
    """
    services, _ = context.services, sender.translator.gettext
    taps, now = context.user_data, services.clock()
    tapped, agreed, at = taps.pop("first tap", ("", 0, 0.0)) if taps else ("", 0, 0.0)
    if tapped == draft.cause and quote.credits <= agreed and now - at <= TAP_TWICE_SECONDS:
        return True
    async with services.db.reading() as connection:
        before = await generations.by_cause(connection, draft.cause)
        balance, pool = await _balances(connection, services, sender)
    if before is not None and before.state in UNFINISHED:
        await sender.answer(_("That one is already on its way."))
        return False
    text, affordable = cost_text(quote, balance, pool, sender.translator)
    if affordable:
        text += " " + _("Tap again to start.")
        if taps is not None:
            taps["first tap"] = (draft.cause, quote.credits, now)
    await sender.answer(text, alert=not affordable)
    return False


async def _ask_first(context: Context, sender: Sender, draft: OrderDraft, quote: Quote) -> None:
    """Ask for confirmation, unless the update was already ordered before a crash.

    An order that is not affordable is declined at once, except a picture without words: words can
    change its price. Cards for late orders in private are kept, since there may be several.
    """
    services, now = context.services, context.services.clock()
    kept = sender.is_late and sender.chat.is_private and bool(draft.words)
    card = worded = replaced = None
    short: Pause | ContentBrake | TooFewCredits | None = None
    async with services.db.transaction() as tx:
        is_new = draft.origin == "message" and sender.edited is None
        made = await generations.by_cause(tx, draft.cause) if is_new else None
        balance, pool = await _balances(tx, services, sender)
        if made is None and (draft.words or draft.picture is None):
            short = await outages.wait_reason(tx, sender.account, sender.chat.id, now)
            short = short or balances.shortfall(quote.credits, balance, pool)
        if made is None and short is None:
            card, replaced = await cards.ask(tx, new_card(sender, draft, kept=kept), now=now)
            if draft.text and not card.prompt:
                # the caption of an album may come with its second picture
                worded = await cards.write(tx, card.id, new_card(sender, draft, kept=kept))
    if made is not None:
        await _answer_repeated(services, sender, made)
    elif short is not None:
        await refusals.decline(context, sender, draft, quote, short)
    elif card is not None:
        await sender.answer()
        await sender.remove_cards(services, replaced)
        if worded is not None or card.card_message is None or sender.edited is not None:
            shown = worded or card
            await order_card.show_order_card(services, sender, shown, quote, (balance, pool))


async def _balances(
    tx: Connection, services: Services, sender: Sender
) -> tuple[Balance, Pool | None]:
    now = services.clock()
    return await balances.balance_and_pool(tx, sender.chat.id, sender.account, services.terms, now)


def draft_of_card(card: Card, **tapped: Any) -> OrderDraft:
    """Return the order that a card holds."""
    return OrderDraft(
        text=card.prompt,
        picture=SentPicture.on(card),
        origin="card",
        cause=f"card:{card.id}",
        message_id=card.message_id,
        card=card.id,
        options=card.options,
        **tapped,
    )


async def update_card(services: Services, sender: Sender, card: Card, was: Quote) -> None:
    """Show a card with its changed options and price; `was` is its quote before."""
    quote = await quote_draft(services, sender, draft_of_card(card))
    if not isinstance(quote, Quote):
        return
    async with services.db.reading() as connection:
        funds = await _balances(connection, services, sender)
    await order_card.show_order_card(services, sender, card, quote, funds, was=was)


async def _accept_and_answer(
    context: Context, sender: Sender, draft: OrderDraft, quote: Quote, *, wait: float
) -> None:
    """Accept an order and announce it, or reply why not; it starts after `wait` seconds."""
    services = context.services
    answer, closed = await _store_order(services, sender, draft, quote, wait)
    if isinstance(answer, Sender):
        if text := access_refusal(answer, {"orders": True}, services):
            await refusals.refuse(context, sender, draft, text)
        return
    if isinstance(answer, Repeated):
        await _answer_repeated(services, sender, answer.generation)
        return
    if not isinstance(answer, Accepted):
        await refusals.decline(context, sender, draft, quote, answer)
        return
    if wait:
        services.wake_in(answer.generation.chat, wait)
    else:
        services.wake(answer.generation.chat)
    # in private, the status message says so in a moment
    await sender.answer("" if sender.chat.is_private else sender.translator.gettext("On its way."))
    await sender.remove_cards(services, *closed)
    note = substitution_note(quote, sender.translator) if quote.instead_of else ""
    paid = payment_text(answer, sender.translator, in_private=sender.chat.is_private)
    # a group takes a mere reaction to mean the usual price
    is_dear = not sender.chat.is_private and wait > 0 and quote.credits > services.usual_cost
    await services.status.show(
        answer.generation, sender.chat, sender.translator, note=note, paid=paid, aloud=is_dear
    )


async def _store_order(
    services: Services, sender: Sender, draft: OrderDraft, quote: Quote, wait: float
) -> tuple[AcceptResult | Sender, list[Card | None]]:
    """Store the order; return the outcome, and the cards that a press closed.

    If the sender lost access since the update came in, the outcome is the sender with their
    present access. A message has closed its sender's card before its handler runs.
    """
    choice = quote.choice
    request = Request(
        origin=draft.origin,
        cause=draft.cause,
        chat=sender.chat.id,
        thread_id=sender.thread_id,
        message_id=draft.message_id,
        account=sender.account,
        kind=choice.kind,
        family=choice.family.name,
        model=choice.mode.model,
        prompt=quote.prompt,
        seconds=choice.seconds,
        aspect_ratio=quote.aspect_ratio,
        resolution=choice.resolution,
        fit=choice.fit,
        silent=choice.silent,
        picture=draft.picture.file_id if draft.picture else None,
        picture_by=draft.picture.by if draft.picture else None,
        credits=quote.credits,
        price_micros=pricing.to_micros(quote.price),
        budget_micros=0,
    )
    closed: list[Card | None] = []
    async with services.db.transaction() as tx:
        access, why = await sender.current_access(tx)
        if access is not Access.MEMBER:
            return replace(sender, access=access, banned_for=why), closed
        answer = await balances.accept(tx, request, services.terms, now=services.clock(), wait=wait)
        if isinstance(answer, Accepted) and draft.origin != "message":
            if draft.card is not None and await cards.close(tx, draft.card, "started"):
                closed.append(await cards.find(tx, draft.card))
            closed.append(
                await cards.close_open(tx, sender.chat.id, sender.account, by=draft.cause)
            )
    if isinstance(answer, Accepted):
        logger.info(
            "generation %d: accepted (%s, %d s, %d credits)",
            answer.generation.id, request.model, request.seconds, request.credits,
            extra={"event": "accepted", "chat": request.chat, "model": request.model},
        )  # fmt: skip
    return answer, closed


async def _answer_repeated(services: Services, sender: Sender, generation: Generation) -> None:
    """Answer a repeated order: a press gets a notice, a message only its missing status."""
    await sender.answer(sender.translator.gettext("That one is already on its way."))
    if generation.state in PENDING and generation.status_message is None:
        await services.status.show(generation, sender.chat, sender.translator)
    services.wake(generation.chat)
