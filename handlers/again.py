"""Ask for a video once more: the same prompt, picture and options."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from telegram.ext import BaseHandler, CallbackQueryHandler

from generation import repeats
from handlers import orders
from handlers.pressing import not_yours, pressed
from handlers.replies.notices import Retry, TryWith
from handlers.wish import SentPicture, Wish
from storage import generations

if TYPE_CHECKING:
    from telegram import CallbackQuery, Update

    from handlers.context import Context
    from handlers.identity import Asker
    from storage.generations import Generation

P = TypeVar("P", Retry, TryWith)


def wish_like(generation: Generation, asker: Asker, *, message_id: int | None) -> Wish:
    """Return the wish for another video like this one, paid by whoever asks."""
    return Wish(
        text=repeats.like(generation),
        picture=SentPicture(generation.picture, by=generation.picture_by)
        if generation.picture
        else None,
        origin="press",
        cause=f"press:again:{generation.id}:{asker.account.kind}:{asker.account.id}",
        message_id=message_id,
    )


async def retry(update: Update, context: Context) -> None:
    """Try a failed video again for the one whose it was."""
    found = await _own(update, context, Retry)
    if found is not None:
        query, _, asker, generation = found
        like = wish_like(generation, asker, message_id=_asked_in(generation, asker))
        like = replace(like, agreed=generation.credits, tap=query.id)
        await orders.place(context, asker, like)


async def try_with(update: Update, context: Context) -> None:
    """Make what failed with another family, for the one whose it was."""
    found = await _own(update, context, TryWith)
    if found is None:
        return
    query, press, asker, generation = found
    like = wish_like(generation, asker, message_id=_asked_in(generation, asker))
    like = replace(like, agreed=press.credits, tap=query.id)
    catalogue = context.services.catalogue
    if press.family in catalogue.named:
        text = repeats.with_family(generation, catalogue.known, catalogue.named[press.family])
        cause = f"press:with:{generation.id}:{press.family}:{asker.account.kind}:{asker.account.id}"
        like = replace(like, text=text, cause=cause)
    await orders.place(context, asker, like)


def _asked_in(generation: Generation, asker: Asker) -> int | None:
    """Return the message that asked; in another chat its number means another message."""
    return generation.message_id if generation.chat == asker.chat.id else None


async def _own(
    update: Update, context: Context, kind: type[P]
) -> tuple[CallbackQuery, P, Asker, Generation] | None:
    """Return a press still to be answered and its failed video, if that is the presser's."""
    services, found = context.services, await pressed(update, context, kind)
    if found is None:
        return None
    query, press, asker = found
    async with services.db.reading() as connection:
        generation = await generations.find(connection, press.generation)
    if generation is None:
        await services.outbox.answer(query.id, asker.speech.gettext("This button is old."))
        return None
    if generation.account != asker.account:
        await services.outbox.answer(query.id, not_yours(generation.account, asker.speech))
        return None
    return query, press, asker, generation


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what listens for another try."""
    return [
        CallbackQueryHandler(retry, pattern=Retry.matches),
        CallbackQueryHandler(try_with, pattern=TryWith.matches),
    ]
