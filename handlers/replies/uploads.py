"""How far an upload is: whether its file has left, so that somebody may have it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Upload:
    """A place among the uploads; `is_gone` once the whole file was handed to the network.

    Nobody can have a file before: a request that breaks off is none.
    """

    __slots__ = ("is_gone",)

    def __init__(self) -> None:
        self.is_gone = False


class UploadedFile(io.BufferedReader):
    """A file on the disk that tells its upload when it was read to the end."""

    def __init__(self, path: Path, upload: Upload) -> None:
        super().__init__(io.FileIO(path))
        self._upload = upload

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on; fewer bytes than were asked for are the last."""
        piece = super().read(size)
        if size is None or size < 0 or len(piece) < size:
            self._upload.is_gone = True
        return piece
