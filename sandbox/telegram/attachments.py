"""The file parameters of a call: uploads are checked and stored, ids looked up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.telegram.errors import ApiError, bad_request
from sandbox.telegram.media import (
    THUMBNAIL_BYTES,
    THUMBNAIL_SIDE,
    Probe,
    photo_sizes,
    picture_size,
    probe_mp4,
)
from sandbox.telegram.schema import Uploaded

if TYPE_CHECKING:
    from sandbox.telegram.files import FileStore, StoredFile

UPLOAD_BYTES = 50 * 1024 * 1024
LOCAL_UPLOAD_BYTES = 2000 * 1024 * 1024
PHOTO_BYTES = 10 * 1024 * 1024
_PHOTO_SIDES = 10_000
_PHOTO_RATIO = 20
_NAMES = {"photo": "Photo", "video": "Video", "animation": "Animation", "document": "Document"}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file parameter and the caller's description of it: pixels, ``duration`` in seconds."""

    kind: str
    file: Uploaded | str
    width: int = 0
    height: int = 0
    duration: int = 0
    streaming: bool = False
    thumbnail: Uploaded | str | None = None

    @classmethod
    def of(cls, kind: str, params: dict[str, Any], name: str | None = None) -> Attachment:
        """Read the parameters of a sending method, or an InputMedia with ``name`` media."""
        return cls(
            kind,
            params[name or kind],
            width=params.get("width", 0),
            height=params.get("height", 0),
            duration=params.get("duration", 0),
            streaming=params.get("supports_streaming", False),
            thumbnail=params.get("thumbnail"),
        )


async def read_attachment(files: FileStore, given: Attachment) -> StoredFile:
    """Store an upload as the kind Telegram makes of it, or find the file of an id.

    Raises:
        ApiError: 400 for an unknown id or a bad thumbnail, 413 for more than 50 MB.
    """
    if isinstance(given.file, str):
        return _by_id(files, given.file, given.kind)
    upload = given.file
    check_size(upload, files)
    thumbnail = await _thumbnail(files, given.thumbnail)
    path = Path(upload.path)
    probe = await asyncio.to_thread(probe_mp4, path)
    kind = _stored_kind(given.kind, probe)
    described: dict[str, Any] = {}
    if kind != "document":
        described = {
            "width": given.width,
            "height": given.height,
            "duration": given.duration,
            "streaming": given.streaming,
        }
    return files.add(
        kind,
        path,
        file_name=upload.file_name,
        mime_type=upload.mime_type,
        thumbnail=thumbnail,
        actual=probe,
        **described,
    )


def check_size(upload: Uploaded, files: FileStore) -> None:
    """Check the size of an upload.

    Raises:
        ApiError: 413 if it is over the limit, 400 if it is empty.
    """
    if upload.size > (LOCAL_UPLOAD_BYTES if files.is_local else UPLOAD_BYTES):
        raise ApiError(413, "Request Entity Too Large")
    if upload.size == 0:
        raise bad_request("file must be non-empty")


def _stored_kind(kind: str, probe: Probe | None) -> str:
    """Return Telegram's kind: a silent mp4 is an animation, a file that is no mp4 a document."""
    if probe is None or kind == "document":
        return "document"
    if kind == "video" and probe.audio_codec is None:
        return "animation"
    return kind


async def read_photo(files: FileStore, given: Uploaded | str) -> list[StoredFile]:
    """Store an upload in the sizes Telegram makes of it, or find the photo of an id.

    Raises:
        ApiError: 400 for an unknown id, more than 10 MB, or bytes that are not a picture.
    """
    if isinstance(given, str):
        return [_by_id(files, given, "photo")]
    if given.size > PHOTO_BYTES:
        raise bad_request(
            f"file of size {given.size} bytes is too big for a photo; "
            f"the maximum size is {PHOTO_BYTES} bytes"
        )
    check_size(given, files)
    try:
        width, height, _ = picture_size(Path(given.path))
        if width + height > _PHOTO_SIDES or max(width, height) > _PHOTO_RATIO * min(width, height):
            raise bad_request("PHOTO_INVALID_DIMENSIONS")
        pictures = await asyncio.to_thread(photo_sizes, Path(given.path))
    except ValueError:
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    return [files.add_picture("photo", picture) for picture in pictures]


async def _thumbnail(files: FileStore, given: Uploaded | str | None) -> StoredFile | None:
    """Store an uploaded thumbnail: a JPEG up to 200 kB and 320 pixels; an id is ignored."""
    if not isinstance(given, Uploaded):
        return None
    try:
        width, height, shape = picture_size(Path(given.path))
    except ValueError:
        raise bad_request("thumbnail is not a picture") from None
    if shape != "JPEG":
        raise bad_request(f"thumbnail must be a JPEG, not {shape}")
    if given.size > THUMBNAIL_BYTES:
        raise bad_request(f"thumbnail of {given.size} bytes is over {THUMBNAIL_BYTES} bytes")
    if max(width, height) > THUMBNAIL_SIDE:
        raise bad_request(f"thumbnail of {width}x{height} is over {THUMBNAIL_SIDE} pixels")
    return files.add("thumbnail", Path(given.path), width=width, height=height)


def _by_id(files: FileStore, file_id: str, kind: str) -> StoredFile:
    if "://" in file_id:
        raise bad_request("failed to get HTTP URL content")
    file = files.by_id(file_id)
    if file is None:
        raise bad_request("wrong remote file identifier specified: Wrong string length")
    if file.stored_as != kind:
        raise bad_request(
            f"can't use file of type {_NAMES.get(file.stored_as, file.stored_as)} as {_NAMES[kind]}"
        )
    return file
