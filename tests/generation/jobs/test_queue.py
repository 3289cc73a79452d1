"""Who gets the next slot: nobody fills them, nobody is forgotten."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from generation.jobs.queue import (
    FAIRNESS_SECONDS,
    HEAP_SLACK,
    LONG_QUEUE,
    POSITIONS_MAX_AGE_SECONDS,
    FairQueue,
    QueueEntry,
)
from generation.jobs.schedule import queue_deadline
from storage import statistics
from storage.generations import State
from storage.ledger import Account

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.generation.steps import Steps
    from tests.storage.requests import Clock


def entry(number: int, person: int, chat: int) -> QueueEntry:
    return QueueEntry(number, chat, Account.person(person))


def line(*people: tuple[int, int]) -> list[QueueEntry]:
    """Requests in the order they were asked, by who and where."""
    return [entry(number, person, chat) for number, (person, chat) in enumerate(people)]


def queue_of(
    waiting: Iterable[QueueEntry], running: Iterable[QueueEntry], slots: int, *, now: float = 0.0
) -> FairQueue:
    made = FairQueue(slots, lambda: now)
    for one in running:
        made.occupy(one)
    for one in waiting:
        made.add(one)
    return made


def drained(queue: FairQueue) -> list[QueueEntry]:
    served = []
    while (one := queue.next()) is not None:
        served.append(one)
    return served


def go(
    waiting: Iterable[QueueEntry], running: Iterable[QueueEntry], slots: int
) -> list[QueueEntry]:
    """Who gets the free slots."""
    return drained(queue_of(waiting, running, slots))


people = st.tuples(st.integers(1, 6), st.integers(1, 3))
lines = st.lists(people, max_size=30).map(lambda asked: line(*asked))
running_lines = st.lists(people, max_size=30).map(
    lambda asked: [entry(100 + number, *one) for number, one in enumerate(asked)]
)


def test_who_asked_first_goes_first() -> None:
    assert [one.id for one in go(line((1, 1), (2, 2), (3, 3)), [], 2)] == [0, 1]


def test_a_crowd_from_one_person_lets_the_next_person_in() -> None:
    waiting = line(*[(1, 1)] * 20, (2, 2))
    assert [one.account.id for one in go(waiting, [], 3)] == [1, 2, 1]


def test_a_large_chat_lets_a_small_one_in() -> None:
    waiting = line(*[(person, 1) for person in range(10, 30)], (1, 2))
    assert [one.chat for one in go(waiting, [], 3)] == [1, 2, 1]


def test_what_already_runs_counts() -> None:
    running = [entry(100, 1, 1), entry(101, 1, 1)]
    assert [one.account.id for one in go(line((1, 1), (2, 1)), running, 4)] == [2, 1]


def test_more_running_than_slots_lets_nobody_in() -> None:
    running = [entry(100 + number, 9, 9) for number in range(5)]
    assert go(line((1, 1)), running, 3) == []


@given(lines, running_lines, st.integers(0, 10))
def test_free_slots_are_used_and_never_exceeded(
    waiting: list[QueueEntry], running: list[QueueEntry], slots: int
) -> None:
    chosen = go(waiting, running, slots)
    assert len(chosen) == max(0, min(len(waiting), slots - len(running)))
    assert len(set(chosen)) == len(chosen)
    assert set(chosen) <= set(waiting)


@given(lines, running_lines, st.integers(0, 20))
def test_nobody_goes_again_while_somebody_with_less_still_waits(
    waiting: list[QueueEntry], running: list[QueueEntry], slots: int
) -> None:
    chosen = go(waiting, running, slots)
    has = Counter(one.account for one in [*running, *chosen])
    for left in set(waiting) - set(chosen):
        for one in chosen:
            assert has[one.account] <= has[left.account] + 1, f"{one} went before {left}"


@given(lines, st.integers(1, 4))
def test_everybody_is_served_in_the_end(waiting: list[QueueEntry], slots: int) -> None:
    queue, running, served = queue_of(waiting, [], slots), list[QueueEntry](), list[QueueEntry]()
    while len(queue):
        granted = drained(queue)
        served += granted
        running += granted
        queue.remove(running.pop(0).id)  # the longest running one ends
    assert sorted(one.id for one in served) == [one.id for one in waiting]


@given(st.integers(1, 30), st.integers(1, 4))
def test_a_newcomer_waits_for_one_slot_however_long_the_line_of_another(
    crowd: int, slots: int
) -> None:
    queue = queue_of(line(*[(1, 1)] * (crowd + slots)), [], slots, now=1.0)
    running, newcomer = drained(queue), entry(1000, 2, 2)
    queue.add(newcomer)
    assert queue.next() is None
    queue.remove(running[0].id)
    assert queue.next() == newcomer


class Definition:
    """The order by its definition: each time the least of all that are left."""

    def __init__(self) -> None:
        self.waiting: dict[int, QueueEntry] = {}
        self.running: dict[int, QueueEntry] = {}
        self.last: dict[object, float] = {}

    def next(self, slots: int, now: float) -> QueueEntry | None:
        if len(self.running) >= slots or not self.waiting:
            return None
        has = Counter[object]()
        for one in self.running.values():
            has.update((one.account, one.chat))

        def key(one: QueueEntry) -> tuple[float, ...]:
            lately = {
                holder: at
                for holder, at in self.last.items()
                if at >= self.newest - FAIRNESS_SECONDS
            }
            return (
                has[one.account],
                has[one.chat],
                lately.get(one.account, 0.0),
                lately.get(one.chat, 0.0),
                one.id,
            )

        chosen = min(self.waiting.values(), key=key)
        self.running[chosen.id] = self.waiting.pop(chosen.id)
        self.last[chosen.account] = self.last[chosen.chat] = now
        return chosen

    @property
    def newest(self) -> float:
        return max(self.last.values(), default=0.0)


steps_of_a_day = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), people),
        st.tuples(st.just("next"), st.floats(1.0, FAIRNESS_SECONDS)),
        st.tuples(st.just("end"), st.integers(0, 30)),
        st.tuples(st.just("call back"), st.integers(0, 30)),
        st.tuples(st.just("give back"), st.integers(0, 30)),
    ),
    max_size=60,
)


@given(steps_of_a_day, st.integers(1, 5))
def test_the_order_is_that_of_its_definition(steps: list[tuple[str, object]], slots: int) -> None:
    now, number, right = 1_000_000.0, 0, Definition()
    queue = FairQueue(slots, lambda: now)
    for step, what in steps:
        match step, what:
            case "ask", (int() as person, int() as chat):
                asked = entry(number := number + 1, person, chat)
                right.waiting[asked.id] = asked
                queue.add(asked)
            case "next", float() as passed:
                now += passed
                assert queue.next() == right.next(slots, now)
            case "end", int() as which if which in right.running:
                del right.running[which]
                queue.remove(which)
            case "call back", int() as which if which in right.waiting:
                del right.waiting[which]
                queue.remove(which)
            case "give back", int() as which if which in right.running:
                right.waiting[which] = right.running.pop(which)
                queue.add(right.waiting[which])
        assert len(queue) == len(right.waiting)
        assert queue.is_full is (len(right.running) >= slots)


@given(lines, running_lines)
def test_place_one_has_whoever_is_next_and_everybody_has_a_place(
    waiting: list[QueueEntry], running: list[QueueEntry]
) -> None:
    queue = queue_of(waiting, running, len(running) + 1)
    positions = {one: queue.position(one.id) for one in waiting}
    assert sorted(place or 0 for place in positions.values()) == [*range(1, len(waiting) + 1)]
    if waiting:
        first = queue.next()
        assert first is not None
        assert positions[first] == 1
        assert queue.position(first.id) is None


def test_a_small_chat_stands_in_front_of_a_large_one() -> None:
    queue = queue_of(line(*[(person, 1) for person in range(10, 30)], (1, 2)), [], 0)
    assert [queue.position(number) for number in (0, 20, 1)] == [1, 2, 3]


def test_places_of_many_are_counted_every_few_seconds() -> None:
    now = 0.0
    queue = FairQueue(0, lambda: now)
    for one in line(*[(person, person) for person in range(LONG_QUEUE + 1)]):
        queue.add(one)
    assert queue.position(1) == 2
    queue.remove(0)
    queue.add(entry(1000, 1000, 1000))
    assert (queue.position(1), queue.position(1000)) == (2, LONG_QUEUE + 1)
    now += POSITIONS_MAX_AGE_SECONDS
    assert (queue.position(1), queue.position(1000)) == (1, LONG_QUEUE + 1)


def test_a_chat_is_taken_over_as_the_database_has_it() -> None:
    queue = queue_of(line((1, 1), (2, 1), (3, 2)), [entry(100, 4, 1)], 2)
    queue.reconcile(1, [entry(1, 2, 1), entry(100, 4, 1)], [entry(5, 5, 1)])
    assert [queue.position(number) is not None for number in (0, 1, 2, 100)] == [
        False, True, True, True,
    ]  # fmt: skip
    assert [(number in queue.running) for number in (5, 100)] == [True, False]
    assert queue.chats == {1, 2}


def test_what_moves_to_another_chat_waits_there() -> None:
    queue = queue_of(line((1, 1)), [], 1)
    queue.reconcile(2, [entry(0, 1, 2)], [])
    queue.reconcile(1, [], [])
    assert queue.next() == entry(0, 1, 2)


def test_the_choice_costs_no_more_where_many_wait() -> None:
    class Counted(int):
        compared = 0

        def __lt__(self, other: int) -> bool:
            Counted.compared += 1
            return int(self) < int(other)

    def compared_per_choice(crowd: int) -> float:
        waiting = [entry(Counted(number), number % 700, number % 40) for number in range(crowd)]
        queue = queue_of(waiting, [], 50)
        running, chosen = drained(queue), 0
        Counted.compared = 0
        for number in range(crowd, 2 * crowd):
            queue.add(entry(Counted(number), number % 700, number % 40))
            queue.remove(running.pop(0).id)
            running += (entries := drained(queue))
            chosen += len(entries)
        assert chosen == crowd
        return Counted.compared / chosen

    assert compared_per_choice(4_000) < 2 * compared_per_choice(200) < 200


def test_a_queue_that_lives_long_holds_no_more_than_what_waits() -> None:
    queue = queue_of(line(*[(person % 7, person % 3) for person in range(20)]), [], 1)
    for number in range(20, 5_000):
        one = queue.next()
        assert one is not None
        queue.add(entry(number, number % 7, number % 3))
        queue.remove(one.id)
    held = sum(map(len, queue._waiting_ids.values())) + len(queue._chats._entries)  # noqa: SLF001 - its memory is the fact
    assert held < 20 + 2 * 3 + HEAP_SLACK + 1
    assert len(queue._accounts_in) <= 3  # noqa: SLF001 - the same


async def test_a_start_takes_up_who_waits_who_has_a_slot_and_who_had_a_turn_lately(
    steps: Steps, clock: Clock
) -> None:
    taken = await steps.submit(await steps.ask("message:1"))
    assert taken.state is State.GENERATING
    waiting, later = [await steps.ask(f"message:{number}") for number in (2, 3)]
    await steps.note(later, due_at=clock.now + 60)
    queue = FairQueue(2, clock)
    async with steps.db.reading() as connection:
        await queue.restore(connection)
        entries = await statistics.last_served(connection, since=clock.now - 1)
    assert entries == [(taken.account, taken.chat, clock.now)]
    assert taken.id in queue.running
    assert queue.position(waiting.id) == 1
    assert queue.position(later.id) is None, "it is not due"
    newcomer = entry(99, 777, 777)
    queue.add(newcomer)
    assert queue.next() == newcomer, "who has nothing at the provider goes first"


def test_a_place_far_behind_takes_several_rounds_of_all_slots() -> None:
    queue = queue_of(line(*[(person, person) for person in range(10)]), [], 4)
    assert [queue.rounds_before(number) for number in (0, 3, 9)] == [0.25, 1.0, 2.5]
    assert queue.rounds_before(99) == 0.0


async def test_a_request_waits_six_hours_and_a_quarter_of_an_hour_while_nothing_is_served(
    steps: Steps, clock: Clock
) -> None:
    asked, hour = await steps.ask(), 3600.0
    assert queue_deadline(asked, None) == clock.now + 6 * hour
    assert queue_deadline(asked, clock.now + 600) == clock.now + 1500
    assert queue_deadline(asked, clock.now - 600) == clock.now + 900
    assert queue_deadline(asked, clock.now + 6 * hour) == clock.now + 6 * hour
    assert queue_deadline(await steps.note(asked, cancel_wanted=True), None) == 0.0
