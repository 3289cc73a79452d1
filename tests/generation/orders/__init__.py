"""Tests of generation.orders."""

from __future__ import annotations
