"""Operations: checks, backup, health, logs."""

from __future__ import annotations
