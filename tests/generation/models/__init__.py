"""Tests of generation.models."""

from __future__ import annotations
