"""Buttons under finished and failed videos: order another one, change, retry or delete it.

The presser pays for what a button orders; only a video's requester can change or retry it. A button
carries the video's number; its owner and its chat are looked up. An order needs a second tap if the
first may be a mistake: in a group, under another person's video, or if the price is higher than the
button says.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from generation.orders import substitutes
from handlers.membership import is_group_admin
from handlers.ordering.conversation import ask_for_change
from handlers.ordering.drafts import OrderDraft, SentPicture
from handlers.ordering.placing import place
from handlers.presses import ask_to_confirm, not_yours, pressed_message
from handlers.replies.keyboards import (
    Again,
    Change,
    Continue,
    Remove,
    ResultButtons,
    ShowMore,
    Vary,
    keyboard,
)
from handlers.replies.notices import Retry, TryWith
from handlers.replies.sending import SendError
from handlers.routing import Router
from storage import generations
from storage.cards import FOLLOWS
from storage.ledger import Account

if TYPE_CHECKING:
    from telegram import CallbackQuery

    from handlers.context import Context, Services
    from handlers.senders import Sender
    from storage.generations import Generation

router = Router()


def layout(services: Services) -> ResultButtons:
    """Return the layout of the buttons under videos, for the models offered now."""
    outbox = services.outbox
    return ResultButtons(services.offer, outbox.supports_inline, outbox.max_fetch_bytes)


async def _find_visible(
    sender: Sender, services: Services, number: int, *, with_words: bool = False
) -> Generation | None:
    """Return a video the presser may see, else tell them that the button is old.

    `with_words` excludes videos whose prompt was deleted.
    """
    async with services.db.reading() as connection:
        video = await generations.find(connection, number)
    if (
        video is None
        or video.file_id is None
        or not (video.account == sender.account or video.stands_in(sender.chat.id))
        or (with_words and not video.prompt)
    ):
        note = sender.translator.gettext("This button is old. Send me the idea again.")
        await sender.answer(note)
        return None
    return video


async def _find_reusable(sender: Sender, services: Services, number: int) -> Generation | None:
    """Return a video that may be the basis of another one, else tell the presser why not."""
    video = await _find_visible(sender, services, number, with_words=True)
    return None if video is None or await _refuse_withdrawn(sender, video) else video


async def _refuse_withdrawn(sender: Sender, video: Generation) -> bool:
    """Return whether the picture of a video was withdrawn, and if so tell the presser."""
    is_withdrawn = video.kind == "i2v" and video.picture is None
    if is_withdrawn:
        note = sender.translator.gettext(
            "The person who sent this photo took it back. Send me a photo of your own."
        )
        await sender.answer(note, alert=True)
    return is_withdrawn


@router.button(Again, orders=True)
async def order_again(sender: Sender, press: Again, query: CallbackQuery, context: Context) -> None:
    """Order another video with the same prompt and settings."""
    video = await _find_reusable(sender, context.services, press.generation)
    if video is not None:
        draft = _draft_like(video, sender, _message_id(query))
        await _order(context, sender, draft, video)


@router.button(Vary, orders=True)
async def vary(sender: Sender, press: Vary, query: CallbackQuery, context: Context) -> None:
    """Order a variation of a video, such as another length or shape."""
    video = await _find_reusable(sender, context.services, press.generation)
    if video is not None:
        draft = _draft_like(press.over(video), sender, _message_id(query))
        # a second tap at another price is the same order
        way = replace(press, credits=0).encode()
        cause = f"press:{way}:{sender.account}"
        draft = replace(draft, cause=cause, agreed=press.credits)
        await _order(context, sender, draft, video)


@router.button(Continue, orders=True)
async def extend(sender: Sender, press: Continue, query: CallbackQuery, context: Context) -> None:
    """Ask what happens after the video's last frame; a text, or a tap on the price, orders it."""
    video = await _find_reusable(sender, context.services, press.generation)
    if video is None:
        return
    if _file_size(query) > context.services.outbox.max_fetch_bytes:
        note = sender.translator.gettext(
            "This video is over 20 MB, more than I can fetch. Send me a screenshot of its end."
        )
        await sender.answer(note, alert=True)
        return
    draft = OrderDraft(
        text=substitutes.continuation_text(video, context.services.offer),
        picture=SentPicture.ending(video),
        origin="press",
        cause=f"{FOLLOWS}{video.id}:{sender.account}",
        message_id=_message_id(query),
        asks=True,
    )
    await place(context, sender, draft)


@router.button(Change, orders=True)
async def ask_prompt(sender: Sender, press: Change, cause: str, context: Context) -> None:
    """Ask the owner for another prompt, in private; the video may have failed."""
    video = await _find_own(sender, context.services, press.generation)
    if video is not None and not sender.chat.is_private:
        await sender.answer(not_yours(video.account, sender.translator))
    elif video is not None and not await _refuse_withdrawn(sender, video):
        await sender.answer()
        await ask_for_change(context, sender, video, cause=f"press:change:{cause}")


