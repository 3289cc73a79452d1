"""A person's account: welcome, quota, settings, models."""

from __future__ import annotations

from handlers.account.welcome import publish

__all__ = ["publish"]
