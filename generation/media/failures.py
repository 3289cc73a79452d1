"""How media work can go wrong, the same on both sides of the pipe to a child process.

MediaError
├── MediaRefused   the bytes are at fault: final, the reason says what to tell the sender
├── MediaTimeout   it took too long and was killed: the bytes are suspect, once more at most
└── MediaFailed    the process died or the work broke down: worth another try
"""

from __future__ import annotations

from enum import StrEnum


class MediaError(Exception):
    """Media work did not come to its result."""


class Reason(StrEnum):
    """Why a picture is not taken; each has its own sentence in the chat."""

    NOT_A_PICTURE = "not_a_picture"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    BROKEN = "broken"
    TOO_SLOW = "too_slow"


class MediaRefused(MediaError):
    """The bytes are not what the job works on; `reason` is a word its caller knows."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MediaTimeout(MediaError):
    """The job ran out of time and its process was killed."""


class MediaFailed(MediaError):
    """The process died, or the job broke down for a reason that is not the bytes' plain fault."""
