"""The files of the sandbox's Telegram, kept on disk."""

from __future__ import annotations

import base64
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.telegram.media import Picture, Probe

_FOLDERS = {
    "photo": "photos",
    "video": "videos",
    "animation": "animations",
    "document": "documents",
    "voice": "voice",
    "sticker": "stickers",
    "thumbnail": "thumbnails",
}
_FRAMED = frozenset({"photo", "video", "animation", "sticker", "thumbnail"})
_TIMED = frozenset({"video", "animation", "voice"})


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file Telegram keeps, as its sender described it; ``actual`` is what a video contains.

    ``stored_as`` is Telegram's kind, ``size`` is in bytes, ``duration`` in seconds;
    ``file_path`` is its path under /file/.
    """

    file_id: str
    file_unique_id: str
    stored_as: str
    path: Path
    file_path: str
    size: int
    file_name: str | None = None
    mime_type: str | None = None
    width: int = 0
    height: int = 0
    duration: int = 0
    streaming: bool = False
    thumbnail: StoredFile | None = None
    actual: Probe | None = None

    def bytes(self) -> bytes:
        """Return the content."""
        return self.path.read_bytes()

    def as_json(self) -> dict[str, Any]:
        """Return the file's object in a message: a Video, a Document, a PhotoSize."""
        shown: dict[str, Any] = {
            "file_id": self.file_id,
            "file_unique_id": self.file_unique_id,
            "file_size": self.size,
        }
        if self.stored_as in _FRAMED:
            shown |= {"width": self.width, "height": self.height}
        if self.stored_as in _TIMED:
            shown["duration"] = self.duration
        if self.stored_as == "sticker":
            shown |= {"type": "regular", "is_animated": False, "is_video": self.streaming}
        elif self.stored_as not in {"photo", "thumbnail"}:
            shown |= {"file_name": self.file_name, "mime_type": self.mime_type}
        if self.stored_as == "voice":
            shown.pop("file_name")
        if self.thumbnail is not None:
            shown["thumbnail"] = self.thumbnail.as_json()
        return {name: value for name, value in shown.items() if value is not None}

    def as_document(self) -> dict[str, Any]:
        """Return the Document that accompanies an animation, for clients without animations."""
        kept = {"file_id", "file_unique_id", "file_size", "file_name", "mime_type", "thumbnail"}
        return {name: value for name, value in self.as_json().items() if name in kept}


class FileStore:
    """Files in a folder; their ids depend on the bot, as file ids are not shared between bots."""

    def __init__(self, directory: Path, bot_id: int) -> None:
        self._directory = directory
        self._bot_id = bot_id
        self._by_id: dict[str, StoredFile] = {}
        self._by_path: dict[str, StoredFile] = {}
        self._count = 0
        self.is_local = False
        """Whether this is a local Bot API server: large files, given by their paths."""
        (directory / "incoming").mkdir(parents=True, exist_ok=True)

    def incoming(self) -> Path:
        """Return a new path for an upload."""
        self._count += 1
        return self._directory / "incoming" / str(self._count)

    def add(self, kind: str, source: bytes | Path, **about: Any) -> StoredFile:
        """Store bytes, or move a file here; ``about`` are further fields of ``StoredFile``."""
        self._count += 1
        suffix = _suffix(kind, about)
        file_path = f"{_FOLDERS[kind]}/file_{self._count}{suffix}"
        path = self._directory / file_path
        path.parent.mkdir(exist_ok=True)
        if isinstance(source, bytes):
            path.write_bytes(source)
        else:
            source.replace(path)
        file = StoredFile(
            file_id=self._id(f"{self._bot_id}:{kind}:{self._count}:of:the:sandbox"),
            file_unique_id=self._id(f"{kind}:{self._count}"),
            stored_as=kind,
            path=path,
            file_path=file_path,
            size=path.stat().st_size,
            **about,
        )
        self._by_id[file.file_id] = self._by_path[file_path] = file
        return file

    def add_picture(self, kind: str, picture: Picture) -> StoredFile:
        """Store one size of a picture."""
        return self.add(kind, picture.jpeg, width=picture.width, height=picture.height)

    def by_id(self, file_id: str) -> StoredFile | None:
        """Return the file with this id, or None."""
        return self._by_id.get(file_id)

    def by_path(self, file_path: str) -> StoredFile | None:
        """Return the file at this path under /file/, or None."""
        return self._by_path.get(file_path)

    @staticmethod
    def _id(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _suffix(kind: str, about: dict[str, Any]) -> str:
    if kind in {"photo", "thumbnail"}:
        return ".jpg"
    named = Path(about.get("file_name") or "").suffix
    return named or mimetypes.guess_extension(about.get("mime_type") or "") or ""
