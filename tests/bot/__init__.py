"""The command line, settings, logs: what an operator touches."""

from __future__ import annotations
