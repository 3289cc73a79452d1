"""Answers to callback and inline queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.telegram.errors import bad_request
from sandbox.telegram.markup import utf16_length
from sandbox.telegram.queries import CALLBACK_SECONDS, Answer, InlineAnswer

if TYPE_CHECKING:
    from sandbox.telegram.methods.posting import Params
    from sandbox.telegram.world import World

_NOTE_LIMIT = 200
_RESULT_LIMIT = 50
_ID_BYTES = 64
_INLINE_SECONDS = 15


async def answer_callback_query(world: World, params: Params) -> bool:
    """Serve answerCallbackQuery."""
    text = params.get("text", "")
    if utf16_length(text) > _NOTE_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    answer = Answer(text, params.get("show_alert", False), params.get("url"))
    query = world.callbacks.settle(
        params["callback_query_id"], answer, now=world.clock(), within=CALLBACK_SECONDS
    )
    world.changes.tell(
        "answer", query_id=query.id, by=query.person.id, text=answer.text, alert=answer.alert
    )
    return True


async def answer_inline_query(world: World, params: Params) -> bool:
    """Serve answerInlineQuery."""
    results = params["results"]
    if len(results) > _RESULT_LIMIT:
        raise bad_request("RESULTS_TOO_MUCH")
    ids = [result["id"] for result in results]
    if len(set(ids)) < len(ids):
        raise bad_request("RESULT_ID_DUPLICATE")
    if not all(1 <= len(result_id.encode()) <= _ID_BYTES for result_id in ids):
        raise bad_request("RESULT_ID_INVALID")
    if len(params.get("next_offset", "").encode()) > _ID_BYTES:
        raise bad_request("NEXT_OFFSET_INVALID")
    for result in results:
        for name in ("video_file_id", "photo_file_id", "document_file_id", "mpeg4_file_id"):
            if name in result and world.files.by_id(result[name]) is None:
                raise bad_request("wrong remote file identifier specified: Wrong string length")
    world.inline_queries.settle(
        params["inline_query_id"], InlineAnswer(params), now=world.clock(), within=_INLINE_SECONDS
    )
    return True


METHODS = {
    "answerCallbackQuery": answer_callback_query,
    "answerInlineQuery": answer_inline_query,
}
