"""A person's account: welcome, quota, settings, models."""

from __future__ import annotations
