"""Buttons nobody else knows: of an older version, or made up. Registered last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.ext import CallbackQueryHandler

if TYPE_CHECKING:
    from telegram import Update
    from telegram.ext import BaseHandler

    from handlers.context import Context


async def lapsed(update: Update, context: Context) -> None:
    """Answer a press that means nothing any more; nobody is looked up for it."""
    query = update.callback_query
    if query is None:
        return
    translator = context.services.languages.translator(query.from_user.language_code)
    await context.services.outbox.answer(
        query.id, translator.gettext("This button is old. Send me the idea again.")
    )


def handlers() -> list[BaseHandler[Update, Context, None]]:
    """Return what takes every press that is left."""
    return [CallbackQueryHandler(lapsed)]
