"""Which step a generation waits for, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from storage.generations import PENDING, State

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from generation.jobs.lookup import Lookups
    from generation.jobs.outages import Outages
    from generation.jobs.poll import Polls
    from generation.jobs.submit import Submissions
    from handlers.replies.boards import Boards
    from handlers.replies.delivery import Deliveries
    from handlers.replies.notice_sender import Notices
    from handlers.replies.status import StatusMessages
    from storage.generations import Generation

    Step = tuple[str, Callable[[], Coroutine[Any, Any, None]]]
    """A kind, of which only so many are taken side by side, and what is to be done."""

POLL = "poll"
"""The kind of step that bounds itself: see `generation.jobs.poll`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """Who does which step."""

    submissions: Submissions
    lookups: Lookups
    polls: Polls
    outages: Outages
    deliveries: Deliveries
    notices: Notices
    status: StatusMessages
    boards: Boards


def next_step(rooms: Rooms, generation: Generation) -> Step | None:
    """Choose who takes the next step; a submission nobody works on has lost its answer.

    Who may be submitted is not decided here: that takes all chats (see `generation.jobs.queue`).
    """
    match generation.state:
        case State.SUBMITTING:
            return "look up", partial(rooms.submissions.abandon, generation)
        case State.GENERATING | State.PARKED if generation.provider_id is not None:
            return POLL, partial(rooms.polls.poll, generation)
        case State.UNKNOWN | State.PARKED:
            return "look up", partial(rooms.lookups.look_up, generation)
        case State.READY:
            # a chat that has to wait for Telegram holds up no other
            work = partial(rooms.deliveries.deliver, generation)
            return f"deliver to {generation.chat}", work
        case _ if generation.status_message is not None and generation.state not in PENDING:
            return "tidy", partial(rooms.status.remove, generation)
        case _:
            return None
