"""A chat page in the browser in front of both sandboxes, for people and for their browsers."""

from __future__ import annotations

from sandbox.page.cast import Cast
from sandbox.page.stage import Stage

__all__ = ["Cast", "Stage"]
