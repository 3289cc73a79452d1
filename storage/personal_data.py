"""Personal data: what is kept of somebody, as they may read it, and how it is erased.

The ledger, payments and bans keep a person's number: who comes back has no fresh allowance, and is
still banned. Words, pictures, names and the ids of files go.
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
from storage.database import changed, columns, fetch_all, fetch_int, fetch_one, insert_or_ignore
from storage.generations import UNFINISHED, State, sql_list
from storage.ledger import Account, Kind, Pot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from storage.database import Connection, Database

MOST_ROWS = 5_000
"""How many rows of a kind somebody is shown, the newest first."""
SLICE = 200
"""How many rows are read at a time: others wait for it."""
ERASED_AT_ONCE = 10
"""How many rows a transaction erases: each stands in many indexes, and others wait for it."""
PASSAGE = 1_000
"""Among how many rows it looks at a time for what is to be erased."""
GIVEN_UP = "given up with the personal data"
"""What stands beside credits that went with their owner's data."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """Somebody's request, by its cause, that all kept of them until then be deleted."""

    cause: str
    person: int
    asked_at: float

    @property
    def account(self) -> Account:
        """Their own account."""
        return Account.person(self.person)


async def stored_credits(tx: Connection, person: int) -> dict[Pot, int]:
    """Return the credits that would go with somebody's data, by the pots that have any."""
    lying = {
        pot: await ledger.stored(tx, Account.person(person), pot)
        for pot in (Pot.BOUGHT, Pot.GRANTED)
    }
    return {pot: credits_ for pot, credits_ in lying.items() if credits_ > 0}


async def ask_erasure(tx: Connection, wanted: Erasure) -> bool:
    """Note that somebody's data are to be erased, and take the credits that lie there.

    False where the same cause did so before.
    """
    is_new = await insert_or_ignore(tx, "erasures", **columns(Erasure, wanted)) is not None
    if is_new:
        # it covers what was asked for before: however often somebody taps, one is gone on with
        await tx.execute(
            "UPDATE erasures SET done_at = ? WHERE person = ? AND cause <> ? AND done_at IS NULL",
            (wanted.asked_at, wanted.person, wanted.cause),
        )
        await payments.give_up(tx, wanted.person)
        for pot, credits_ in (await stored_credits(tx, wanted.person)).items():
            await ledger.enter(
                tx, wanted.account, pot, Kind.CLAWBACK, credits_,
                cause=f"{wanted.cause}:{pot}", note=GIVEN_UP, now=wanted.asked_at,
            )  # fmt: skip
    return is_new


async def open_erasures(tx: Connection) -> list[Erasure]:
    """Return what is not erased to its end, oldest first."""
    rows = await fetch_all(
        tx, "SELECT cause, person, asked_at FROM erasures WHERE done_at IS NULL ORDER BY asked_at"
    )
    return [Erasure(**dict(row)) for row in rows]


_OVER = f"""created_at <= ?2 AND state NOT IN ({sql_list(UNFINISHED)})
    AND (state <> '{State.UNDELIVERABLE}' OR ?3 > ?2 + {DAY_SECONDS})"""
"""What nobody waits for any more; what could not be delivered is offered for a day."""
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
"""What others made of their pictures is others'; the picture is not."""
_PASSAGES = {
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
"""What is looked through from end to end, for no index leads to it: ?1 is whose, ?2 until when, ?3
now, and the rows are those behind ?4 up to ?5."""
_SET_ASIDE = """UPDATE inbox SET body = NULL
    WHERE set_aside = 1 AND received_at <= ?2 AND instr(body, ?1) > 0"""
_WHO = (
    """UPDATE people SET name = id, username = NULL, language = NULL, spoken = NULL, family = NULL,
            seconds = NULL, aspect_ratio = NULL, resolution = NULL, fit = NULL, asks_first = 0
        WHERE id = ?1""",
    "UPDATE chats SET title = '' WHERE telegram_id = ?1",
)
"""What goes last, of ?1: until then their language is spoken to them."""


async def erase_past(db: Database, erasure: Erasure, *, now: float) -> None:
    """Erase what nobody waits for any more, in parts that let others between."""
    values, after, are_left = (erasure.person, erasure.asked_at, now), 0, True
    while are_left:
        async with db.transaction(in_thread=True) as tx:
            rows = await fetch_all(tx, _TO_ERASE, (*values, ERASED_AT_ONCE, after))
            for row in rows:
                await tx.execute(_ERASED, (row["id"],))
        are_left, after = bool(rows), rows[-1]["id"] if rows else 0
    pictures = (*values, ERASED_AT_ONCE)
    await db.write_in_batches(partial(changed, statement=_PICTURES, values=pictures))
    for table, statement in _PASSAGES.items():
        async with db.reading() as connection:
            last = await fetch_int(connection, f"SELECT max(id) FROM {table}")
        for start in range(0, last, PASSAGE):
            async with db.transaction(in_thread=True) as tx:
                await tx.execute(statement, (*values, start, start + PASSAGE))
    async with db.transaction(in_thread=True) as tx:
        await tx.execute(_SET_ASIDE, (erasure.person, erasure.asked_at))


async def end_erasure(tx: Connection, erasure: Erasure, *, now: float) -> bool:
    """Erase who they are, once nothing is left of what they asked for; tell whether it is so."""
    waits = await fetch_int(
        tx,
        f"SELECT (SELECT count(*) FROM generations WHERE {_OWN} AND created_at <= ?2"
        # what was brought since the last look is erased at the next
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
"""Among how many requests one looks at a time for what is to be forgotten."""


async def keep_for(db: Database, seconds: float, *, now: float) -> None:
    """Forget the words of what is older than that."""
    await _forget_prompts(db, before=now - seconds)
    # what is kept for a month to explain the past goes sooner
    sooner = max(0.0, MONTH_SECONDS - seconds)
    for forget in (notices.forget, inbox.forget_set_aside):
        await db.write_in_batches(partial(forget, now=now + sooner))


_PROMPTS = f"""UPDATE generations SET prompt = '', picture = NULL WHERE id IN (
    SELECT id FROM generations WHERE id > ? AND id <= ? AND created_at < ?
        AND state NOT IN ({sql_list(UNFINISHED)}) AND (prompt <> '' OR picture IS NOT NULL)
    LIMIT ?)"""


async def _forget_prompts(db: Database, *, before: float) -> None:
    """Forget what finished videos were made from that were asked for before a time."""
    async with db.reading() as connection:
        last = await fetch_int(connection, "SELECT max(id) FROM generations")
    for start in range(0, last, WINDOW):
        values = (start, start + WINDOW, before, DELETE_BATCH)
        await db.write_in_batches(partial(changed, statement=_PROMPTS, values=values))


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
    # their words, and not the rest, in which others may be
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
"""What somebody is shown, by the table it lies in: their own rows, and nobody else's numbers."""
_NEWEST = frozenset(
    {"videos", "credits", "credits_from_groups", "questions_to_you", "messages_to_you", "payments"}
)
"""What may be long, and has numbers of its own."""


async def about(tx: Connection, person: int) -> dict[str, Any]:
    """Return who somebody is to the bot, and what they chose."""
    known = await people.find(tx, person)
    row = await fetch_one(tx, "SELECT created_at, is_admin FROM people WHERE id = ?", (person,))
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
    """Yield what is kept of somebody, by section and in slices that let others between."""
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
