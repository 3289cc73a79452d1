"""Pictures sent in a request as data URIs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

DATA_URI_LENGTH = 20_971_520  # characters that Sora's maker accepts at most
_PIXELS = 64_000_000
_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_DATA_URI = re.compile(r"data:(?P<kind>[a-z]+/[a-z0-9.+-]+);base64,(?P<data>[A-Za-z0-9+/=]+)\Z")


class BadPictureError(Exception):
    """The picture is refused; the message is that of the provider."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decodable picture: its size in pixels, media type and bytes."""

    width: int
    height: int
    media_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The hex digest of the bytes."""
        return hashlib.sha256(self.content).hexdigest()

    def open(self) -> Image.Image:
        """Return the decoded picture as RGB."""
        return Image.open(io.BytesIO(self.content)).convert("RGB")

    def record(self) -> dict[str, str | int]:
        """Return the description that replaces it in a submission's record."""
        return {
            "width": self.width,
            "height": self.height,
            "media_type": self.media_type,
            "bytes": len(self.content),
            "sha256": self.sha256,
        }


def read_data_uri(uri: str) -> Picture:
    """Decode a base64 data URI of a JPEG, PNG or WEBP; raises BadPictureError."""
    if len(uri) > DATA_URI_LENGTH:
        raise BadPictureError(f"String must contain at most {DATA_URI_LENGTH} character(s)")
    found = _DATA_URI.match(uri)
    if found is None or found["kind"] not in _FORMATS:
        raise BadPictureError("Invalid image: expected data:image/jpeg|png|webp;base64,…")
    try:
        content = base64.b64decode(found["data"], validate=True)
        with Image.open(io.BytesIO(content), formats=[_FORMATS[found["kind"]]]) as image:
            if image.width * image.height > _PIXELS:
                raise BadPictureError("Invalid image: too many pixels")
            image.load()
            return Picture(image.width, image.height, found["kind"], content)
    except (binascii.Error, UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise BadPictureError("Invalid image: it cannot be decoded") from error
