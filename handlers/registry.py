"""All handlers in the order in which they are asked, and what happens when one breaks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from telegram import Update

from handlers import lapsed, unsupported
from handlers.account import model_choice, quota, settings, welcome
from handlers.admin import access, bans, grant, limit
from handlers.groups import arrival, group_settings, reports
from handlers.identity import meet
from handlers.ordering import card_taps, group_rules, photos, prompts
from handlers.replies.outcomes import SendError, Unreachable
from handlers.videos import again, cancel, history, results, sharing

if TYPE_CHECKING:
    from handlers.context import App, Context

logger = logging.getLogger(__name__)

ROOMS = (
    sharing, welcome, arrival, prompts, photos, card_taps, again, results, reports, quota, history,
    cancel, settings, group_settings, model_choice, access, grant, bans, limit, unsupported, lapsed,
)  # fmt: skip
"""The first handler that fits an update takes it: what is no order whatever it says, commands,
words, the rest."""


def register(app: App) -> None:
    """Hand every room's handlers to the application, behind the gate of groups."""
    app.add_handler(group_rules.gate(), group=-1)
    for room in ROOMS:
        app.add_handlers(room.handlers())
    app.add_error_handler(report)


async def report(update: object, context: Context) -> None:
    """Write down what nobody handled; the log's filter keeps secrets out."""
    number = update.update_id if isinstance(update, Update) else None
    if isinstance(context.error, SendError):
        # what was ordered is in the database and goes on; a card or an answer is not
        logger.warning("update %s was handled, its answer not sent: %r", number, context.error)
        if isinstance(update, Update) and not isinstance(context.error, Unreachable):
            await _apologise(update, context)
        return
    logger.error("update %s broke its handler", number, exc_info=context.error)
    if isinstance(update, Update):
        await _apologise(update, context)


async def _apologise(update: Update, context: Context) -> None:
    """Tell somebody alone with the bot that the fault is ours: silence would say it is theirs."""
    sender = await meet(update, context.services)
    if sender is None or not sender.chat.is_private:
        return
    text = sender.translator.gettext("Something broke on my side. Please try that again.")
    try:
        await context.services.outbox.say(sender.chat, text)
    except SendError as error:
        logger.warning("no apology for update %s: %r", update.update_id, error)
