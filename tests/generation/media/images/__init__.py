"""Pictures people send."""

from __future__ import annotations
