"""Whose turn it is at the provider: fairly across people and chats."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from storage.turns import Served

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from storage.generations import Generation


LATELY_SECONDS = 3600.0
"""How long a turn one had counts against the next."""

_NOBODY = Served()


def next_turns(
    waiting: Sequence[Generation],
    running: Collection[Generation],
    slots: int,
    served: Served = _NOBODY,
) -> list[Generation]:
    """Choose who goes next, at most as many as there are free slots.

    Whoever has least at the provider goes first, then the chat that has least; where that
    is even, whoever's last turn, and whose chat's, is longest ago; then who asked first.
    Each choice counts at once, so one person cannot fill the slots.
    """
    by_account = Counter(generation.account for generation in running)
    by_chat = Counter(generation.chat for generation in running)
    left, chosen = list(waiting), []
    for _ in range(min(slots - len(running), len(left))):
        turn = min(
            left,
            key=lambda g: (
                by_account[g.account],
                by_chat[g.chat],
                served.accounts.get(g.account, 0.0),
                served.chats.get(g.chat, 0.0),
                g.id,
            ),
        )
        left.remove(turn)
        chosen.append(turn)
        by_account[turn.account] += 1
        by_chat[turn.chat] += 1
    return chosen


def in_line(
    waiting: Sequence[Generation], running: Collection[Generation], served: Served = _NOBODY
) -> list[Generation]:
    """Return who waits in the order in which they will have their turns, as it looks now."""
    return next_turns(waiting, running, len(running) + len(waiting), served)


def wait_seconds(place: int, slots: int, takes: float) -> float:
    """Return how long somebody at this place in the line (1 is next) waits for a slot.

    `takes` is how long one video takes; as many as there are slots are made side by side.
    """
    return takes * place / slots
