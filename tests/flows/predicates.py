"""What a person looks for in a chat: predicates for `chat.wait`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.telegram import Message


def says(
    words: str, *, to: int | None = None, after: Message | None = None
) -> Callable[[Message], bool]:
    """A text, or words below a photo, with these in them; an answer where a message is named.

    `after` a message it is newer than that.
    """

    def look(message: Message) -> bool:
        said = message.caption if message.photo else message.text
        is_new = after is None or message.message_id > after.message_id
        return is_new and words in (said or "") and (to is None or message.reply_to == to)

    return look


def answers(to: int) -> Callable[[Message], bool]:
    """Anything that answers a message."""

    def look(message: Message) -> bool:
        return message.reply_to == to

    return look


def shows_video(caption: str | None = None, *, to: int | None = None) -> Callable[[Message], bool]:
    """A video, with a caption and as an answer where those are named."""

    def look(message: Message) -> bool:
        right_caption = caption is None or message.caption == caption
        return (
            message.video is not None and right_caption and (to is None or message.reply_to == to)
        )

    return look
