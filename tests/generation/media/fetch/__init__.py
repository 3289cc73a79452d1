"""Videos fetched from links."""

from __future__ import annotations
