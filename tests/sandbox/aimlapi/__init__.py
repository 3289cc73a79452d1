"""Tests of the AI/ML API on this machine."""

from __future__ import annotations
