"""The demo: its page in a real browser, its server, its command."""

from __future__ import annotations
