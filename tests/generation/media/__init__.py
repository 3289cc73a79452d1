"""Tests of generation.media."""

from __future__ import annotations
