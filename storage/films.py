"""Films: sequences of videos, each of which begins with the last frame of the one before.

A video's `parent` is the scene before it. A retake that its owner orders for a scene replaces it
once it is finished; it is recognised by its cause, or by the cause of its card. The message that
shows an account's film is stored as a kept card.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import cards, generations
from storage.generations import State, from_row
from storage.ledger import Account

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.database import Connection
    from storage.generations import Generation

MAX_SCENES = 20
"""If a film has more scenes, the last ones are shown."""

RECENT = 100
"""How many of the newest videos may have arrived right before a stop."""

_ANEW = re.compile(r"press:anew:(\d+):")


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene: the id of its first video, the one shown now, and whether it continues another."""

    number: int
    video: Generation
    begins: bool


@dataclass(frozen=True, slots=True)
class ShownFilm:
    """The message that shows an account's film, and the ids of its videos in order."""

    account: Account
    chat: int
    message: int
    videos: Sequence[int]


async def show(tx: Connection, film: ShownFilm, *, now: float) -> None:
    """Store which message shows a film, replacing the one before."""
    await tx.execute(
        "INSERT INTO cards (cause, kind, state, kept, chat, account_kind, account_id, card_message,"
        " prompt, options, created_at) VALUES (?, 'question', 'open', 1, ?, ?, ?, ?, '', ?, ?)"
        " ON CONFLICT (cause) DO UPDATE SET state = excluded.state, chat = excluded.chat,"
        " card_message = excluded.card_message, options = excluded.options,"
        " created_at = excluded.created_at",
        (_shown(film.account), film.chat, film.account.kind, film.account.id, film.message,
         " ".join(map(str, film.videos)), now),
    )  # fmt: skip


async def shown(tx: Connection, account: Account) -> ShownFilm | None:
    """Return which message shows an account's film, or None."""
    row = await tx.fetch_one(
        "SELECT * FROM cards WHERE cause = ? AND card_message IS NOT NULL AND options <> ''",
        (_shown(account),),
    )
    if row is None:
        return None
    return ShownFilm(account, row["chat"], row["card_message"], [*map(int, row["options"].split())])


async def recent_accounts(tx: Connection) -> list[Account]:
    """Return the accounts whose film may be outdated, because a stop interrupted its update."""
    rows = await tx.fetch_all(
        "SELECT DISTINCT account_kind, account_id FROM"
        " (SELECT * FROM generations ORDER BY id DESC LIMIT ?)"
        " WHERE state = ? AND (parent IS NOT NULL OR origin <> 'message')",
        (RECENT, State.DELIVERED),
    )
    return [Account.of(row) for row in rows]


def _shown(account: Account) -> str:
    return f"story:{account}"


def retake_cause(scene: int, account: Account) -> str:
    """Return the cause of a retake of a scene."""
    return f"press:anew:{scene}:{account}"


async def by_file_id(tx: Connection, file_id: str) -> int | None:
    """Return the id of the video with this Telegram file id, or None."""
    return (
        await tx.fetch_int("SELECT max(id) FROM generations WHERE file_id = ?", (file_id,)) or None
    )


async def latest(tx: Connection, account: Account, chat: int | None = None) -> Generation | None:
    """Return an account's newest video that continues another, anywhere or in a chat.

    If there is none, return the last scene of the film shown last: the others may be removed.
    """
    newest = await tx.fetch_one_as(
        from_row,
        "SELECT * FROM generations WHERE account_kind = ? AND account_id = ?"
        " AND parent IS NOT NULL AND file_id IS NOT NULL"
        " AND delivered_chat = coalesce(?, delivered_chat) ORDER BY id DESC LIMIT 1",
        (account.kind, account.id, chat),
    )
    film = None if newest else await shown(tx, account)
    left = await generations.find(tx, film.videos[-1]) if film else None
    return left if left and left.account == account else newest


async def scenes_of(tx: Connection, video: Generation, account: Account) -> list[Scene]:
    """Return the scenes of the film that a video is part of, as far as an account may show them.

    Before it are the scenes it continues; after each scene comes the account's newest next one.
    """
    first = await _first(tx, video)
    places, before = [first], first.parent
    while before is not None and len(places) < MAX_SCENES:
        found = await generations.find(tx, before)
        if found is None:
            break
        places.insert(0, await _first(tx, found))
        before = places[0].parent
    scenes = [await _scene(tx, place, account) for place in places]
    while len(scenes) < MAX_SCENES and (following := await _next(tx, places[-1], account)):
        places.append(following[0])
        scenes.append(following[1])
    return [scene for scene in scenes if scene is not None]


async def remove(tx: Connection, scene: int, account: Account) -> bool:
    """Remove an account's scene and link the next with the one before; False if it has none."""
    found = await generations.find(tx, scene)
    if found is None:
        return False
    takes = [take.id for take in await _takes(tx, found, account)]
    marks = ", ".join("?" * len(takes))
    own = "account_kind = ? AND account_id = ?"
    closed = await tx.changed(
        f"UPDATE generations SET parent = ? WHERE parent IN ({marks}) AND {own}",
        (found.parent, *takes, account.kind, account.id),
    )
    left = await tx.changed(
        f"UPDATE generations SET parent = NULL WHERE id IN ({marks}) AND {own}",
        (*takes, account.kind, account.id),
    )
    return closed or left


async def _first(tx: Connection, video: Generation) -> Generation:
    """Return the video first made for the scene of a video, which may be a retake."""
    cause = video.cause
    if video.origin == "card":
        card = await cards.find(tx, int(cause.removeprefix("card:")))
        cause = card.cause if card is not None else cause
    made_anew = _ANEW.match(cause)
    found = await generations.find(tx, int(made_anew[1])) if made_anew else None
    return found or video


async def _takes(tx: Connection, first: Generation, account: Account) -> list[Generation]:
    """Return an account's retakes of a scene, newest first, and its first video."""
    cause = retake_cause(first.id, account)
    return await tx.fetch_all_as(
        from_row,
        "SELECT * FROM generations WHERE id = ?"
        " UNION SELECT * FROM generations WHERE cause = ?"
        " UNION SELECT * FROM generations WHERE cause IN"
        " (SELECT 'card:' || id FROM cards WHERE cause > ? AND cause < ?) ORDER BY id DESC",
        (first.id, cause, f"{cause}:", f"{cause};"),
    )


async def _scene(tx: Connection, first: Generation, account: Account) -> Scene | None:
    """Return a scene with the newest video that an account may show, or None."""
    takes = await _takes(tx, first, account)
    shown = next((take for take in takes if _may_show(take, account)), None)
    return None if shown is None else Scene(first.id, shown, first.parent is not None)


def _may_show(video: Generation, account: Account) -> bool:
    """Return whether a video exists, and neither it nor its picture was deleted."""
    is_here = video.account == account or video.delivered_message is not None
    return video.file_id is not None and is_here and not (video.kind == "i2v" and not video.picture)


async def _next(
    tx: Connection, first: Generation, account: Account
) -> tuple[Generation, Scene] | None:
    """Return the account's newest scene after this one, with its first video, or None."""
    takes = [take.id for take in await _takes(tx, first, account)]
    marks = ", ".join("?" * len(takes))
    rows = await tx.fetch_all(
        f"SELECT * FROM generations WHERE parent IN ({marks}) AND account_kind = ?"
        " AND account_id = ? ORDER BY id DESC",
        (*takes, account.kind, account.id),
    )
    for row in rows:
        video = from_row(row)
        if (await _first(tx, video)).id == video.id and (scene := await _scene(tx, video, account)):
            return video, scene
    return None
