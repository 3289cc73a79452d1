"""Albums: each of their pictures is a message of its own, and one answer is enough for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.ordering.drafts import ALBUM

if TYPE_CHECKING:
    from handlers.context import Context


def is_answered(context: Context, cause: str) -> bool:
    """Whether this is an album something was said to already; from now on it was."""
    seen = context.chat_data
    if seen is None or not cause.startswith(ALBUM):
        return False
    known = seen.get("album") == cause
    seen["album"] = cause
    return bool(known)
