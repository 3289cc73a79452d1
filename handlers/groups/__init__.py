"""Groups: arrival, rules, settings, reports."""

from __future__ import annotations
