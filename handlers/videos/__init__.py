"""Finished videos: results, history, sharing, another one like it."""

from __future__ import annotations
