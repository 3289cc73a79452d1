"""Ordering: from a message or a tap to an accepted order."""

from __future__ import annotations
