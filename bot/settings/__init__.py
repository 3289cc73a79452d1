"""Settings: their definition, sources and documentation."""

from __future__ import annotations
