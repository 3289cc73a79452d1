"""Ask for a video once more: the same prompt, picture and options."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from telegram.ext import BaseHandler, CallbackQueryHandler

from generation.orders import substitutes
from handlers.ordering import placing
from handlers.ordering.drafts import SentPicture, Wish
from handlers.replies.notices import Retry, TryWith
from handlers.routing import not_yours, pressed
from storage import generations

if TYPE_CHECKING:
    from telegram import CallbackQuery, Update

    from handlers.context import Context
    from handlers.identity import Sender
    from storage.generations import Generation

P = TypeVar("P", Retry, TryWith)


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


async def retry(update: Update, context: Context) -> None:
    """Try a failed video again for the one whose it was."""
    found = await _own(update, context, Retry)
    if found is not None:
        query, _, sender, generation = found
        like = wish_like(generation, sender, message_id=_asked_in(generation, sender))
        like = replace(like, agreed=generation.credits, tap=query.id)
        await placing.place(context, sender, like)


async def try_with(update: Update, context: Context) -> None:
    """Make what failed with another family, for the one whose it was."""
    found = await _own(update, context, TryWith)
    if found is None:
        return
    query, press, sender, generation = found
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


async def _own(
    update: Update, context: Context, kind: type[P]
) -> tuple[CallbackQuery, P, Sender, Generation] | None:
    """Return a press still to be answered and its failed video, if that is the presser's."""
    services, found = context.services, await pressed(update, context, kind)
    if found is None:
        return None
    query, press, sender = found
    async with services.db.reading() as connection:
        generation = await generations.find(connection, press.generation)
    if generation is None:
        await services.outbox.answer(query.id, sender.translator.gettext("This button is old."))
        return None
    if generation.account != sender.account:
        await services.outbox.answer(query.id, not_yours(generation.account, sender.translator))
        return None
    return query, press, sender, generation


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what listens for another try."""
    return [
        CallbackQueryHandler(retry, pattern=Retry.matches),
        CallbackQueryHandler(try_with, pattern=TryWith.matches),
    ]
