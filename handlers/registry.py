"""All handlers in the order in which they are asked, and what happens when one breaks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from telegram import Update

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
"""Every module with a router. The first whose handler fits a message takes it: what is no order
whatever it says, commands, words, the rest."""


def register(app: App) -> None:
    """Hand every module's handlers to the application."""
    for module in MODULES:
        app.add_handlers(module.router.handlers)
    app.add_handler(presses.handler(module.router for module in MODULES))
    app.add_error_handler(report)


async def report(update: object, context: Context) -> None:
    """Write down what nobody handled; the log's filter keeps secrets out."""
    number = update.update_id if isinstance(update, Update) else None
    if isinstance(context.error, SendError):
        # what was ordered is in the database and goes on; a card or an answer is not
        logger.warning("update %s was handled, its answer not sent: %r", number, context.error)
    else:
        logger.error("update %s broke its handler", number, exc_info=context.error)
