"""What the operator reads at each start: who may spend what, and how to become admin."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.settings.definition import Settings

logger = logging.getLogger(__name__)


def first_words(settings: Settings, username: str, invitation: str) -> None:
    """Say who may use the bot and what it may cost; print the first admin's link where given."""
    logger.warning("%s", spending(settings))
    if invitation:
        # the terminal only: a log may be read by many
        sys.stderr.write(
            "Nobody is admin yet. Open this link within 15 minutes to be the one:\n"
            f"https://t.me/{username}?start={invitation}\n"
        )


def spending(settings: Settings) -> str:
    """Say in one line who may spend how much."""
    each = settings.free_credits * settings.credit_usd
    who = (
        f"{len(settings.allowed_ids)} people or chats may use this bot"
        if settings.allowed_ids
        else "Anyone on Telegram may use this bot"
    )
    if settings.budget_usd is None:
        ceiling = "there is no ceiling for all together"
    else:
        ceiling = f"all together at most ${settings.budget_usd:.2f} a {settings.budget_period}"
    period = "once" if settings.quota_period == "lifetime" else f"a {settings.quota_period}"
    return f"{who}; each may spend ${each:.2f} {period}; {ceiling}."
