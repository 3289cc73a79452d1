"""Personal data: its export, its erasure on request, and the retention of prompts.

The ledger, payments and bans keep the ids of people, so that a person who comes back has no fresh
allowance, and is still banned. Texts, pictures, names and the ids of files are erased.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from storage import (
    DAY_SECONDS,
    DELETE_BATCH,
    MONTH_SECONDS,
    inbox,
    ledger,
    notices,
    payments,
    people,
)
from storage.database import Connection, columns
from storage.generations import UNFINISHED, State, sql_list
from storage.ledger import Account, EntryKind, Pot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from storage.database import Database

MOST_ROWS = 5_000
"""How many rows of a section are exported, the newest first."""
SLICE = 200
"""How many rows are read at a time, so that others wait little."""
ERASE_BATCH = 10
"""How many generations are erased per transaction; few, because they are in many indexes."""
SCAN_ROWS = 1_000
"""How many rows are scanned per transaction for those to erase."""
GIVEN_UP = "given up with the personal data"
"""The note of the ledger entry that removes the credits."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """A person's request to erase their data from before `asked_at`."""

    cause: str
    person: int
    asked_at: float

    @property
    def account(self) -> Account:
        """The account of the person."""
        return Account.person(self.person)


async def stored_credits(tx: Connection, person: int) -> dict[Pot, int]:
    """Return the credits that an erasure would remove, by pot; empty pots are left out."""
    lying = {
        pot: await ledger.stored(tx, Account.person(person), pot)
        for pot in (Pot.BOUGHT, Pot.GRANTED)
    }
    return {pot: credits_ for pot, credits_ in lying.items() if credits_ > 0}


async def ask_erasure(tx: Connection, wanted: Erasure) -> bool:
    """Store a request for erasure, once, and remove the person's credits; return if it is new."""
    is_new = await tx.insert_or_ignore("erasures", **columns(Erasure, wanted)) is not None
    if is_new:
        # it includes all earlier requests of the person
        await tx.execute(
            "UPDATE erasures SET done_at = ? WHERE person = ? AND cause <> ? AND done_at IS NULL",
            (wanted.asked_at, wanted.person, wanted.cause),
        )
        await payments.give_up(tx, wanted.person)
        for pot, credits_ in (await stored_credits(tx, wanted.person)).items():
            await ledger.enter(
                tx, wanted.account, pot, EntryKind.CLAWBACK, credits_,
                cause=f"{wanted.cause}:{pot}", note=GIVEN_UP, now=wanted.asked_at,
            )  # fmt: skip
    return is_new


async def open_erasures(tx: Connection) -> list[Erasure]:
    """Return the unfinished erasures, oldest first."""
    rows = await tx.fetch_all(
        "SELECT cause, person, asked_at FROM erasures WHERE done_at IS NULL ORDER BY asked_at"
    )
    return [Erasure(**dict(row)) for row in rows]


_OVER = f"""created_at <= ?2 AND state NOT IN ({sql_list(UNFINISHED)})
    AND (state <> '{State.UNDELIVERABLE}' OR ?3 > ?2 + {DAY_SECONDS})"""
"""Condition: a generation is finished; undelivered videos stay on offer for a day."""
_OWN = "account_kind = 'person' AND account_id = ?1"
_HOLDS_FILES = """(prompt <> '' OR picture IS NOT NULL OR file_id IS NOT NULL
    OR thumbnail IS NOT NULL OR provider_id IS NOT NULL OR request_id IS NOT NULL)"""
_TO_ERASE = f"""SELECT id FROM generations INDEXED BY generations_by_account
    WHERE {_OWN} AND id > ?5 AND {_OVER} AND {_HOLDS_FILES} ORDER BY id LIMIT ?4"""
_ERASED = f"""UPDATE generations SET prompt = '', picture = NULL, file_id = NULL,
        file_unique_id = NULL, thumbnail = NULL, provider_id = NULL, request_id = NULL,
        changed_at = iif(state = '{State.UNDELIVERABLE}', 0, changed_at)
    WHERE id = ?"""
_PICTURES = f"""UPDATE generations SET picture = NULL WHERE id IN (SELECT id FROM generations
    WHERE picture_by = ?1 AND {_OVER} AND picture IS NOT NULL LIMIT ?4)"""
