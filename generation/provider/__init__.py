"""The AI/ML API: its client, answers, errors and request log."""

from __future__ import annotations
