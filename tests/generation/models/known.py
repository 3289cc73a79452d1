"""The provider's models that tests are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.models.offer import Offer

if TYPE_CHECKING:
    from generation.models.offer import Mode


def mode_of(model: str, kind: str | None = None) -> Mode:
    """Return a model that is in the offer."""
    mode = Offer.load().mode(model, kind)
    assert mode is not None, model
    return mode
