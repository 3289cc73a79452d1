"""/stats: the figures of a time, as an admin sees them."""

from __future__ import annotations

import io
import sys
from collections import Counter
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from generation.media.formats import MediaFailed
from generation.media.pool import MediaProcesses
from generation.models.pricing import Period
from handlers.admin.figures import Figures, budget_line, chart_of, interval_starts, quantile
from sandbox.aimlapi import Fault
from storage.generations import Reason, State
from storage.ledger import Account
from storage.statistics import Asked
from tests.flows.predicates import says
from tests.generation.orders.defaults import terms
from tests.handlers.shared import SPEECH, settled

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness, LoggedErrors

BERLIN = ZoneInfo("Europe/Berlin")


def one(at: float, state: State, **changes: object) -> Asked:
    values: dict[str, object] = {
        "at": at, "took": None, "state": state, "reason": Reason.OTHER,
        "account": Account.person(1), "chat": 1, "seconds": 4, "credits": 9,
        "charged": 840_000, "spent": None,
    }  # fmt: skip
    return Asked(**(values | changes))  # type: ignore[arg-type]


def test_a_budget_says_what_is_left_and_when_it_is_whole_again() -> None:
    assert budget_line(4_000_000, terms(), SPEECH, now=0.0) == (
        "Budget: $4.00 of $10.00 left. It renews in 1 day."
    )
    assert "no ceiling" in budget_line(None, terms(budget_usd=None), SPEECH, now=0.0)
    assert "$0.00 of" in budget_line(-5, terms(budget_period=Period.WEEK), SPEECH, now=0.0)


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-06-01", 24), ("2026-10-25", 25)]
)
def test_a_day_has_its_own_hours_and_begins_where_the_operator_lives(day: str, hours: int) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=BERLIN)
    begins = interval_starts(1, BERLIN, noon.timestamp())
    assert len(begins) == hours
    assert begins[0].isoformat()[:16] == f"{day}T00:00"
    days = interval_starts(7, BERLIN, noon.timestamp())
    assert len(days) == 7
    assert {begin.hour for begin in days} == {0}
    assert days[-1] == begins[0]


@pytest.mark.parametrize(
    ("values", "half", "most"),
    [([], None, None), ([3], 3, 3), ([4, 1, 2, 3], 2, 4), ([*range(100)], 49, 94)],
)
def test_so_large_a_part_does_not_exceed_it(
    values: list[int], half: int | None, most: int | None
) -> None:
    counts = Counter(values)
    assert (quantile(counts, 0.5), quantile(counts, 0.95)) == (half, most)


def test_each_request_counts_in_its_slot() -> None:
    figures = Figures([0.0, 100.0])
    figures.add(one(5.0, State.DELIVERED, took=60.0, spent=800_000))
    figures.add(one(99.0, State.FAILED, charged=0, credits=0, reason=Reason.WAITED_TOO_LONG))
    figures.add(one(100.0, State.CANCELLED, charged=0, credits=0, reason=Reason.CANCELLED))
    figures.add(one(900.0, State.QUEUED, account=Account.chat(7), chat=7))
    assert [slot.states.total() for slot in figures.intervals] == [2, 2]
    assert (figures.failed, figures.in_work, figures.took) == (2, 1, {60: 1})
    assert (figures.charged, figures.spent, figures.told) == (1_680_000, 800_000, 1)
    assert (figures.seconds, figures.credits) == (4, 18)
    assert (figures.people, figures.chats) == ({1: 3}, {1: 3, 7: 1})


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 10_000])
async def test_figures_are_drawn_however_many_there_are(tmp_path: Path, count: int) -> None:
    now = datetime(2026, 11, 26, 12, tzinfo=BERLIN).timestamp()
    begins = interval_starts(30, BERLIN, now)
    figures = Figures([begin.timestamp() for begin in begins])
    for number in range(count):
        at = now - number * 30 * 24 * 3600 / 10_000
        if number % 9:
            figures.add(one(at, State.DELIVERED, took=60.0 + number % 50 * 3))
        else:
            figures.add(one(at, State.FAILED))
    target = tmp_path / "chart.png"
    async with aclosing(MediaProcesses()) as media:
        await media.run("draw_chart", target=target, chart=chart_of(figures, 30, begins, SPEECH))
    with Image.open(target) as drawn:
        assert (drawn.format, drawn.size) == ("PNG", (1000, 1200))


@pytest.mark.slow
async def test_stats_show_a_time_as_a_picture_and_in_words(
    harness: Harness, provider: AimlApiSandbox, telegram: TelegramSandbox, chat: PrivateChat,
    ann: Person, owner: Person, office: PrivateChat,
) -> None:  # fmt: skip
    club = telegram.group("Film club", [ann])
    async with harness.running():
        await chat.send(ann, "/video a cat")
        await chat.wait(lambda message: message.video is not None)
        await club.send(ann, f"/video@{telegram.bot.username} a dog")
        await club.wait(lambda message: message.video is not None)
        provider.faults.next("submit", Fault.http(400))
        refused = await chat.send(ann, "/video a train")
        await chat.wait(says("credits", to=refused.message_id))
        await settled(harness)
        await office.send(owner, f"/grant {ann.id} 40")
        await office.send(owner, "/stats")
        shown = await office.wait(says("📊 Today"))
        words = shown.caption or ""
        assert shown.photo
        with Image.open(io.BytesIO(shown.photo[-1].bytes())) as picture:
            assert picture.size == (1000, 1200)
        for line in (
            "📊 Today",
            "Asked for: 3 · delivered: 2",
            "Failed or cancelled: 1 (refused by the provider 1)",
            "Seconds of video: 8 · credits: 18",
            "Cost by the price list: $1.68",
            "Cost told by the provider: $1.68 for 2 videos",
            "In all: 2 delivered, $1.68 spent",
            "People: @ann 3",
            "Groups: Film club 1",
            "Owed in unspent credits: 40 credits, $4.00.",
            "Budget: no ceiling. BUDGET_USD sets one.",
        ):
            assert line in words.splitlines(), words
        assert "Waiting time: half within" in words
        assert "matplotlib" not in sys.modules, "it is loaded in the process that draws"
        await office.press(shown, shown.button("30 days"), by=owner, timeout=20)
        await office.wait(says("30 days\nAsked for: 3"))
        assert len(office.from_bot) == 2, "the same message shows another time"
        await office.send(owner, "/admin")
        home = await office.wait(says("📅 Today"))
        await office.press(home, home.button("📊 Figures"), by=owner, timeout=20)
        await office.wait(says("7 days\nAsked for: 3"))
        assert "Asked for: 3" in (home.text or ""), "the home stays where it is"


async def test_where_nothing_can_be_drawn_the_words_are_shown(
    harness: Harness,
    owner: Person,
    office: PrivateChat,
    errors: LoggedErrors,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def breaks(*_: object, **__: object) -> None:
        raise MediaFailed("no matplotlib")

    async with harness.running():
        monkeypatch.setattr(MediaProcesses, "run", breaks)
        await office.send(owner, "/stats")
        shown = await office.wait(says("Today\nAsked for: 0"))
        assert not shown.photo
