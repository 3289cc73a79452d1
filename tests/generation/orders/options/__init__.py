"""The options in a prompt."""

from __future__ import annotations
