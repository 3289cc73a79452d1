"""/export: tables of what was asked for and paid, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from handlers.admin import records
from handlers.admin.records import PAYMENT_COLUMNS, VIDEO_COLUMNS, Export, read_export, safe_cell
from storage import payments, statistics
from storage.payments import Charge
from tests.flows.predicates import says, shows_video
from tests.handlers.shared import settled
from tests.storage.requests import rows

if TYPE_CHECKING:
    from sandbox.telegram import Message, Person, PrivateChat
    from tests.harness import Harness

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("words", "span"),
    [
        ([], Export(False)),
        (["2026-10"], Export(False, "2026-10")),
        (["payments"], Export(True)),
        (["Payments", "2026-02"], Export(True, "2026-02")),
        *[(wrong, None) for wrong in (
            ["2026-13"], ["2026"], ["2026-1"], ["all"], ["2026-10", "payments"],
            ["payments", "2026-10", "x"], ["2026-10-01"], ["2026-10\n"],
        )],
    ],
)  # fmt: skip
def test_a_time_is_read(words: list[str], span: Export | None) -> None:
    assert read_export(words) == span


def test_a_month_begins_and_ends_where_the_operator_lives() -> None:
    begins, ends = Export(True, "2026-12").interval(BERLIN)
    assert datetime.fromtimestamp(begins, BERLIN).isoformat() == "2026-12-01T00:00:00+01:00"
    assert datetime.fromtimestamp(ends, BERLIN).isoformat() == "2027-01-01T00:00:00+01:00"


@pytest.mark.parametrize(
    ("written", "cell"),
    [("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"),
     ("\t=1", "\t'=1"), (" =1", " '=1"), ("\r\n=1", "\r\n'=1"), ("\uff1d1", "'\uff1d1"),
     ("a;=1+1", "a;'=1+1"), ("a; @b\t+1", "a; '@b\t'+1"), ("a\n=1", "a\n'=1")],
)  # fmt: skip
def test_nothing_that_somebody_wrote_becomes_a_formula(written: str, cell: str) -> None:
    assert safe_cell(written) == cell


@pytest.mark.parametrize("cell", ["a cat = a dog", "", "a; b", "1-1", "'=", -100, None, "–5"])
def test_every_other_cell_stays_as_it_is(cell: object) -> None:
    assert safe_cell(cell) == cell


def table(message: Message) -> list[dict[str, str]]:
    assert message.document is not None
    return list(csv.DictReader(io.StringIO(message.document.bytes().decode("utf-8-sig"))))


async def test_what_was_asked_for_and_paid_is_sent_as_tables_and_written_down(
    harness: Harness, owner: Person, office: PrivateChat, chat: PrivateChat, ann: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(statistics, "SLICE", 1)
    monkeypatch.setattr(payments, "SLICE", 1)
    async with harness.running():
        await office.send(owner, "/export 2026-13")
        await office.wait(says("Write /export [payments] [YYYY-MM]"))
        await office.send(owner, "/export payments")
        await office.wait(says("There is nothing in that time."))
        await chat.send(ann, "/video =HYPERLINK(x), a cat")
        await chat.wait(shows_video())
        await chat.send(ann, "/video 1 ship, “Zoë”")
        await chat.wait(shows_video("1 ship, “Zoë”"))
        await settled(harness)
        async with harness.db.transaction() as tx:
            for charge in ("+49", "later"):
                paid = Charge(charge_id=charge, person=ann.id, credits=50, stars=250, paid_at=1.8e9)
                await payments.credit(tx, paid, credit_micros=100_000)
        month = datetime.now(UTC).strftime("%Y-%m")
        await office.send(owner, f"/export {month}")
        sent = await office.wait(lambda message: message.document is not None)
        first, second = table(sent)
        assert (sent.caption, sent.document and sent.document.file_name) == (
            "2 rows", f"videos-{month}.csv",
        )  # fmt: skip
        await office.send(owner, "/export 2020-01")
        await office.send(owner, "/export payments 2027-01")
        bought = await office.wait(
            lambda message: (
                message.document is not None and message.caption == "2 rows" and message is not sent
            )
        )
        audited = await rows(harness.db, "SELECT details FROM audit WHERE act = 'export'")
    assert tuple(first) == VIDEO_COLUMNS
    assert first["prompt"] == "'=HYPERLINK(x), a cat"
    assert second["prompt"] == "1 ship, “Zoë”"
    assert (first["name"], first["username"]) == ("Ann", "ann")
    assert first["person_id"] == first["chat_id"] == str(ann.id)
    assert (first["state"], first["price_usd"], first["credits"]) == ("delivered", "0.84", "9")
    payment, later = table(bought)
    assert (payment["name"], later["charge_id"]) == ("Ann", "later")
    assert tuple(payment) == PAYMENT_COLUMNS
    assert payment["charge_id"] == "'+49"
    assert (payment["credits"], payment["credit_usd"]) == ("50", "0.1")
    assert audited == [("payments",), (month,), ("2020-01",), ("payments 2027-01",)]


async def test_a_table_ends_where_telegram_takes_no_more(
    harness: Harness, owner: Person, office: PrivateChat, chat: PrivateChat, ann: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(records, "MAX_FILE_BYTES", 1)
    monkeypatch.setattr(statistics, "MOST_EXPORTED", 1)
    async with harness.running():
        for words in ("a cat", "a dog"):
            await chat.send(ann, f"/video {words}")
            await chat.wait(shows_video(words))
        await office.send(owner, "/export")
        sent = await office.wait(lambda message: message.document is not None)
    assert [row["prompt"] for row in table(sent)] == ["a dog"], "the newest stay"
    assert (sent.caption or "").startswith("1 row; not all fit.")
