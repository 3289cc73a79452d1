"""Calling requests back that wait for their turn: by whoever asked, or for whoever is banned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.jobs import transitions
from generation.jobs.transitions import told
from storage import chats, generations
from storage.accounts import Account
from storage.generations import PENDING, State

if TYPE_CHECKING:
    from aiosqlite import Connection

    from storage.generations import Generation


async def recall(tx: Connection, number: int, account: Account, *, now: float) -> Generation | None:
    """Cancel a queued request, note the wish for a submitted one; None for nobody's or another's.

    Doing it again changes nothing.
    """
    generation = await generations.find(tx, number)
    if generation is None or generation.account != account:
        return None
    if generation.state is State.QUEUED:
        return await transitions.advance(
            tx,
            generation,
            State.CANCELLED,
            reason="called back by its sender",
            now=now,
            uncharged=True,
        )
    if generation.state in PENDING:
        await generations.note(tx, generation.id, cancel_wanted=True)
    return generation


async def stop_waiting(tx: Connection, who: int, *, now: float) -> list[Generation]:
    """Fail what waits for its turn, with the credits back; what is being made goes on."""
    if who > 0:
        unfinished = await generations.pending_of(tx, Account.person(who))
    else:
        chat = await chats.by_telegram_id(tx, who)
        unfinished = await generations.in_work(tx, chat.id) if chat else []
    waiting = [one for one in unfinished if one.state is State.QUEUED]
    for one in waiting:
        place = await chats.find(tx, one.chat)
        # a group need not know
        owes = [told(one, "failed_banned")] if place is not None and place.is_private else []
        await transitions.advance(
            tx, one, State.FAILED, reason="banned", now=now, owes=owes, uncharged=True
        )
    return waiting
