"""What the exit code of `run` tells whoever started the bot."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """A service manager restarts on 1 and 4; 2 and 3 come back until a person acts."""

    STOPPED = 0
    """Stopped on request."""
    FAILURE = 1
    """Something broke; the log says what."""
    WRONG_SETTINGS = 2
    """A setting is wrong, or the token or the key was refused."""
    LOCKED = 3
    """Another process holds `DATA_DIR`."""
    UPDATES_LOST = 4
    """Updates no longer arrive although Telegram answers."""
