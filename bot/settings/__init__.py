"""Settings: their definition and their sources."""

from __future__ import annotations
