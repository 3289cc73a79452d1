"""What runs: the command line, settings, logs, and the wiring of everything below."""

from __future__ import annotations
