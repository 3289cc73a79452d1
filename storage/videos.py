"""Finished videos: an account's history, and videos that are kept because nobody received them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import DAY_SECONDS
from storage.generations import State, from_row
from storage.ledger import AccountKind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from storage.database import Connection, Database
    from storage.generations import Generation
    from storage.ledger import Account

SLICE = 500
"""How many videos are searched at a time, so that others wait little."""
_ABOVE_ALL = 2**63 - 1
KEPT_SECONDS = 30 * DAY_SECONDS
"""How long a video is kept that nobody could receive."""


async def by_file(tx: Connection, file_unique_id: str) -> Generation | None:
    """Return the generation of a video file, also if it was forwarded, or None."""
    return await tx.fetch_one_as(
        from_row, "SELECT * FROM generations WHERE file_unique_id = ?", (file_unique_id,)
    )


async def finished_of(
    db: Database, account: Account, *, limit: int, before: int | None = None,
    after: int | None = None, words: Collection[str] = (), kind: str | None = None,
) -> list[Generation]:  # fmt: skip
    """Return an account's videos that can be sent again, newest first.

    Their ids are lower than `before`, or the next above `after`; their prompts contain all `words`,
    in any case; Telegram stored them as `kind`. They are read in slices: there may be thousands.
    """
    # not in SQL, because SQLite folds the case of ASCII letters only
    folded = [word.casefold() for word in words]
    size = SLICE if folded else limit
    beyond, order = ("<", "DESC") if after is None else (">", "ASC")
    bound = (_ABOVE_ALL if before is None else before) if after is None else after
    found: list[int] = []
    while True:
        async with db.reading(in_thread=bool(folded)) as tx:
            page = await tx.fetch_all(
                "SELECT id, prompt FROM generations WHERE account_kind = ? AND account_id = ?"
                f" AND id {beyond} ? AND file_id IS NOT NULL"
                f" AND file_kind = coalesce(?, file_kind) ORDER BY id {order} LIMIT ?",
                (account.kind, account.id, bound, kind, size),
            )
            for row in page:
                prompt = row["prompt"].casefold()
                if all(word in prompt for word in folded):
                    found.append(row["id"])
            if len(page) < size or len(found) >= limit:
                marks = ", ".join("?" * len(found[:limit]))
                rows = await tx.fetch_all(
                    f"SELECT * FROM generations WHERE id IN ({marks}) ORDER BY id DESC",
                    found[:limit],
                )
                return [from_row(row) for row in rows]
        bound = page[-1]["id"]


async def thumbnails_of(tx: Connection, page: Sequence[Generation]) -> list[str | None]:
    """Return the file ids of the thumbnails of videos, None for a video without one."""
    marks = ", ".join("?" * len(page))
    rows = await tx.fetch_all(
        f"SELECT id, thumbnail FROM generations WHERE id IN ({marks})", [video.id for video in page]
    )
    found = {row["id"]: row["thumbnail"] for row in rows}
    return [found.get(video.id) for video in page]


async def save_thumbnail(tx: Connection, *, video: int, thumbnail: str | None) -> None:
    """Store the thumbnail of a video that has none stored."""
    await tx.execute(
        "UPDATE generations SET thumbnail = ?"
        " WHERE id = ? AND thumbnail IS NULL AND file_id IS NOT NULL",
        (thumbnail, video),
    )


async def forget(tx: Connection, account: Account, video: int) -> bool:
    """Erase prompt and files of a video; return False if it is not the account's.

    The row and the ids of its message stay, so that it can still be reported.
    """
    return await tx.changed(
        "UPDATE generations SET file_id = NULL, thumbnail = NULL, prompt = '', picture = NULL"
        " WHERE id = ? AND account_kind = ? AND account_id = ? AND file_id IS NOT NULL",
        (video, account.kind, account.id),
    )


async def kept_for(tx: Connection, account: Account, *, now: float) -> list[Generation]:
    """Return the undelivered videos kept for an account, oldest first."""
    return await _kept(
        tx, "account_kind = ? AND account_id = ?", (account.kind, account.id), now=now
    )


async def kept_for_anonymous(tx: Connection, chat: int, *, now: float) -> list[Generation]:
    """Return the undelivered videos of a chat's anonymous senders, oldest first."""
    return await _kept(tx, "account_kind = ? AND chat = ?", (AccountKind.CHAT, chat), now=now)


async def _kept(
    tx: Connection, whose: str, values: tuple[object, ...], *, now: float
) -> list[Generation]:
    return await tx.fetch_all_as(
        from_row,
        f"SELECT * FROM generations WHERE {whose} AND state = ? AND changed_at > ? ORDER BY id",
        (*values, State.UNDELIVERABLE, now - KEPT_SECONDS),
    )


async def expired(tx: Connection, *, now: float) -> set[int]:
    """Return the ids of undelivered videos that have been kept long enough."""
    rows = await tx.fetch_all(
        "SELECT id FROM generations WHERE state = ? AND changed_at <= ?",
        (State.UNDELIVERABLE, now - KEPT_SECONDS),
    )
    return {row["id"] for row in rows}


async def bundled_file_id(tx: Connection, name: str) -> str | None:
    """Return the Telegram file id of a file that is bundled with the bot, or None."""
    row = await tx.fetch_one("SELECT file_id FROM shipped_files WHERE name = ?", (name,))
    return None if row is None else str(row["file_id"])


async def save_bundled_file_id(tx: Connection, name: str, file_id: str) -> None:
    """Store the Telegram file id of a file that is bundled with the bot."""
    await tx.insert_or_replace("shipped_files", name=name, file_id=file_id)
