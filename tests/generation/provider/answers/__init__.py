"""What the provider's answers stand for."""

from __future__ import annotations
