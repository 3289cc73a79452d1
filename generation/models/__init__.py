"""The offer: models as data, their prices, whether they are served, cooldowns."""

from __future__ import annotations
