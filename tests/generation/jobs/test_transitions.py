"""What follows from each outcome in each state: decisions over values, without a database."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from generation.jobs import outcomes as on
from generation.jobs.outcomes import Credits, Outcome, StillQueued, Transition
from generation.jobs.polling import REFERENCE_SECONDS
from generation.jobs.schedule import (
    LINK_TIMEOUT,
    MAX_PICTURE_RETRIES,
    PARKED_POLL_SECONDS,
    RESEND_SECONDS,
    Estimate,
)
from generation.jobs.transitions import NEXT_STATES, RELEVANT_STATES, decide
from storage.generations import Reason, State
from storage.ledger import Account
from storage.notices import NoticeKind
from tests.generation.jobs.table import (
    CHEAPER,
    EXPECTED,
    PAIRS,
    POLICY,
    PRIVATE,
    ROWS,
    expected,
    generation,
)
from tests.storage.requests import NOW

MINUTE = Estimate(60.0, (60.0,), 60.0)
ALLOWED = {
    ("queued", "submitting"),
    ("queued", "cancelled"),
    ("queued", "failed"),
    ("submitting", "generating"),
    ("submitting", "queued"),
    ("submitting", "failed"),
    ("submitting", "unknown"),
    ("unknown", "generating"),
    ("unknown", "parked"),
    ("unknown", "failed"),
    ("generating", "ready"),
    ("generating", "failed"),
    ("generating", "parked"),
    ("parked", "ready"),
    ("parked", "failed"),
    ("ready", "delivered"),
    ("ready", "undeliverable"),
    ("ready", "failed"),
    ("undeliverable", "delivered"),
}


def follows(
    outcome: Outcome,
    state: State,
    *,
    after: float = 0.0,
    estimate: Estimate = MINUTE,
    **request: Any,
) -> Transition | None:
    """Decide about a request in a state, some seconds after it was like that."""
    return decide(
        generation(state, **request), outcome, now=NOW + after, policy=POLICY, estimate=estimate
    )


def must(
    outcome: Outcome,
    state: State,
    *,
    after: float = 0.0,
    estimate: Estimate = MINUTE,
    **request: Any,
) -> Transition:
    """Do the same where something follows."""
    found = follows(outcome, state, after=after, estimate=estimate, **request)
    assert found is not None
    return found


def test_the_table_is_about_every_outcome() -> None:
    assert {type(row.outcome) for row in ROWS.values()} == set(get_args(Outcome))
    assert {name for name, _ in EXPECTED} == ROWS.keys()
    assert RELEVANT_STATES.keys() == set(get_args(Outcome))


def test_the_states_follow_each_other_as_designed() -> None:
    assert {(was, to) for was, after in NEXT_STATES.items() for to in after} == ALLOWED
    assert NEXT_STATES.keys() == set(State)


@pytest.mark.parametrize(("name", "state"), PAIRS)
def test_each_outcome_in_each_state_is_followed_by_what_the_table_says(
    name: str, state: State
) -> None:
    row = ROWS[name]
    found = follows(row.outcome, state, after=row.after, **row.request)
    assert (found and (found.to, found.credits)) == expected(name, state)
    if found is not None and found.to is not state:
        assert found.to in NEXT_STATES[state]


@pytest.mark.parametrize(("name", "state"), [pair for pair in PAIRS if expected(*pair)])
def test_whoever_must_know_of_it_is_told(name: str, state: State) -> None:
    row = ROWS[name]
    found = must(row.outcome, state, after=row.after, **row.request)
    # who was parked has been told, and who stays where he is has nothing to hear
    # but of a model, and of what was brought in vain
    is_told = found.to is not state or name.startswith(("model", "nobody"))
    is_news = state is not State.PARKED and is_told
    notices = [row.notice] if row.notice and is_news else []
    assert [one.kind for one in found.owes] == notices
    told_of = on.ModelIsGone if state is State.QUEUED else ()
    facts = [] if told_of in row.facts else [*row.facts]
    if on.BadResult in facts and found.to is state:
        facts = []
    assert [type(one) for one in found.facts] == facts


@pytest.mark.parametrize("state", [State.SUBMITTING, State.UNKNOWN, State.PARKED])
def test_an_id_that_is_paid_for_is_never_dropped(state: State) -> None:
    assert must(on.SubmissionAccepted("p"), state).changes["provider_id"] == "p"


def test_who_is_wanted_back_does_not_wait_for_another_turn() -> None:
    assert must(on.SubmissionNotAccepted(None), State.SUBMITTING).also is None
    again = must(on.SubmissionNotAccepted(None), State.SUBMITTING, cancel_wanted=True)
    assert again.also == StillQueued()
    other = must(on.ModelNotServed(CHEAPER), State.SUBMITTING, cancel_wanted=True)
    assert other.also == StillQueued()


def test_a_substitute_is_made_at_its_own_price() -> None:
    changes = must(on.ModelNotServed(CHEAPER), State.SUBMITTING).changes
    assert (changes["family"], changes["credits"], changes["price_micros"]) == (
        "veo-3.1-fast", 4, 400_000,
    )  # fmt: skip


def waits(outcome: Outcome, state: State, counter: str, times: int) -> list[float]:
    """How long to wait after the same setback time after time."""
    found: list[float] = []
    counters: dict[str, Any] = {counter: 0}
    for _ in range(times):
        transition = must(outcome, state, **counters)
        assert transition.due_at is not None
        found.append(transition.due_at - NOW)
        counters[counter] = transition.changes[counter]  # type: ignore[literal-required]
    return found


@pytest.mark.parametrize(
    ("outcome", "state", "counter"),
    [
        (on.SubmissionNotAccepted(None), State.SUBMITTING, "refusals"),
        (on.AccountRefused("key"), State.SUBMITTING, "refusals"),
        (on.PictureFetchFailed(is_refused=True), State.QUEUED, "picture_setbacks"),
        (on.PollFailed(), State.GENERATING, "poll_setbacks"),
        (on.SendFailed(0, None), State.READY, "send_setbacks"),
        (on.PreparationFailed(None), State.READY, "preparation_setbacks"),
        (on.VideoGone(), State.READY, "preparation_setbacks"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_cause_waits_longer_and_longer_by_a_counter_of_its_own(
    outcome: Outcome, state: State, counter: str
) -> None:
    assert waits(outcome, state, counter, 5) == [1, 2, 4, 8, 16]
    others = {"refusals", "picture_setbacks", "poll_setbacks", "send_setbacks"} - {counter}
    assert waits_with(outcome, state, **dict.fromkeys(others, 9)) == 1


def waits_with(outcome: Outcome, state: State, **request: Any) -> float:
    """How long to wait for a request like that."""
    transition = must(outcome, state, **request)
    assert transition.due_at is not None
    return transition.due_at - NOW


def test_a_picture_nobody_answered_for_is_asked_for_steadily_and_as_late_as_was_told() -> None:
    for setbacks in (0, MAX_PICTURE_RETRIES):
        assert waits_with(on.PictureFetchFailed(), State.QUEUED, picture_setbacks=setbacks) == 5
    assert waits_with(on.PictureFetchFailed(retry_after=40.0), State.QUEUED) == 40


def test_a_picture_that_is_refused_for_now_is_asked_for_a_minute() -> None:
    asked = waits(
        on.PictureFetchFailed(is_refused=True),
        State.QUEUED,
        "picture_setbacks",
        MAX_PICTURE_RETRIES,
    )
    assert 60 <= sum(asked) <= 70


def test_twenty_refusals_by_telegram_say_nothing_of_the_file() -> None:
    found = must(on.PreparationFailed(PRIVATE), State.READY, send_setbacks=20)
    assert (found.to, found.due_at) == (State.READY, NOW + 1)


def test_a_dead_link_is_asked_for_again_for_a_quarter_of_an_hour_and_then_parked() -> None:
    looks, request, now = list[float](), dict[str, Any](), 0.0
    while True:
        found = must(on.LinkDead(), State.GENERATING, after=now, **request)
        if found.to is not State.GENERATING:
            break
        assert found.due_at is not None
        looks.append(found.due_at - NOW - now)
        now = found.due_at - NOW
        request |= found.changes
    assert looks[:4] == [5, 15, 45, 135]
    assert now == sum(looks) == LINK_TIMEOUT
    assert (found.to, found.credits, found.reason) == (
        State.PARKED, Credits.RELEASE, Reason.LINK_DEAD,
    )  # fmt: skip


def test_links_that_lead_to_no_video_and_dead_ones_share_the_quarter() -> None:
    first = must(on.LinkDead(), State.GENERATING)
    second = must(
        on.LinkDead(reason=Reason.NO_VIDEO_AT_LINK), State.GENERATING, after=10, **first.changes
    )
    assert second.changes["finished_at"] == NOW
    assert second.due_at == NOW + 10 + 15


def test_a_poll_that_fails_in_between_takes_nothing_of_the_quarter() -> None:
    between = must(on.PollFailed(), State.GENERATING, finished_at=NOW, dead_links=2)
    assert not between.changes.keys() & {"finished_at", "dead_links"}


@pytest.mark.parametrize("outcome", [on.StillRunning(), on.PollFailed(), on.LinkDead()])
def test_what_is_parked_is_looked_for_slowly(outcome: Outcome) -> None:
    assert must(outcome, State.PARKED).due_at == NOW + PARKED_POLL_SECONDS


def test_a_wait_that_was_asked_for_is_kept_and_our_own_is_none() -> None:
    assert must(on.SubmissionNotAccepted(90), State.SUBMITTING).due_at == NOW + 90
    assert must(on.PollFailed(90), State.GENERATING).due_at == NOW + 90
    assert must(on.SendFailed(0, 90), State.READY).due_at == NOW + 90
    assert must(on.ArrivalUnknown(), State.READY).due_at == NOW + RESEND_SECONDS


def test_polls_come_when_a_look_is_due_after_it_was_taken() -> None:
    assert must(on.SubmissionAccepted("p"), State.SUBMITTING).due_at == NOW + REFERENCE_SECONDS
    again = must(on.StillRunning(), State.GENERATING, after=40, accepted_at=NOW)
    assert again.due_at == NOW + 40 + REFERENCE_SECONDS


def test_what_was_found_in_the_log_is_as_old_as_its_submission() -> None:
    found = must(on.FoundInLog("p"), State.UNKNOWN, after=60, submitted_at=NOW - 5)
    assert (found.due_at, found.changes["accepted_at"]) == (NOW + 60, NOW - 5)


@pytest.mark.parametrize(
    ("outcome", "state", "changes", "why"),
    [
        (on.VideoOnDisk(400_000), State.GENERATING, (400_000, 200_000), "half was given"),
        (on.VideoOnDisk(), State.GENERATING, (None, None), "as it was accepted"),
        (on.VideoOnDisk(400_000), State.PARKED, (400_000, 400_000), "a gift"),
        (on.VideoOnDisk(), State.PARKED, (None, 840_000), "a gift of unknown price"),
        (on.ResultRefused("x", 400_000), State.GENERATING, (400_000, 400_000), "lost"),
        (on.ProviderFailed(), State.GENERATING, (0, None), "not billed"),
    ],
)
def test_what_the_operator_bears_counts_at_its_real_price(
    outcome: Outcome, state: State, changes: tuple[int | None, int | None], why: str
) -> None:
    found = must(outcome, state, budget_micros=420_000).changes
    assert (found.get("spent_micros"), found.get("budget_micros")) == changes, why


def test_what_is_parked_counts_whole_in_the_budget_until_more_is_known() -> None:
    found = must(on.StillRunning(), State.GENERATING, after=9999, budget_micros=0)
    assert (found.to, found.changes["budget_micros"]) == (State.PARKED, 840_000)


def test_a_video_that_comes_late_is_known_to_be_a_gift() -> None:
    assert must(on.VideoOnDisk(), State.PARKED).changes["is_gift"]
    assert "is_gift" not in must(on.VideoOnDisk(), State.GENERATING).changes


@pytest.mark.parametrize("state", [State.GENERATING, State.PARKED])
def test_a_video_that_is_sent_at_once_is_noted_as_being_sent_when_it_is_ready(state: State) -> None:
    found = must(on.VideoOnDisk(send_begins=True), state)
    assert found.to is State.READY
    assert found.changes["send_started_at"] == NOW
    assert found.changes["sends"] == 1
    assert "sends" not in must(on.VideoOnDisk(), state).changes


def test_nobody_is_told_of_a_gift_that_got_lost() -> None:
    found = must(on.VideoGone(), State.READY, preparation_setbacks=10, is_gift=True)
    assert (found.to, found.owes) == (State.FAILED, ())


def test_a_notice_goes_where_the_request_was_made() -> None:
    (notice,) = must(on.PictureLost(), State.QUEUED, thread_id=3).owes
    assert (notice.kind, notice.chat, notice.thread_id, notice.reply_to, notice.person) == (
        NoticeKind.FAILED_PICTURE_GONE, 1, 3, 10, 501,
    )  # fmt: skip
    assert notice.facts == {"generation": 1, "credits": 9}


def test_a_notice_to_a_chats_own_account_has_no_person() -> None:
    (notice,) = must(on.PictureLost(), State.QUEUED, account=Account.chat(1)).owes
    assert notice.person is None


def test_a_kept_video_is_told_of_in_private_where_its_sender_can_be_told() -> None:
    (notice,) = must(on.DeliveryFailed(Reason.NO_RECIPIENT, PRIVATE), State.READY).owes
    assert (notice.chat, notice.reply_to, notice.thread_id) == (PRIVATE, None, None)
    assert must(on.DeliveryFailed(Reason.NO_RECIPIENT, None), State.READY).owes == ()
