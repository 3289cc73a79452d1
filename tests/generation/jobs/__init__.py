"""Tests of generation.jobs."""

from __future__ import annotations
