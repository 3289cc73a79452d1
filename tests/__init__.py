"""What the bot promises, each promise proved."""

from __future__ import annotations
