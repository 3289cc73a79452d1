"""What earlier versions wrote: a row or more in each table of their schema, in its own columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.generations import State
from tests.storage.requests import ANN, BOB, NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    Statement = tuple[str, tuple[object, ...]]

GROUP = -100_5
"""A group's id at Telegram."""
HELD = frozenset({State.QUEUED, State.SUBMITTING, State.UNKNOWN, State.GENERATING})
CAPTURED = frozenset({State.READY, State.DELIVERED, State.UNDELIVERABLE})


def _row(table: str, **values: object) -> Statement:
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    return f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(values.values())  # noqa: S608 - names below


def rows_of(version: int) -> Iterator[Statement]:
    """Return what a bot of this version has written: one request in each state, and around it."""
    yield _row("chats", id=1, telegram_id=ANN, kind="private", title="Ann", created_at=NOW)
    yield _row("chats", id=2, telegram_id=GROUP, kind="supergroup", title="Club", created_at=NOW)
    yield _row("people", id=ANN, name="Ann", username="ann", language="de", created_at=NOW)
    yield _row("people", id=BOB, name="Bob", is_admin=1, seconds=8, created_at=NOW)
    yield _row("allowed", telegram_id=GROUP, cause="update:1", allowed_by=BOB, allowed_at=NOW)
    yield _row("inbox", update_id=1, lane=ANN, body="{}", received_at=NOW, starts=1)
    yield _row("inbox", update_id=2, lane=ANN, received_at=NOW, handled_at=NOW)
    yield _row("inbox", update_id=3, lane=GROUP, body="{", received_at=NOW, set_aside=1)
    for number, state in enumerate(State, start=1):
        yield from _request(number, state)
    yield _row(
        "ledger", account_kind="person", account_id=ANN, pot="bought", kind="grant", credits=100,
        cause="update:2", note="a gift", at=NOW,
    )  # fmt: skip
    for answer in ("open", "started", "dropped"):
        yield _row(
            "cards", cause=f"card:{answer}", kind="prompt", state=answer, chat=1,
            account_kind="person", account_id=ANN, message_id=5, card_message=6, prompt="a boat",
            created_at=NOW,
        )  # fmt: skip
    yield _row(
        "notices", cause="generation:9:failed", chat=1, person=ANN, generation=9,
        kind="failed_broken", facts='{"credits": 9}', due_at=NOW, created_at=NOW,
    )  # fmt: skip
    yield _row("outages", reason="key", began_at=NOW, probe_at=NOW + 300)
    yield _row("rests", model="openai/sora-2-t2v", reason="gone", until=NOW + 900)
    if version >= 2:
        yield _row("feeds", name="models", body="[]", heard_at=NOW)
        yield _row("strikes", generation=9, model="openai/sora-2-t2v", at=NOW)
    if version >= 3:
        yield _row("groups", chat=2, asking="admins", thread_id=7, per_day=3, pool=50, share=10)
        yield _row("boards", chat=2, thread_id=7, message_id=8, text="🎬 Ann", changed_at=NOW)
    if version >= 4:
        yield "UPDATE groups SET quiet_from = 22, quiet_until = 7, blurred = 1", ()
    if version >= 5:
        yield _row("bans", telegram_id=777, cause="update:3", banned_by=BOB, banned_at=NOW)


def _request(number: int, state: State) -> Iterator[Statement]:
    submitted = state not in {State.QUEUED, State.CANCELLED}
    sent = state is State.DELIVERED
    yield _row(
        "generations", id=number, state=state, reason="asked for", origin="message",
        cause=f"message:{number}", chat=1, message_id=number, account_kind="person",
        account_id=ANN, kind="t2v", family="sora-2", model="openai/sora-2-t2v",
        prompt=f"a cat, {state}", seconds=4, aspect_ratio="16:9", resolution="720p", fit="crop",
        silent=0, credits=9, price_micros=840_000, budget_micros=840_000,
        request_id=f"request {number}" if submitted else None, submissions=int(submitted),
        provider_id=f"id {number}" if submitted else None, setbacks=2, due_at=NOW,
        status_message=number + 100, delivered_chat=1 if sent else None,
        delivered_message=number + 200 if sent else None, file_id="file" if sent else None,
        file_kind="video" if sent else None, created_at=NOW, changed_at=NOW,
        submitted_at=NOW if submitted else None,
    )  # fmt: skip
    account = {"account_kind": "person", "account_id": ANN, "pot": "allowance", "credits": 9}
    hold = 2 * number
    yield _row("ledger", id=hold, kind="hold", generation=number, at=NOW, **account)
    if state not in HELD:
        kind = "capture" if state in CAPTURED else "release"
        yield _row(
            "ledger", id=hold + 1, kind=kind, ends=hold, generation=number, at=NOW, **account
        )
