"""What is erased of somebody: all columns that hold words or files, on all pages of the file."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

from storage import cards, films, inbox, ledger, notices, people, personal_data, videos
from storage.cards import CardContent, CardKind
from storage.database import Database
from storage.films import ShownFilm
from storage.generations import State
from storage.ledger import Account, EntryKind, Pot
from storage.notices import Notice, NoticeKind
from storage.people import Ban
from storage.personal_data import Erasure
from tests.storage.requests import ANN, BOB, NOW, ask, everything, meet, rows

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MARK = "quokka"
DAY = 24 * 3600.0
LATER = NOW + 100.0
KEPT_COLUMNS = {
    # numbers of messages and updates, by which nothing is done twice
    "allowed.cause", "bans.cause", "cards.cause", "cards.closed_by", "erasures.cause",
    "generations.cause", "ledger.cause", "notices.cause",
    # words of the program, from lists of its own
    "budget.state", "events.reason", "events.state", "events.was", "generations.reason",
    "generations.model",
    "generations.family", "generations.aspect_ratio", "generations.resolution", "notices.kind",
    # what admins did and why, in words of their own; why they shut somebody out
    "audit.act", "audit.cause", "audit.details", "bans.reason",
    # Telegram's number of a payment
    "payments.charge_id",
}  # fmt: skip
"""What stays of somebody, and why."""
NOT_THEIRS = {
    # the provider's offer, its troubles, files that came with the bot
    "cooldowns", "feeds", "model_failures", "outages", "pause", "shipped_files",
    "star_transactions",
    # links that admins made, by whose numbers people came
    "invites",
    # a group's choices, and the message that tells of what is under way there: rewritten each time
    "boards", "groups",
}  # fmt: skip
"""Tables that hold nothing of a person."""


async def kept_of(db: Database, person: int) -> None:
    """Write a row of everything the bot keeps of somebody who asked for a video and had it."""
    async with db.transaction() as tx:
        await people.upsert(tx, person, name="Ann", username="ann", language="en", now=NOW)
    chat = await meet(db, person)
    made = await ask(db, f"message:{person}", chat=chat.id, person=person)
    account = Account.person(person)
    async with db.transaction() as tx:
        await ledger.end_holds(tx, made.id, EntryKind.CAPTURE, now=NOW)
        await ledger.grant(
            tx, account, Pot.GRANTED, 5, cause=f"update:{person}", note="for Ann", now=NOW
        )
        content = CardContent(
            cause=f"card:{person}", kind=CardKind.PROMPT, chat=chat.id, thread_id=None,
            account=account, message_id=1, prompt="a cat", picture="file",
        )  # fmt: skip
        await cards.ask(tx, content, now=NOW)
        await films.show(tx, ShownFilm(account, chat.id, 2, [made.id]), now=NOW)
        for cause, generation in (("sent", made.id), ("told", None)):
            notice = Notice(
                cause=f"{cause}:{person}", chat=chat.id, kind=NoticeKind.GRANTED, person=person,
                generation=generation, facts={},
            )  # fmt: skip
            await notices.owe(tx, notice, now=NOW)
        await tx.execute("UPDATE notices SET sent_at = ?", (NOW,))
        await inbox.receive(tx, person, queue_key=person, body="", now=NOW)
        await inbox.set_aside(tx, person)
        await people.allow(tx, person, cause=f"allow:{person}", by=1, now=NOW)
        await people.ban(
            tx, Ban(telegram_id=person, by=1, at=NOW, reason="rude"), cause=f"ban:{person}"
        )
        await tx.execute("UPDATE generations SET state = ?", (State.DELIVERED,))


async def write(db: Database, statement: str, value: str) -> int | None:
    """Write into all rows of a column; None where it takes but the words of a list."""
    try:
        async with db.transaction() as tx:
            return (await tx.execute(statement, (value,))).rowcount
    except sqlite3.IntegrityError as refused:
        if "CHECK" in str(refused):
            return None
        raise


async def plant(db: Database, value: str) -> list[str]:
    """Put a mark into all columns of text that take one; return those."""
    async with db.transaction() as tx:
        triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        for (trigger,) in [tuple(row) for row in await tx.fetch_all(triggers)]:
            await tx.execute(f"DROP TRIGGER {trigger}")
    columns = await rows(
        db,
        "SELECT tables.name, columns.name FROM sqlite_schema AS tables"
        " JOIN pragma_table_info(tables.name) AS columns"
        " WHERE tables.type = 'table' AND columns.type = 'TEXT'",
    )
    planted = []
    for table, column in columns:
        if table in NOT_THEIRS or f"{table}.{column}" in KEPT_COLUMNS:
            continue
        takes = await write(
            db,
            f"UPDATE {table} SET {column} = ? || rowid",  # noqa: S608 - names of the schema
            value,
        )
        if takes is not None:
            assert takes > 0, f"no row of {table}: write one in `kept_of`, or say why not"
            planted.append(f"{table}.{column}")
    return planted


async def erased(db: Database, erasure: Erasure, *, now: float = LATER) -> bool:
    """Do what the bot does when it is asked; tell whether it came to its end."""
    async with db.transaction() as tx:
        await personal_data.ask_erasure(tx, erasure)
    await personal_data.erase_past(db, erasure, now=now)
    async with db.transaction(in_thread=True) as tx:
        is_done = await personal_data.end_erasure(tx, erasure, now=now)
    await db.truncate_wal()
    return is_done


def marked(path: Path) -> list[str]:
    """Return the files of a database in which the mark stands."""
    files = path.parent.glob(f"{path.name}*")
    return [file.name for file in files if MARK.encode() in file.read_bytes()]


async def test_no_column_and_no_page_holds_what_was_erased(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite3"
    db = await Database.open(path)
    await kept_of(db, ANN)
    # so much that pages are freed, and of several sizes
    planted = await plant(db, (MARK + "!" * 300) * 40)
    assert {"generations.prompt", "generations.file_id", "people.name", "cards.prompt"} <= {
        *planted
    }
    async with db.transaction() as tx:
        await tx.execute("UPDATE inbox SET body = body || ?", (f'{{"id": {ANN}}}',))
    await db.truncate_wal()
    assert marked(path) == [path.name], "the test can find it"
    assert await erased(db, Erasure("update:9", ANN, NOW + 1))
    assert marked(path) == []
    await db.close()
    assert marked(path) == []


async def test_what_others_keep_stays_word_for_word(db: Database) -> None:
    await kept_of(db, ANN)
    await kept_of(db, BOB)
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE generations SET picture = 'of Ann', picture_by = ? WHERE account_id = ?",
            (ANN, BOB),
        )
    before = await everything(db)
    assert await erased(db, Erasure("update:9", ANN, NOW + 1))
    after = await everything(db)
    for table, column in (("people", 0), ("bans", 0), ("allowed", 0), ("inbox", 0)):
        assert [row for row in before[table] if row[column] == BOB] == [
            row for row in after[table] if row[column] == BOB
        ], table
    [(prompt, picture)] = await rows(
        db, "SELECT prompt, picture FROM generations WHERE account_id = ?", BOB
    )
    assert (prompt, picture) == ("a cat", None), "the picture was Ann's, the video is Bob's"
    assert after["bans"] == before["bans"], "nobody gets out of a ban"
    assert [row[1:7] for row in after["ledger"]][: len(before["ledger"])] == [
        row[1:7] for row in before["ledger"]
    ]
    async with db.reading() as connection:
        drawn = await ledger.drawn(connection, Account.person(ANN), Pot.ALLOWANCE, since=0.0)
        assert drawn == 9, "nor a fresh allowance"
        assert await personal_data.stored_credits(connection, ANN) == {}
        assert await films.shown(connection, Account.person(ANN)) is None
        assert await films.shown(connection, Account.person(BOB)) is not None


async def test_a_request_counts_once_and_up_to_its_time(db: Database) -> None:
    await kept_of(db, ANN)
    wanted = Erasure("update:9", ANN, NOW + 1)
    assert await erased(db, wanted)
    chat = await meet(db, ANN)
    newer = await ask(db, "message:new", chat=chat.id, now=NOW + 50)
    async with db.transaction() as tx:
        await tx.execute("UPDATE generations SET state = ?", (State.DELIVERED,))
        assert not await personal_data.ask_erasure(tx, wanted), "the same tap, once more"
    assert await personal_data_open(db) == []
    await personal_data.erase_past(db, wanted, now=LATER)
    assert await rows(db, "SELECT prompt FROM generations WHERE id = ?", newer.id) == [("a cat",)]


async def personal_data_open(db: Database) -> list[Erasure]:
    async with db.reading() as connection:
        return await personal_data.open_erasures(connection)


async def test_what_is_under_way_is_waited_for_and_what_nobody_receives_for_a_day(
    db: Database,
) -> None:
    chat = await meet(db)
    async with db.transaction() as tx:
        await people.upsert(tx, ANN, name="Ann", username="ann", language="en", now=NOW)
    made = await ask(db, chat=chat.id)
    wanted = Erasure("update:9", ANN, NOW + 1)

    async def becomes(state: State) -> None:
        async with db.transaction() as tx:
            await tx.execute(
                "UPDATE generations SET state = ?, provider_id = 'x', changed_at = ?", (state, NOW)
            )

    for state in (State.GENERATING, State.PARKED, State.READY, State.UNDELIVERABLE):
        await becomes(state)
        assert not await erased(db, wanted), state
        assert await personal_data_open(db) == [wanted], "another start goes on with it"
        assert await rows(db, "SELECT name FROM people") == [("Ann",)], "they are still spoken to"
    assert await erased(db, wanted, now=LATER + DAY)
    assert await rows(db, "SELECT prompt, provider_id, name FROM generations, people") == [
        ("", None, str(ANN))
    ]
    async with db.reading() as connection:
        assert await videos.kept_for(connection, Account.person(ANN), now=LATER + DAY) == []
        assert await videos.expired(connection, now=LATER + DAY) == {made.id}, "its file goes"


async def test_after_the_days_of_retention_no_page_holds_the_words(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite3"
    db = await Database.open(path)
    await kept_of(db, ANN)
    words = (MARK + "!" * 300) * 40
    async with db.transaction() as tx:
        await tx.execute("UPDATE generations SET prompt = ?, picture = ?", (words, words))
        await tx.execute("UPDATE cards SET prompt = ?, created_at = ?", (words, NOW - 3 * DAY))
        await tx.execute("UPDATE notices SET facts = ?, sent_at = ?", (words, NOW - 3 * DAY))
        await tx.execute("UPDATE notices SET created_at = ?", (NOW - 3 * DAY,))
        await tx.execute("UPDATE inbox SET body = ?, received_at = ?", (words, NOW - 3 * DAY))
        await tx.execute("UPDATE generations SET created_at = ?", (NOW - 3 * DAY,))
    await personal_data.keep_for(db, 5 * DAY, now=LATER)
    await db.truncate_wal()
    assert marked(path) == [path.name], "it is not time"
    await personal_data.keep_for(db, 2 * DAY, now=LATER)
    async with db.transaction() as tx:
        assert await cards.forget(tx, now=LATER)
    await db.truncate_wal()
    assert marked(path) == []
    assert await rows(db, "SELECT file_id IS NULL, name FROM generations, people") == [(1, "Ann")]
    await db.close()


async def test_an_end_in_the_midst_of_it_leaves_the_rest_to_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bot.sqlite3"
    db = await Database.open(path)
    await kept_of(db, ANN)
    chat = await meet(db, ANN)
    monkeypatch.setattr(personal_data, "ERASE_BATCH", 1)
    for number in range(20):
        await ask(db, f"message:{number}", chat=chat.id, prompt=f"{MARK} {number}")
    async with db.transaction() as tx:
        await tx.execute("UPDATE generations SET state = ?", (State.DELIVERED,))
    wanted = Erasure("update:9", ANN, NOW + 1)
    async with db.transaction() as tx:
        await personal_data.ask_erasure(tx, wanted)
    words = "SELECT count(*) FROM generations WHERE prompt <> ''"
    erasing = asyncio.create_task(personal_data.erase_past(db, wanted, now=LATER))
    while await rows(db, words) == [(21,)]:
        await asyncio.sleep(0)
    erasing.cancel()
    await asyncio.wait({erasing})
    [(left,)] = await rows(db, words)
    assert 0 < left <= 20
    await db.close()
    db = await Database.open(path)
    assert await personal_data_open(db) == [wanted]
    assert await erased(db, wanted)
    assert marked(path) == []
    assert await personal_data_open(db) == []
    given_up = "SELECT count(*) FROM ledger WHERE kind = 'clawback'"
    assert await rows(db, given_up) == [(1,)], "the granted credits went once"
    await db.close()
