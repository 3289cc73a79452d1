"""Animated scenes, drawn from the words of a prompt or made from a photo."""

from __future__ import annotations

from sandbox.aimlapi.drawing.figures import sticker
from sandbox.aimlapi.drawing.scene import PhotoScene, Scene, WordScene

__all__ = ["PhotoScene", "Scene", "WordScene", "sticker"]
