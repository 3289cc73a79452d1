"""Updates between Telegram and whoever handles them: written once, in order, then forgotten."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

from storage import DELETE_BATCH, inbox
from storage.inbox import (
    EXCESS_NOTICE_SECONDS,
    HANDLED_ID_SECONDS,
    MAX_PER_CHAT,
    MAX_PER_MEMBER,
    MAX_PER_SENDER,
    Backlog,
    Origin,
    StoredUpdate,
)
from tests.storage.requests import NOW, rows

if TYPE_CHECKING:
    from storage.database import Database


async def receive(db: Database, update_id: int, *, queue_key: int = 1, now: float = NOW) -> bool:
    """Write an update down."""
    async with db.transaction() as tx:
        return await inbox.receive(
            tx, update_id, queue_key=queue_key, body=f"body {update_id}", now=now
        )


async def waiting(db: Database) -> list[int]:
    """The updates still to be handled, in their order."""
    async with db.reading() as connection:
        return [stored.update_id for stored in await inbox.waiting(connection)]


async def test_an_update_received_again_is_known(db: Database) -> None:
    assert await receive(db, 5)
    assert not await receive(db, 5)
    assert await waiting(db) == [5]


async def test_an_update_received_again_after_it_was_handled_is_known(db: Database) -> None:
    await receive(db, 5)
    async with db.transaction() as tx:
        await inbox.finish(tx, 5, now=NOW)
    assert not await receive(db, 5)
    assert await waiting(db) == []


async def test_updates_wait_in_the_order_in_which_they_came(db: Database) -> None:
    # Telegram begins its ids anew, anywhere, after a week without updates
    for number, now in ((900, NOW), (901, NOW), (17, NOW + 1), (18, NOW + 2)):
        await receive(db, number, now=now)
    assert await waiting(db) == [900, 901, 17, 18]


async def test_a_waiting_update_is_whole(db: Database) -> None:
    await receive(db, 5, queue_key=-100)
    async with db.transaction() as tx:
        await inbox.begin(tx, 5)
        await inbox.begin(tx, 5)
        [stored] = await inbox.waiting(tx)
    assert stored == StoredUpdate(5, -100, "body 5", starts=2, received_at=NOW)


async def test_the_content_of_a_handled_update_is_erased(db: Database) -> None:
    await receive(db, 5)
    async with db.transaction() as tx:
        await inbox.finish(tx, 5, now=NOW + 1)
    assert await rows(db, "SELECT update_id, body, handled_at FROM inbox") == [(5, None, NOW + 1)]


async def test_an_update_set_aside_waits_no_more_and_is_kept(db: Database) -> None:
    await receive(db, 5)
    async with db.transaction() as tx:
        await inbox.set_aside(tx, 5)
        await inbox.forget(tx, now=NOW + 10 * HANDLED_ID_SECONDS)
    assert await waiting(db) == []
    assert await rows(db, "SELECT body FROM inbox") == [("body 5",)]


async def test_handled_updates_are_forgotten_after_48_hours_and_no_others(db: Database) -> None:
    for number in (1, 2, 3):
        await receive(db, number)
    async with db.transaction() as tx:
        await inbox.finish(tx, 1, now=NOW)
        await inbox.finish(tx, 2, now=NOW + 1)
        assert not await inbox.forget(tx, now=NOW + HANDLED_ID_SECONDS)
        assert await inbox.forget(tx, now=NOW + HANDLED_ID_SECONDS + 1)
        assert not await inbox.forget(tx, now=NOW + HANDLED_ID_SECONDS + 1)
    assert await rows(db, "SELECT update_id FROM inbox") == [(2,), (3,)]
    assert HANDLED_ID_SECONDS == 48 * 3600


async def test_a_transaction_forgets_so_many_that_others_need_not_wait(db: Database) -> None:
    async with db.transaction() as tx:
        for number in range(DELETE_BATCH + 1):
            await inbox.receive(tx, number, queue_key=1, body="", now=NOW)
            await inbox.finish(tx, number, now=NOW)
        assert await inbox.forget(tx, now=NOW + 2 * HANDLED_ID_SECONDS)
    assert len(await rows(db, "SELECT 1 FROM inbox")) == 1
    async with db.transaction() as tx:
        assert await inbox.forget(tx, now=NOW + 2 * HANDLED_ID_SECONDS)
        assert not await inbox.forget(tx, now=NOW + 2 * HANDLED_ID_SECONDS)


ANN, BOB, GROUP = 7, 8, -100


class Waiting:
    """A backlog, and what became of the updates that were offered to it."""

    def __init__(self) -> None:
        self.backlog = Backlog()
        self.numbers = count(1)
        self.origins: dict[int, Origin] = {}
        self.out: dict[int, int] = {}
        self.dropped: list[int] = []

    def offer(
        self,
        sender: int,
        chat: int | None = None,
        *,
        times: int = 1,
        now: float = NOW,
        kind: str = "message",
        is_for_bot: bool = True,
        is_bounded: bool = True,
    ) -> list[int]:
        """Offer updates; return the numbers of those that were let in."""
        origin = Origin(kind, chat or sender, sender, is_for_bot, is_bounded)
        let_in = []
        for _ in range(times):
            number = next(self.numbers)
            self.origins[number] = origin
            is_in, dropped = self.backlog.admit(number, origin, now)
            self.dropped += [] if dropped is None else [dropped]
            if is_in:
                let_in.append(number)
                if self.backlog.add(number, origin):
                    self.out[origin.chat] = number
        return let_in

    def handle(self, chat: int) -> list[int]:
        """Handle all of a chat; return the numbers in the order in which their turn came."""
        handled = []
        number: int | None = self.out.pop(chat, None)
        while number is not None:
            handled.append(number)
            found = self.backlog.next(number, chat)
            number = None if found is None else found[0]
        return handled

    def senders(self, chat: int) -> list[int]:
        return [self.origins[number].sender for number in self.handle(chat)]


def test_of_one_sender_so_many_wait_and_one_more_to_be_told() -> None:
    waiting = Waiting()
    let_in = waiting.offer(ANN, times=20_000)
    assert len(let_in) == 1 + MAX_PER_SENDER + 1, "one is handled, fifty wait, one is told"
    assert [one for one in let_in if waiting.backlog.is_excess(one)] == [let_in[-1]]
    assert waiting.handle(ANN) == let_in, "in the order in which they came"
    assert not waiting.backlog.is_excess(let_in[-1]), "nothing is remembered of what is done"


def test_whoever_sends_too_much_again_is_told_once_an_hour() -> None:
    waiting = Waiting()
    waiting.offer(ANN, times=100)
    waiting.handle(ANN)
    again = waiting.offer(ANN, times=100, now=NOW + EXCESS_NOTICE_SECONDS - 1)
    assert not any(map(waiting.backlog.is_excess, again))
    waiting.handle(ANN)
    later = waiting.offer(ANN, times=100, now=NOW + EXCESS_NOTICE_SECONDS)
    assert sum(map(waiting.backlog.is_excess, later)) == 1


def test_a_sender_s_bound_counts_all_their_chats() -> None:
    waiting = Waiting()
    for group in range(-30, 0):
        waiting.offer(ANN, group, times=10, is_for_bot=False)
    assert len(waiting.origins) == 300
    assert len([number for group in range(-30, 0) for number in waiting.handle(group)]) == (
        30 + MAX_PER_SENDER
    )


def test_of_a_member_three_wait_that_are_meant_for_the_bot() -> None:
    waiting = Waiting()
    let_in = waiting.offer(ANN, GROUP, times=400)
    assert len(let_in) == 1 + MAX_PER_MEMBER + 1
    assert waiting.offer(ANN, GROUP, is_for_bot=False), "what others may read is no command"
    assert waiting.offer(BOB, GROUP), "others may speak"
    assert waiting.offer(ANN, times=4), "alone with the bot it is another count"


def test_one_member_s_many_stand_before_nobody_else_s() -> None:
    waiting = Waiting()
    waiting.offer(ANN, GROUP, times=40, is_for_bot=False)
    waiting.offer(BOB, GROUP, times=2)
    assert waiting.senders(GROUP)[:6] == [ANN, BOB, ANN, BOB, ANN, ANN]


def test_a_member_who_comes_while_another_is_served_is_next() -> None:
    waiting = Waiting()
    waiting.offer(ANN, GROUP, times=3)
    [first] = [waiting.out[GROUP]]
    turn = waiting.backlog.next(first, GROUP)
    assert turn is not None
    waiting.out[GROUP] = turn[0]
    waiting.offer(BOB, GROUP)
    assert waiting.senders(GROUP) == [ANN, BOB, ANN]


def test_in_a_full_chat_the_loudest_makes_room_for_whoever_is_new() -> None:
    waiting = Waiting()
    waiting.offer(1, GROUP, is_for_bot=False)
    for sender in range(2, 2 + MAX_PER_CHAT // MAX_PER_SENDER):
        waiting.offer(sender, GROUP, times=MAX_PER_SENDER, is_for_bot=False)
    assert waiting.dropped == []
    assert waiting.offer(BOB + 100, GROUP)
    assert len(waiting.dropped) == 1
    handled = Counter(waiting.senders(GROUP))
    assert handled.total() == 1 + MAX_PER_CHAT
    assert handled[BOB + 100] == 1


def test_a_chat_full_of_senders_with_one_each_takes_no_more() -> None:
    waiting = Waiting()
    for sender in range(1, MAX_PER_CHAT + 2):
        assert waiting.offer(sender, GROUP, is_for_bot=False)
    assert waiting.offer(5000, GROUP, is_for_bot=False) == []
    assert waiting.dropped == []


def test_of_changes_of_the_bot_s_standing_the_last_counts() -> None:
    waiting = Waiting()
    let_in = waiting.offer(ANN, times=1000, kind="my_chat_member", is_for_bot=False)
    assert waiting.handle(ANN) == [let_in[0], let_in[-1]]
    assert waiting.dropped == let_in[1:-1]


def test_a_payment_and_a_move_are_never_dropped() -> None:
    waiting = Waiting()
    waiting.offer(ANN, GROUP, times=MAX_PER_CHAT, is_for_bot=False)
    paid = waiting.offer(ANN, GROUP, times=3, is_bounded=False)
    assert len(paid) == 3
    for sender in range(100, 100 + 2 * MAX_PER_CHAT):
        waiting.offer(sender, GROUP, is_for_bot=False)
    assert waiting.dropped, "others had to go"
    assert {*paid} <= {*waiting.handle(GROUP)}


def test_a_backlog_that_was_handled_leaves_nothing_behind() -> None:
    waiting = Waiting()
    for chat in (ANN, GROUP):
        waiting.offer(ANN, chat, times=500)
        waiting.offer(BOB, GROUP, times=5)
    for chat in (ANN, GROUP):
        waiting.handle(chat)
        assert waiting.backlog.is_idle(chat)
    assert (
        len(waiting.offer(ANN, times=500, now=NOW + EXCESS_NOTICE_SECONDS))
        == 1 + MAX_PER_SENDER + 1
    )


async def test_what_waits_is_read_page_after_page(db: Database) -> None:
    async with db.transaction() as tx:
        for number in range(450):
            await inbox.receive(tx, number, queue_key=1, body="{}", now=NOW + number // 100)
        found, last = [], None
        while page := await inbox.waiting(tx, after=last):
            found += [one.update_id for one in page]
            last = page[-1]
    assert found == [*range(450)]
