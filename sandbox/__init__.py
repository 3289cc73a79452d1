"""Both servers the bot talks to, on this machine: for its tests, and to try it without accounts."""

from __future__ import annotations
