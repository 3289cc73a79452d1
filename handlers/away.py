"""What was asked while the bot was away is asked about first: nobody pays for a stale wish."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from handlers.replies.outcomes import SendError
from storage import cards

if TYPE_CHECKING:
    from handlers.context import Services
    from handlers.identity import Asker

AWAY_SECONDS = 900.0
"""How old an order may be when it is read, by the time of its message."""


def came_late(asker: Asker, now: float) -> bool:
    """Whether what somebody said lay so long that they may not want it any more."""
    return asker.said_at is not None and now - asker.said_at > AWAY_SECONDS


async def make_room(services: Services, asker: Asker) -> None:
    """Drop the card of an older wish: whoever asked five times is asked back once, in a group."""
    if asker.chat.is_private:
        return
    async with services.db.transaction() as tx:
        card = await cards.newest_open(tx, asker.chat.id, asker.account)
        if card is None or not await cards.close(tx, card.id, "dropped"):
            return
    if card.card_message is not None:
        with suppress(SendError):
            await services.outbox.delete(asker.chat, card.card_message)