"""Erases the person's pictures in generations of other people, which stay."""
_SCANS = {
    "cards": """UPDATE cards NOT INDEXED SET state = iif(state = 'open', 'dropped', state),
            prompt = '', options = '', picture = NULL, picture_width = NULL, picture_height = NULL,
            picture_by = NULL
        WHERE id > ?4 AND id <= ?5 AND (prompt <> '' OR options <> '' OR picture IS NOT NULL)
            AND created_at <= ?2
            AND (account_kind = 'person' AND account_id = ?1 OR picture_by = ?1)""",
    "notices": """DELETE FROM notices NOT INDEXED WHERE id > ?4 AND id <= ?5 AND created_at <= ?2
        AND (sent_at IS NOT NULL OR given_up = 1 OR due_at > ?3)
        AND (person = ?1 OR chat = (SELECT id FROM chats WHERE telegram_id = ?1)
            OR EXISTS (SELECT 1 FROM generations WHERE id = generation
                AND account_kind = 'person' AND account_id = ?1))""",
    "ledger": f"""UPDATE ledger NOT INDEXED SET note = NULL
        WHERE id > ?4 AND id <= ?5 AND {_OWN} AND note IS NOT NULL AND at <= ?2""",
}
"""Statements for tables that are scanned, because no index helps: ?1 is the person, ?2 the time of
the request, ?3 now, and ids are above ?4 and up to ?5."""
_SET_ASIDE = """UPDATE inbox SET body = NULL
    WHERE set_aside = 1 AND received_at <= ?2 AND instr(body, ?1) > 0"""
_WHO = (
    """UPDATE people SET name = id, username = NULL, language = NULL, spoken = NULL, family = NULL,
            seconds = NULL, aspect_ratio = NULL, resolution = NULL, fit = NULL, asks_first = 0
        WHERE id = ?1""",
    "UPDATE chats SET title = '' WHERE telegram_id = ?1",
)
"""Erases the person last, because until then their language is needed."""


async def erase_past(db: Database, erasure: Erasure, *, now: float) -> None:
    """Erase finished generations and all other data but the person, in small transactions."""
    values, after, has_more = (erasure.person, erasure.asked_at, now), 0, True
    while has_more:
        async with db.transaction(in_thread=True) as tx:
            rows = await tx.fetch_all(_TO_ERASE, (*values, ERASE_BATCH, after))
            for row in rows:
                await tx.execute(_ERASED, (row["id"],))
        has_more, after = bool(rows), rows[-1]["id"] if rows else 0
    pictures = (*values, ERASE_BATCH)
    await db.write_in_batches(lambda tx: tx.changed(_PICTURES, pictures))
    for table, statement in _SCANS.items():
        async with db.reading() as connection:
            last = await connection.fetch_int(f"SELECT max(id) FROM {table}")
        for start in range(0, last, SCAN_ROWS):
            async with db.transaction(in_thread=True) as tx:
                await tx.execute(statement, (*values, start, start + SCAN_ROWS))
    async with db.transaction(in_thread=True) as tx:
        await tx.execute(_SET_ASIDE, (erasure.person, erasure.asked_at))


async def end_erasure(tx: Connection, erasure: Erasure, *, now: float) -> bool:
    """Erase the person, if all else is erased; return whether it is."""
    waits = await tx.fetch_int(
        f"SELECT (SELECT count(*) FROM generations WHERE {_OWN} AND created_at <= ?2"
        # generations that finished since `erase_past` are erased next time
        f" AND (state IN ({sql_list(UNFINISHED)}) OR {_HOLDS_FILES}))"
        " + (SELECT count(*) FROM notices WHERE created_at <= ?2 AND sent_at IS NULL"
        " AND given_up = 0 AND chat = (SELECT id FROM chats WHERE telegram_id = ?1))",
        (erasure.person, erasure.asked_at),
    )
    if waits:
        return False
    for statement in _WHO:
        await tx.execute(statement, (erasure.person,))
    await tx.execute("UPDATE erasures SET done_at = ? WHERE cause = ?", (now, erasure.cause))
    return True


WINDOW = 5_000
"""How many generations are scanned per statement for prompts to erase."""


_PROMPTS = f"""UPDATE generations SET prompt = '', picture = NULL WHERE id IN (
    SELECT id FROM generations WHERE id > ? AND id <= ? AND created_at < ?
        AND state NOT IN ({sql_list(UNFINISHED)}) AND (prompt <> '' OR picture IS NOT NULL)
    LIMIT ?)"""


