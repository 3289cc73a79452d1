"""Whose turn it is: nobody fills the slots, nobody is forgotten."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from generation.jobs.queue import next_turns
from storage.fairness import Served

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from storage.accounts import Account
    from storage.generations import Generation


@dataclass(frozen=True)
class Turn:
    """What of a generation decides on its turn."""

    id: int
    account: int
    chat: int


def line(*people: tuple[int, int]) -> list[Turn]:
    """Requests in the order they were asked, by who and where."""
    return [Turn(number, account, chat) for number, (account, chat) in enumerate(people)]


def go(waiting: list[Turn], running: list[Turn], slots: int) -> list[Turn]:
    """Whose turn it is."""
    turns = next_turns(cast("list[Generation]", waiting), cast("list[Generation]", running), slots)
    return cast("list[Turn]", turns)


people = st.tuples(st.integers(1, 6), st.integers(1, 3))
lines = st.lists(people, max_size=30).map(lambda asked: line(*asked))


def test_who_asked_first_goes_first() -> None:
    assert [turn.id for turn in go(line((1, 1), (2, 2), (3, 3)), [], 2)] == [0, 1]


def test_a_crowd_from_one_person_lets_the_next_person_in() -> None:
    waiting = line(*[(1, 1)] * 20, (2, 2))
    assert [turn.account for turn in go(waiting, [], 3)] == [1, 2, 1]


def test_a_large_chat_lets_a_small_one_in() -> None:
    waiting = line(*[(person, 1) for person in range(10, 30)], (1, 2))
    assert [turn.chat for turn in go(waiting, [], 3)] == [1, 2, 1]


def test_what_already_runs_counts() -> None:
    running = [Turn(100, 1, 1), Turn(101, 1, 1)]
    assert [turn.account for turn in go(line((1, 1), (2, 1)), running, 4)] == [2, 1]


def test_more_running_than_slots_lets_nobody_in() -> None:
    running = [Turn(100 + number, 9, 9) for number in range(5)]
    assert go(line((1, 1)), running, 3) == []


@given(lines, lines, st.integers(0, 10))
def test_free_slots_are_used_and_never_exceeded(
    waiting: list[Turn], running: list[Turn], slots: int
) -> None:
    chosen = go(waiting, running, slots)
    assert len(chosen) == max(0, min(len(waiting), slots - len(running)))
    assert len(set(chosen)) == len(chosen)
    assert set(chosen) <= set(waiting)


@given(lines, lines, st.integers(0, 20))
def test_nobody_goes_again_while_somebody_with_less_still_waits(
    waiting: list[Turn], running: list[Turn], slots: int
) -> None:
    chosen = go(waiting, running, slots)
    has = Counter(turn.account for turn in [*running, *chosen])
    for left in set(waiting) - set(chosen):
        for turn in chosen:
            assert has[turn.account] <= has[left.account] + 1, f"{turn} went before {left}"


@given(lines, st.integers(1, 4))
def test_everybody_has_their_turn_in_the_end(waiting: list[Turn], slots: int) -> None:
    running: list[Turn] = []
    served: list[Turn] = []
    for _ in range(len(waiting) + 1):
        turns = go([turn for turn in waiting if turn not in served], running, slots)
        served += turns
        running = [*running, *turns][1:]  # the longest running one ends
    assert sorted(turn.id for turn in served) == [turn.id for turn in waiting]


@given(st.integers(1, 30), st.integers(1, 4))
def test_a_newcomer_waits_for_one_slot_however_long_the_line_of_another(
    crowd: int, slots: int
) -> None:
    waiting = line(*[(1, 1)] * crowd, (2, 2))
    running = [Turn(1000 + number, 1, 1) for number in range(slots - 1)]
    newcomer = waiting[-1]
    first = go(waiting, running, slots)
    assert newcomer in first or not running, "with something running, the newcomer is next"
    if newcomer not in first:
        left = [turn for turn in waiting if turn not in first]
        assert go(left, first, slots + 1) == [newcomer]


def by_definition(
    waiting: list[Turn], running: list[Turn], slots: int, served: Served
) -> list[Turn]:
    """Choose one after the other, each time the least of all that are left."""
    by_account = Counter(turn.account for turn in running)
    by_chat = Counter(turn.chat for turn in running)
    accounts, chats = cast("Mapping[int, float]", served.accounts), served.chats
    left, chosen = list(waiting), []
    for _ in range(min(slots - len(running), len(left))):
        turn = min(
            left,
            key=lambda t: (
                by_account[t.account],
                by_chat[t.chat],
                accounts.get(t.account, 0.0),
                chats.get(t.chat, 0.0),
                t.id,
            ),
        )
        left.remove(turn)
        chosen.append(turn)
        by_account[turn.account] += 1
        by_chat[turn.chat] += 1
    return chosen


turns_had = st.dictionaries(st.integers(1, 6), st.sampled_from([1.0, 2.0, 3.0]))


@given(lines, lines, st.integers(0, 70), turns_had, turns_had, st.randoms())
def test_the_order_is_that_of_its_definition(
    waiting: list[Turn],
    running: list[Turn],
    slots: int,
    accounts: dict[int, float],
    chats: dict[int, float],
    dice: Random,
) -> None:
    served = Served(cast("Mapping[Account, float]", accounts), chats)
    dice.shuffle(waiting)
    line_, at_work = cast("list[Generation]", waiting), cast("list[Generation]", running)
    turns = next_turns(line_, at_work, slots, served)
    assert cast("list[Turn]", turns) == by_definition(waiting, running, slots, served)


def test_a_long_line_is_put_in_order_without_comparing_everybody_with_everybody() -> None:
    class Counted(int):
        compared = 0

        def __lt__(self, other: int) -> bool:
            Counted.compared += 1
            return int(self) < int(other)

    crowd = 2_000
    waiting = [Turn(Counted(number), number % 700, number % 40) for number in range(crowd)]
    assert len(go(waiting, [], crowd)) == crowd
    assert Counted.compared < 40 * crowd
