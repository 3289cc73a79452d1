"""Files that are too large, of the wrong kind, or not there are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.telegram.clips import clip, noise, picture

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat
    from tests.sandbox.telegram.calls import Caller


@pytest.mark.parametrize(
    ("method", "files", "params", "status", "complaint"),
    [
        pytest.param(
            "sendVideo",
            {"video": ("v.mp4", clip(), "video/mp4")},
            {"caption": "x" * 1025},
            400,
            "message caption is too long",
            id="caption of 1025",
        ),
        pytest.param(
            "sendVideo",
            {"video": ("v.mp4", clip(), ""), "thumbnail": ("t.png", picture(9, 9, "PNG"), "")},
            {},
            400,
            "must be a JPEG",
            id="png thumbnail",
        ),
        pytest.param(
            "sendVideo",
            {"video": ("v.mp4", clip(), ""), "thumbnail": ("t.jpg", picture(321, 9), "")},
            {},
            400,
            "over 320 pixels",
            id="wide thumbnail",
        ),
        pytest.param(
            "sendVideo",
            {"video": ("v.mp4", clip(), ""), "thumbnail": ("t.jpg", noise(320, 320) * 3, "")},
            {},
            400,
            "over 200000 bytes",
            id="heavy thumbnail",
        ),
        pytest.param(
            "sendVideo",
            {"video": ("v.mp4", b"", "video/mp4")},
            {},
            400,
            "must be non-empty",
            id="empty file",
        ),
        pytest.param(
            "sendPhoto",
            {"photo": ("p.jpg", b"no picture", "image/jpeg")},
            {},
            400,
            "IMAGE_PROCESS_FAILED",
            id="not a picture",
        ),
        pytest.param(
            "sendPhoto",
            {"photo": ("p.jpg", picture(420, 20), "image/jpeg")},
            {},
            400,
            "PHOTO_INVALID_DIMENSIONS",
            id="ratio of 21",
        ),
        pytest.param(
            "sendPhoto",
            {"photo": ("p.jpg", picture() + bytes(10 * 1024 * 1024), "image/jpeg")},
            {},
            400,
            "too big for a photo",
            id="photo over 10 MB",
        ),
        pytest.param(
            "sendDocument",
            {"document": ("d.bin", bytes(51 * 1024 * 1024), "application/zip")},
            {},
            413,
            "Request Entity Too Large",
            id="file of 51 MB",
        ),
        pytest.param(
            "sendDocument",
            {"document": ("d.bin", bytes(60 * 1024 * 1024), "application/zip")},
            {},
            413,
            "Request Entity Too Large",
            id="body over the limit",
        ),
        pytest.param(
            "sendVideo",
            {"film": ("v.mp4", clip(), "video/mp4")},
            {"video": "attach://movie"},
            400,
            "can't find the file attached",
            id="attached under another name",
        ),
    ],
)
async def test_a_wrong_upload_is_refused(
    call: Caller,
    chat: PrivateChat,
    method: str,
    files: dict[str, tuple[str, bytes, str]],
    params: dict[str, str],
    status: int,
    complaint: str,
) -> None:
    reply = await call.upload(method, files, chat_id=str(chat.id), **params)

    assert reply.status == status
    assert complaint in reply.description
    assert chat.messages == []


async def test_a_foreign_file_id_or_a_link_is_no_file(call: Caller, chat: PrivateChat) -> None:
    foreign = await call("sendVideo", chat_id=chat.id, video="BAACAgIAAxkBAAE")
    link = await call("sendVideo", chat_id=chat.id, video="https://example.com/v.mp4")
    get = await call("getFile", file_id="BAACAgIAAxkBAAE")

    assert "wrong remote file identifier" in foreign.description
    assert link.description == "Bad Request: failed to get HTTP URL content"
    assert get.description == "Bad Request: invalid file_id"


async def test_a_photo_is_not_sent_as_a_video(call: Caller, chat: PrivateChat, ann: Person) -> None:
    photo = await chat.send_photo(ann, picture())

    reply = await call("sendVideo", chat_id=chat.id, video=photo.photo[-1].file_id)

    assert reply.description == "Bad Request: can't use file of type Photo as Video"


async def test_a_file_over_20_mb_cannot_be_fetched(
    call: Caller, chat: PrivateChat, ann: Person
) -> None:
    message = await chat.send_document(ann, bytes(21 * 1024 * 1024), "big.zip", "application/zip")
    assert message.document is not None

    reply = await call("getFile", file_id=message.document.file_id)

    assert reply.description == "Bad Request: file is too big"
