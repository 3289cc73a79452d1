"""Checks of the bot's database: at any time, and when no work is left.

Each function returns the problems as texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

DAY = 86_400

_HOLDS = """
    WITH holds AS (SELECT * FROM ledger AS own WHERE kind = 'hold' AND NOT EXISTS (
        SELECT 1 FROM ledger AS ending JOIN ledger AS later
        ON later.generation = ending.generation AND later.kind = 'hold' AND later.id > ending.id
        WHERE ending.ends = own.id))
"""
"""The current holds; those of an earlier model, which was withdrawn, are replaced."""

_ALWAYS = {
    "a hold ended by other credits, account or pot than its own": """
        SELECT held.id FROM ledger AS held JOIN ledger AS ending ON ending.ends = held.id
        WHERE (held.kind, ending.kind) NOT IN (
            ('hold', 'capture'), ('hold', 'release'), ('capture', 'release'))
        OR ending.generation <> held.generation
        OR (ending.account_kind, ending.account_id, ending.pot, ending.credits)
        <> (held.account_kind, held.account_id, held.pot, held.credits)
    """,
    "a generation whose holds are not its price": """
        SELECT g.id FROM generations AS g LEFT JOIN holds AS held ON held.generation = g.id
        GROUP BY g.id HAVING g.credits IS NOT sum(held.credits)
    """,
    "unfinished, and its credits are not set aside": """
        SELECT DISTINCT g.id FROM generations AS g JOIN holds AS held ON held.generation = g.id
        WHERE g.state IN ('queued', 'submitting', 'unknown', 'generating')
        AND EXISTS (SELECT 1 FROM ledger WHERE ends = held.id)
    """,
    "given up, and its credits are not back": """
        SELECT DISTINCT g.id FROM generations AS g JOIN holds AS held ON held.generation = g.id
        WHERE g.state IN ('failed', 'cancelled', 'parked')
        AND NOT EXISTS (SELECT 1 FROM ledger AS ending
            LEFT JOIN ledger AS undone ON undone.ends = ending.id
            WHERE ending.ends = held.id AND 'release' IN (ending.kind, undone.kind))
    """,
    "made, and neither charged nor a gift": """
        SELECT DISTINCT g.id FROM generations AS g JOIN holds AS held ON held.generation = g.id
        WHERE g.state IN ('ready', 'delivered', 'undeliverable')
        AND NOT EXISTS (SELECT 1 FROM ledger WHERE ends = held.id AND kind =
            CASE WHEN EXISTS (SELECT 1 FROM events WHERE generation = g.id AND state = 'parked')
            THEN 'release' ELSE 'capture' END)
    """,
    "given up, and nobody is told": """
        SELECT g.id FROM generations AS g WHERE g.state IN ('failed', 'parked')
        AND NOT EXISTS (SELECT 1 FROM notices WHERE generation = g.id)
    """,
    "a sum of what the operator gives that is not that of its requests": """
        SELECT asked FROM (SELECT asked, ended, state, micros FROM budget
            UNION ALL SELECT asked, ended, state, -micros FROM budgeted)
        GROUP BY asked, ended, state HAVING sum(micros) <> 0
    """,
    "submitted again though the provider may have taken it": """
        SELECT generation FROM events GROUP BY generation
        HAVING sum(state = 'submitting') > 1 + sum(was = 'submitting' AND state = 'queued')
    """,
    "a step that does not follow the one before": """
        SELECT generation FROM (SELECT generation, was,
            lag(state) OVER (PARTITION BY generation ORDER BY id) AS before FROM events)
        WHERE was IS NOT before
    """,
    "a payment and what it moved in the ledger": """
        SELECT id FROM payments AS paid WHERE credits IS NOT (SELECT coalesce(sum(credits), 0)
            FROM ledger WHERE cause = 'purchase:' || paid.charge_id)
        OR iif(ended_at IS NULL, 0, credits - given_up) IS NOT (SELECT coalesce(sum(credits), 0)
            FROM ledger WHERE cause IN ('refund:' || paid.charge_id, 'clawback:' || paid.charge_id))
    """,
    "a payment that moved the credits of another account than it was for": """
        SELECT paid.id FROM payments AS paid JOIN ledger ON cause IN
            ('purchase:' || charge_id, 'refund:' || charge_id, 'clawback:' || charge_id)
        WHERE (account_kind, account_id, pot) <> (
            iif(chat IS NULL, 'person', 'chat'), coalesce(chat, person), 'bought')
    """,
    "credits of a group that went to a video made elsewhere, or of a person to a group's": """
        SELECT held.id FROM ledger AS held JOIN generations AS g ON g.id = held.generation
        WHERE (held.account_kind, held.account_id) NOT IN
            (VALUES ('chat', g.chat), (g.account_kind, g.account_id))
    """,
    "a pot of stored credits below zero": """
        SELECT account_id FROM ledger WHERE pot IN ('granted', 'bought')
        GROUP BY account_kind, account_id, pot HAVING sum(CASE
            WHEN kind IN ('grant', 'purchase', 'release') THEN credits
            WHEN kind IN ('hold', 'refund') THEN -credits ELSE 0 END) < 0
    """,
    "holds that are not what was captured, released and is open": """
        SELECT account_id FROM ledger AS one GROUP BY account_kind, account_id
        HAVING sum(CASE kind WHEN 'hold' THEN credits WHEN 'capture' THEN -credits
            WHEN 'release' THEN -credits * (ends IN (SELECT id FROM ledger WHERE kind = 'hold'))
            ELSE 0 END) <> (
            SELECT coalesce(sum(credits), 0) FROM ledger AS held WHERE kind = 'hold'
            AND (held.account_kind, held.account_id) = (one.account_kind, one.account_id)
            AND NOT EXISTS (SELECT 1 FROM ledger WHERE ends = held.id))
    """,
}
_AT_REST = {
    "a generation that still has a step to take": """
        SELECT id FROM generations
        WHERE state IN ('queued', 'submitting', 'unknown', 'generating', 'ready')
    """,
    "a status message nobody took away": """
        SELECT id FROM generations WHERE status_message IS NOT NULL AND state <> 'parked'
        AND (state <> 'undeliverable' OR (SELECT reachable FROM chats WHERE chats.id = chat))
    """,
    "a message that is owed": """
        SELECT id FROM notices WHERE sent_at IS NULL AND given_up = 0
    """,
    "a refund nobody knows the outcome of": """
        SELECT id FROM payments WHERE refund_by IS NOT NULL AND ended_at IS NULL
    """,
    "an update neither handled nor set aside": """
        SELECT update_id FROM inbox WHERE handled_at IS NULL AND set_aside = 0
    """,
}


def _wrong(database: sqlite3.Connection, checks: dict[str, str]) -> list[str]:
    return [
        f"{what}: {[row[0] for row in rows[:5]]}"
        for what, statement in checks.items()
        if (rows := database.execute(_HOLDS + statement).fetchall())
    ]


def wrong_always(database: sqlite3.Connection) -> list[str]:
    """Return violations of what must hold at any time."""
    return _wrong(database, _ALWAYS)


def unfinished(database: sqlite3.Connection) -> list[str]:
    """Return the work that is left, except for generations parked for a day."""
    return _wrong(database, _AT_REST)


def overdrawn(database: sqlite3.Connection, free_credits: int) -> list[str]:
    """Return the accounts whose allowance of a day (UTC) was exceeded."""
    rows = database.execute(
        "SELECT account_id, sum(credits) FROM ledger AS held"
        " WHERE pot = 'allowance' AND kind = 'hold'"
        " AND NOT EXISTS (SELECT 1 FROM ledger WHERE ends = held.id AND kind = 'release')"
        " GROUP BY account_kind, account_id, CAST(at AS INTEGER) / ? HAVING sum(credits) > ?",
        (DAY, free_credits),
    )
    return [f"{account} drew {credits_} of {free_credits}" for account, credits_ in rows]


def untold(database: sqlite3.Connection) -> list[str]:
    """Return the failed generations without a sent notice."""
    rows = database.execute(
        "SELECT id FROM generations AS g WHERE state IN ('failed', 'parked')"
        " AND NOT EXISTS (SELECT 1 FROM notices WHERE generation = g.id AND sent_at IS NOT NULL)"
    )
    return [f"{number} was given up, and nobody heard of it" for (number,) in rows]


def damaged(database: sqlite3.Connection) -> list[str]:
    """Return the errors that SQLite finds in the file."""
    found = [row[0] for row in database.execute("PRAGMA integrity_check")]
    return [] if found == ["ok"] else found