@router.button(ShowMore)
async def show_more_buttons(
    sender: Sender, press: ShowMore, query: CallbackQuery, shown: int | None, services: Services
) -> None:
    """Show all buttons of a video, if its requester asks for them."""
    video = await _find_visible(sender, services, press.generation)
    if video is None or shown is None:
        return
    if video.account != sender.account:
        await sender.answer(not_yours(video.account, sender.translator))
        return
    await sender.answer()
    rows = layout(services).under(
        video,
        sender.translator,
        in_private=sender.chat.is_private,
        unfolded=True,
        size=_file_size(query),
    )
    await sender.outbox.change_buttons(sender.chat, shown, keyboard(rows))


@router.button(Remove, when_off=True)
async def remove_video(
    sender: Sender, press: Remove, query: CallbackQuery, shown: int, context: Context, *, sure: bool
) -> None:
    """Delete a video from the chat for its requester, its picture's author or a group admin."""
    video = await _find_visible(sender, context.services, press.generation)
    if video is None:
        return
    _ = sender.translator.gettext
    if sender.account not in {video.account, _picture_author(video)} and not await is_group_admin(
        context.bot, sender
    ):
        await sender.answer(not_yours(video.account, sender.translator))
        return
    if not sure:
        await ask_to_confirm(sender, query, press, _("Yes, delete"))
        return
    try:
        await sender.outbox.delete_or_raise(sender.chat, shown)
    except SendError:
        note = _("Telegram lets me delete only messages of the last two days.")
        await sender.answer(note, alert=True)
    else:
        await _record_removal(context.services, sender, video)
        kept = (
            _("Deleted. /history still has it.")
            if video.account == sender.account
            else _("Deleted. /history still has it for its owner.")
        )
        await sender.answer(kept)
        context.services.update_film(video.account)


async def _record_removal(services: Services, sender: Sender, video: Generation) -> None:
    """Let only the owner use a video that was deleted from a group.

    If the author of its picture deleted it, the picture is withdrawn too.
    """
    if sender.chat.is_private:
        return
    async with services.db.transaction() as tx:
        await generations.update(tx, video.id, delivered_message=None)
        if sender.account != video.account and sender.account == _picture_author(video):
            await generations.update(tx, video.id, picture=None)


def _picture_author(video: Generation) -> Account | None:
    return None if video.picture_by is None else Account.person(video.picture_by)


@router.button(Retry, orders=True)
async def retry_failed(sender: Sender, press: Retry, context: Context) -> None:
    """Order a failed video again, for its requester."""
    generation = await _find_own(sender, context.services, press.generation)
    if generation is not None:
        await place(context, sender, _retry_draft(generation, sender, generation.credits))


@router.button(TryWith, orders=True)
async def retry_with_family(sender: Sender, press: TryWith, context: Context) -> None:
    """Order a failed video with another model family, for its requester."""
    generation = await _find_own(sender, context.services, press.generation)
    if generation is None:
        return
    like = _retry_draft(generation, sender, press.credits)
    catalogue = context.services.catalogue
    if press.family in catalogue.named:
        text = substitutes.family_text(generation, catalogue.named[press.family])
        cause = f"press:with:{generation.id}:{press.family}:{sender.account}"
        like = replace(like, text=text, cause=cause)
    await place(context, sender, like)


def _retry_draft(generation: Generation, sender: Sender, agreed: int) -> OrderDraft:
    # the message that ordered it may be in another chat
    message_id = generation.message_id if generation.chat == sender.chat.id else None
    return replace(_draft_like(generation, sender, message_id), agreed=agreed)


async def _find_own(sender: Sender, services: Services, number: int) -> Generation | None:
    """Return a finished or failed video of the presser's, else tell them why not."""
    async with services.db.reading() as connection:
        generation = await generations.find(connection, number)
    if generation is None or not generation.prompt:
        # unknown, or deleted by its owner
        await sender.answer(sender.translator.gettext("This button is old."))
        return None
    if generation.account != sender.account:
        await sender.answer(not_yours(generation.account, sender.translator))
        return None
    return generation


def _draft_like(generation: Generation, sender: Sender, message_id: int | None) -> OrderDraft:
    """Return the draft of another video like this one, paid by the sender."""
    return OrderDraft(
        text=substitutes.repeat_text(generation),
        picture=SentPicture.behind(generation),
        origin="press",
        cause=f"press:again:{generation.id}:{sender.account}",
        message_id=message_id,
    )


async def _order(context: Context, sender: Sender, draft: OrderDraft, video: Generation) -> None:
    """Order a video at once if it is the sender's and costs no more than was said, else ask."""
    is_own = sender.chat.is_private and video.account == sender.account
    said = video.credits if draft.agreed is None else draft.agreed
    agreed = min(said, context.services.policy.confirm_credits) if is_own else 0
    draft = replace(draft, agreed=agreed, taps_twice=True)
    await place(context, sender, draft)


def _file_size(query: CallbackQuery) -> int:
    """Return the size of the video above the pressed button, in bytes; 0 if it is unknown."""
    shown = pressed_message(query)
    file = shown and (shown.video or shown.animation or shown.document)
    return (file.file_size or 0) if file else 0


def _message_id(query: CallbackQuery) -> int | None:
    return query.message.message_id if query.message else None
