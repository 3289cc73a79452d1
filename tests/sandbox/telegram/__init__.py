"""The Telegram of the sandbox, over real HTTP."""

from __future__ import annotations
