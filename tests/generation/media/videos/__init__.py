"""Videos made ready for a chat."""

from __future__ import annotations
