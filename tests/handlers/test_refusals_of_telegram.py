"""What Telegram says where it takes no message, and what that means for the next."""

from __future__ import annotations

import pytest
from telegram.error import BadRequest, Forbidden, TelegramError

from handlers.replies.sending import (
    Misplaced,
    NoTopic,
    NotPermitted,
    Refused,
    SendError,
    Unreachable,
    to_send_error,
)

MEANINGS: dict[type[SendError], tuple[str, ...]] = {
    NotPermitted: (
        "not enough rights to send videos to the chat",
        "not enough rights to send text messages to the chat",
        "not enough rights to send documents to the chat",
        "have no rights to send a message",
        "need administrator rights in the channel chat",
        "CHAT_WRITE_FORBIDDEN",
        "CHAT_RESTRICTED",
        "CHAT_SEND_VIDEOS_FORBIDDEN",
        "CHAT_SEND_MEDIA_FORBIDDEN",
        "CHAT_SEND_PLAIN_FORBIDDEN",
    ),
    NoTopic: (
        "message thread not found",
        "TOPIC_CLOSED",
        "TOPIC_DELETED",
    ),
    Misplaced: (
        "message to be replied not found",
        "replied message not found",
        "REPLY_MESSAGE_ID_INVALID",
    ),
    Unreachable: (
        "chat not found",
        "PEER_ID_INVALID",
        "user is deactivated",
        "group chat was deleted",
    ),
    Refused: (
        "wrong file identifier/HTTP URL specified",
        "wrong type of the web page content",
        "failed to get HTTP URL content",
        "file must be non-empty",
        "there is no video in the request",
        "VIDEO_CONTENT_TYPE_INVALID",
        "VIDEO_FILE_INVALID",
        "MEDIA_EMPTY",
        "MEDIA_INVALID",
        "FILE_PARTS_INVALID",
        "FILE_PART_0_MISSING",
        "FILE_REFERENCE_EXPIRED",
        "IMAGE_PROCESS_FAILED",
        "PHOTO_INVALID_DIMENSIONS",
        "message caption is too long",
        "message is too long",
        "can't parse entities: unsupported start tag",
        "ENTITY_BOUNDS_INVALID",
        "BUTTON_DATA_INVALID",
        "BUTTON_URL_INVALID",
        "BUTTON_TYPE_INVALID",
        "REPLY_MARKUP_INVALID",
        "QUOTE_TEXT_INVALID",
        "VOICE_MESSAGES_FORBIDDEN",
        "PREMIUM_ACCOUNT_REQUIRED",
        "ALLOW_PAYMENT_REQUIRED",
        "RANDOM_ID_DUPLICATE",
        "message is not modified",
        "message can't be edited",
        "",
    ),
}
ALL = [(said, meaning) for meaning, texts in MEANINGS.items() for said in texts]


@pytest.mark.parametrize(("said", "meaning"), ALL)
def test_a_400_that_says(said: str, meaning: type[SendError]) -> None:
    assert type(to_send_error(BadRequest(said))) is meaning


@pytest.mark.parametrize("said", ["CHAT_SEND_VIDEOS_FORBIDDEN", "CHAT_WRITE_FORBIDDEN"])
def test_a_403_about_a_right_says_nothing_of_other_messages(said: str) -> None:
    assert type(to_send_error(Forbidden(said))) is NotPermitted


@pytest.mark.parametrize(
    "error",
    [
        Forbidden("bot was blocked by the user"),
        Forbidden("bot was kicked from the supergroup chat"),
        Forbidden("bot can't initiate conversation with a user"),
        BadRequest("bot was kicked from the group chat"),
    ],
    ids=str,
)
def test_where_the_bot_is_not_nothing_can_be_said(error: TelegramError) -> None:
    assert type(to_send_error(error)) is Unreachable


@pytest.mark.parametrize(
    ("error", "was", "left"),
    [
        (NoTopic("", is_closed=False), (5, 7), (None, 7)),
        (NoTopic("", is_closed=False), (None, 7), (None, None)),
        (NoTopic("", is_closed=False), (None, None), None),
        (NoTopic("", is_closed=True), (5, 7), (None, None)),
        (NoTopic("", is_closed=True), (None, None), None),
        (Misplaced(""), (5, 7), (5, None)),
        (Misplaced(""), (5, None), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Misplaced) else str(value),
)
def test_what_is_left_in_the_chat(
    error: Misplaced, was: tuple[int | None, int | None], left: tuple[int | None, int | None] | None
) -> None:
    assert error.elsewhere(*was) == left
