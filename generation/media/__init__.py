"""Media work: child processes, pictures, videos, downloads."""

from __future__ import annotations
