"""Tests of generation.provider."""

from __future__ import annotations
