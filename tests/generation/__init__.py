"""Tests of what a video request is."""

from __future__ import annotations
