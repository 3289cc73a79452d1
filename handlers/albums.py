"""Albums: each of their pictures is a message of its own, and one answer is enough for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handlers.context import Context


def is_answered(context: Context, album: str) -> bool:
    """Whether something was said to this album already; from now on it was."""
    seen = context.chat_data
    if seen is None:
        return False
    known = seen.get("album") == album
    seen["album"] = album
    return bool(known)
