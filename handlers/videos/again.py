"""Ask for a video once more: the same prompt, picture and options."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from generation.orders import substitutes
from handlers.ordering import placing
from handlers.ordering.drafts import SentPicture, Wish
from handlers.replies.notices import Retry, TryWith
from handlers.routing import Router, not_yours
from storage import generations

if TYPE_CHECKING:
    from telegram import CallbackQuery

    from handlers.context import Context, Services
    from handlers.identity import Sender
    from storage.generations import Generation

router = Router()


def wish_like(generation: Generation, sender: Sender, *, message_id: int | None) -> Wish:
    """Return the wish for another video like this one, paid by whoever asks."""
    return Wish(
        text=substitutes.like(generation),
        picture=SentPicture(generation.picture, by=generation.picture_by)
        if generation.picture
        else None,
        origin="press",
        cause=f"press:again:{generation.id}:{sender.account.kind}:{sender.account.id}",
        message_id=message_id,
    )


@router.button(Retry, orders=True)
async def retry(sender: Sender, press: Retry, query: CallbackQuery, context: Context) -> None:
    """Try a failed video again for the one whose it was."""
    generation = await _own(sender, context.services, press.generation)
    if generation is not None:
        like = wish_like(generation, sender, message_id=_asked_in(generation, sender))
        like = replace(like, agreed=generation.credits, tap=query.id)
        await placing.place(context, sender, like)


@router.button(TryWith, orders=True)
async def try_with(sender: Sender, press: TryWith, query: CallbackQuery, context: Context) -> None:
    """Make what failed with another family, for the one whose it was."""
    generation = await _own(sender, context.services, press.generation)
    if generation is None:
        return
    like = wish_like(generation, sender, message_id=_asked_in(generation, sender))
    like = replace(like, agreed=press.credits, tap=query.id)
    catalogue = context.services.catalogue
    if press.family in catalogue.named:
        text = substitutes.with_family(generation, catalogue.known, catalogue.named[press.family])
        cause = (
            f"press:with:{generation.id}:{press.family}:{sender.account.kind}:{sender.account.id}"
        )
        like = replace(like, text=text, cause=cause)
    await placing.place(context, sender, like)


def _asked_in(generation: Generation, sender: Sender) -> int | None:
    """Return the message that asked; in another chat its number means another message."""
    return generation.message_id if generation.chat == sender.chat.id else None


async def _own(sender: Sender, services: Services, number: int) -> Generation | None:
    """Return a failed video if it is the presser's; else they are told."""
    async with services.db.reading() as connection:
        generation = await generations.find(connection, number)
    if generation is None:
        await sender.answer(sender.translator.gettext("This button is old."))
        return None
    if generation.account != sender.account:
        await sender.answer(not_yours(generation.account, sender.translator))
        return None
    return generation
