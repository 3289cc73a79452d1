"""Jobs: the life of an accepted request at the provider."""

from __future__ import annotations
