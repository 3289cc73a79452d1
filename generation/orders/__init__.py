"""Orders: from options to a quote to an accepted, paid request."""

from __future__ import annotations
