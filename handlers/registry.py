"""All handlers in the order in which they are tried, and the error handler."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from telegram import Update
from telegram.ext import MessageHandler, filters

from handlers import attachments, presses
from handlers.account import buying, model_choice, privacy, quota, settings, support, welcome
from handlers.admin import access, figures, grants, home, invites, limits, pausing, records, refunds
from handlers.groups import arrival, group_settings, reports
from handlers.ordering import card_taps, conversation, messages
from handlers.replies.sending import SendError
from handlers.videos import cancel, films, history, results, sharing

if TYPE_CHECKING:
    from handlers.context import App, Context

logger = logging.getLogger(__name__)

MODULES = (
    buying, support, sharing, welcome, arrival, messages, conversation, card_taps,
    results, reports, quota, privacy, history, films, cancel, settings, group_settings,
    model_choice, access, figures, grants, invites, limits, pausing, home, records,
    refunds, attachments, presses,
)  # fmt: skip
"""Every module with a router. The first handler whose filter matches takes a message: messages that
are never orders, then commands, other texts and the rest."""


def register(app: App) -> None:
    """Add every module's handlers to the application.

    An order that is edited is undone in a group of its own, before a handler reads the new text.
    """
    edited = MessageHandler(filters.UpdateType.EDITED_MESSAGE, conversation.reopen_as_card)
    app.add_handler(edited, group=-1)
    for module in MODULES:
        app.add_handlers(module.router.handlers)
    app.add_handler(presses.handler(module.router for module in MODULES))
    app.add_error_handler(report)


async def report(update: object, context: Context) -> None:
    """Log an exception that no handler caught; the log's filter removes secrets."""
    number = update.update_id if isinstance(update, Update) else None
    if isinstance(context.error, SendError):
        # an order is in the database and continues; a card or an answer is lost
        logger.warning("update %s was handled, its answer not sent: %r", number, context.error)
    else:
        logger.error("update %s broke its handler", number, exc_info=context.error)
