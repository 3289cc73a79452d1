"""The two servers on this machine refuse what the real ones refuse."""

from __future__ import annotations