async def keep_for(db: Database, seconds: float, *, now: float) -> None:
    """Erase prompts, notices and unreadable updates that are older than `seconds`."""
    async with db.reading() as connection:
        last = await connection.fetch_int("SELECT max(id) FROM generations")
    for start in range(0, last, WINDOW):
        window = (start, start + WINDOW, now - seconds, DELETE_BATCH)
        await db.write_in_batches(partial(Connection.changed, statement=_PROMPTS, values=window))
    # these are otherwise kept for a month
    sooner = max(0.0, MONTH_SECONDS - seconds)
    for forget in (notices.forget, inbox.forget_set_aside):
        await db.write_in_batches(partial(forget, now=now + sooner))


_SECTIONS = {
    "videos": f"""SELECT id AS video, state, reason, kind, family AS model, prompt, seconds,
            aspect_ratio, resolution, fit, silent, credits, picture AS picture_file,
            file_id AS video_file, provider_id AS provider_number, created_at AS asked_at, ready_at,
            (SELECT iif(chats.kind = 'private', 'alone with the bot', title) FROM chats
                WHERE chats.id = chat) AS asked_in
        FROM generations WHERE {_OWN}""",
    "credits": f"""SELECT at, pot, kind, credits, generation AS video, note FROM ledger
        WHERE {_OWN}""",
    "credits_from_groups": """SELECT at, kind, credits, generation AS video,
            (SELECT title FROM chats WHERE chats.id = account_id) AS "group"
        FROM ledger WHERE account_kind = 'chat' AND member = ?1""",
    "questions_to_you": f"""SELECT kind, state, prompt, options, picture AS picture_file,
            created_at AS asked_at
        FROM cards WHERE {_OWN} AND (prompt <> '' OR picture IS NOT NULL)""",
    "messages_to_you": """SELECT kind, facts, created_at, sent_at FROM notices
        WHERE person = ?1 AND chat = (SELECT id FROM chats WHERE telegram_id = ?1)""",
    # only the text, because other people may be in the rest
    "messages_from_you": """SELECT received_at, iif(json_valid(body), coalesce(
            json_extract(body, '$.message.text'), json_extract(body, '$.message.caption')), NULL
        ) AS words FROM inbox WHERE queue_key = ?1 AND body IS NOT NULL""",
    "ban": "SELECT banned_at AS since, reason FROM bans WHERE telegram_id = ?1",
    "let_in": "SELECT allowed_at AS since FROM allowed WHERE telegram_id = ?1",
    "links_used": "SELECT used_at FROM invited WHERE person = ?1",
    "payments": """SELECT charge_id, stars, credits, paid_at, ended_at AS given_back_at,
            (SELECT title FROM chats WHERE chats.id = chat) AS for_group
        FROM payments WHERE person = ?1""",
    "what_admins_did": "SELECT at, act, details FROM audit WHERE whom = ?1",
    "deletions": "SELECT asked_at, done_at FROM erasures WHERE person = ?1",
}
"""The queries of the export, by section; they select no ids of other people."""
_NEWEST = frozenset(
    {"videos", "credits", "credits_from_groups", "questions_to_you", "messages_to_you", "payments"}
)
"""Sections that may be long, sorted by id."""


async def about(tx: Connection, person: int) -> dict[str, Any]:
    """Return what is stored of a person themselves."""
    known = await people.find(tx, person)
    row = await tx.fetch_one("SELECT created_at, is_admin FROM people WHERE id = ?", (person,))
    if known is None or row is None:
        return {"number": person}
    return {
        "number": person,
        "name": known.name,
        "username": known.username,
        "language": known.language,
        "known_since": row["created_at"],
        "is_admin": known.is_admin,
        "usual_model": known.family,
        "usual_seconds": known.seconds,
        "usual_shape": known.aspect_ratio,
        "usual_resolution": known.resolution,
        "photos_of_another_shape": known.fit,
        "asks_before_each_video": known.asks_first,
        "free_credits_of_their_own": known.allowance,
    }


async def export(db: Database, person: int) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the data of a person in slices, each with the name of its section."""
    async with db.reading(in_thread=True) as connection:
        known = await about(connection, person)
    yield "you", [known]
    for section, statement in _SECTIONS.items():
        order = " ORDER BY id DESC" if section in _NEWEST else ""
        for start in range(0, MOST_ROWS, SLICE):
            rows = await db.fetch_in_thread(
                f"{statement}{order} LIMIT ?2 OFFSET ?3", (person, SLICE, start)
            )
            if rows or not start:
                yield section, [dict(row) for row in rows]
            if len(rows) < SLICE:
                break
