"""Boards: one message per group topic that lists the videos in work; deleted when there are none.

A single video needs none: its order has a reaction. Several share the board, and a single one
gets it if it is queued or late.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from handlers.replies.sending import NotSent, SendError, Skipped, run_to_completion
from handlers.replies.texts import Moment, approximate_moment, sanitize
from storage import chats, people
from storage.chats import Board
from storage.generations import PENDING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from generation.jobs.queue import Forecast, Progress
    from handlers.replies.outbox import Outbox
    from handlers.replies.texts import Languages, Translator
    from storage.chats import Chat
    from storage.database import Connection, Database
    from storage.generations import Generation

EDIT_SECONDS = 30.0
"""The least time between two edits of a board: edits count against the limit of a group."""
MAX_NAMES = 6
"""Videos listed by name on a board; the others are counted."""

logger = logging.getLogger(__name__)


class BoardText(NamedTuple):
    """The text of a board; it is edited only if the `state` changes."""

    state: str
    text: str
    moments: Sequence[Moment]


def board_text(
    entries: Sequence[tuple[str, Forecast]], translator: Translator, now: float
) -> BoardText:
    """Return a board's text: "Ann: in about 40 seconds · Bob: in about 1 minute · 3 waiting"."""
    made = [(name, forecast) for name, forecast in entries if forecast.position is None]
    parts, states, moments = list[str](), list[str](), list[Moment]()
    for name, forecast in made[:MAX_NAMES]:
        if forecast.at is not None:
            there = approximate_moment(translator, forecast.at, now)
            moments.append(there)
            parts.append(translator.gettext("{name}: {when}").format(name=name, when=there.words))
        elif forecast.is_late:
            parts.append(translator.gettext("{name}: longer than usual").format(name=name))
        else:
            parts.append(translator.gettext("{name}: any moment").format(name=name))
        states.append(parts[-1] if forecast.at is None else f"{name} {forecast.at:.0f}")
    counted = list[str]()
    if len(made) > MAX_NAMES:
        counted.append(translator.gettext("{count} more").format(count=len(made) - MAX_NAMES))
    if waiting := len(entries) - len(made):
        count = translator.number(waiting)
        counted.append(translator.gettext("{count} waiting").format(count=count))
    text = "🎬 " + " · ".join(parts + counted)
    return BoardText(" · ".join(states + counted), text, moments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boards:
    """Sends, edits and deletes boards; failures of sending are only logged."""

    db: Database
    outbox: Outbox
    progress: Progress
    languages: Languages
    clock: Callable[[], float]

    async def refresh(self, chat: Chat, work: Sequence[Generation]) -> None:
        """Update a group's boards to its pending work; not to be called twice at a time."""
        try:
            await self._refresh(chat, [one for one in work if one.state in PENDING])
        except SendError as error:
            logger.info("the board of chat %d stays as it is: %s", chat.id, error)

    async def _refresh(self, chat: Chat, pending: Sequence[Generation]) -> None:
        async with self.db.reading() as connection:
            shown = await chats.boards_of(connection, chat.id)
        by_thread: dict[int, list[tuple[Generation, Forecast]]] = defaultdict(list)
        for one in pending:
            by_thread[one.thread_id or 0].append((one, await self.progress.forecast(one)))
        for thread in shown.keys() - by_thread.keys():
            await self._delete(chat, shown[thread])
        due = {
            thread: orders
            for thread, orders in sorted(by_thread.items())
            if thread in shown
            or len(orders) > 1
            or any(one.position is not None or one.is_late for _, one in orders)
        }
        if not due:
            return
        async with self.db.reading() as connection:
            group = await chats.group_of(connection, chat.id)
            entries = {
                thread: [(await _name(connection, one, chat), at) for one, at in orders]
                for thread, orders in due.items()
            }
        translator = self.languages.translator(group.language)
        for thread in due:
            said = board_text(entries[thread], translator, self.clock())
            if thread in shown:
                await self._edit(chat, shown[thread], said)
            else:
                await run_to_completion(self._send(chat, thread, said))

    async def _send(self, chat: Chat, thread: int, said: BoardText) -> None:
        message = await self.outbox.send_text(
            chat,
            said.text,
            thread_id=thread or None,
            silent=True,
            cosmetic=True,
            moments=said.moments,
        )
        await self._store(Board(chat.id, thread, message, said.state, self.clock()))

    async def _edit(self, chat: Chat, board: Board, said: BoardText) -> None:
        """Edit a board if its state changed, at most every EDIT_SECONDS."""
        now = self.clock()
        if said.state == board.text or now - board.changed_at < EDIT_SECONDS:
            return
        try:
            await self.outbox.edit(
                chat, board.message_id, said.text, cosmetic=True, moments=said.moments
            )
        except (Skipped, NotSent):
            return
        except SendError:
            # the board was deleted; it is not sent again for the same orders
            logger.info("the board in chat %d is gone", chat.id)
        await self._store(replace(board, text=said.state, changed_at=now))

    async def _delete(self, chat: Chat, board: Board) -> None:
        try:
            await self.outbox.delete(chat, board.message_id)
        except NotSent:
            return
        except SendError as error:
            logger.info("the board in chat %d cannot be deleted: %s", chat.id, error)
        async with self.db.transaction() as tx:
            await chats.forget_boards(tx, board.chat, board.thread_id)

    async def _store(self, board: Board) -> None:
        async with self.db.transaction() as tx:
            await chats.put_board(tx, board)


async def _name(connection: Connection, generation: Generation, chat: Chat) -> str:
    if not generation.account.is_person:
        return chat.title
    person = await people.find(connection, generation.account.id)
    return sanitize(person.name if person else chat.title)
