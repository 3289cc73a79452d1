"""Who had a turn at the provider, and when last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from storage.accounts import Account, AccountKind
from storage.rows import every

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiosqlite import Connection


@dataclass(frozen=True, slots=True)
class Served:
    """When each account and each chat last had a turn, in seconds since 1970."""

    accounts: Mapping[Account, float] = field(default_factory=dict)
    chats: Mapping[int, float] = field(default_factory=dict)


async def served(tx: Connection, *, since: float) -> Served:
    """Return who had a turn since then."""
    accounts = await every(
        tx,
        "SELECT account_kind, account_id, max(submitted_at) AS at FROM generations"
        " INDEXED BY generations_by_turn"
        " WHERE submitted_at >= ? GROUP BY account_kind, account_id",
        (since,),
    )
    chats = await every(
        tx,
        "SELECT chat, max(submitted_at) AS at FROM generations"
        " INDEXED BY generations_by_turn"
        " WHERE submitted_at >= ? GROUP BY chat",
        (since,),
    )
    return Served(
        {Account(AccountKind(row["account_kind"]), row["account_id"]): row["at"]
         for row in accounts},
        {row["chat"]: row["at"] for row in chats},
    )  # fmt: skip
