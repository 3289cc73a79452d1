"""Options settled against an offer, where a choice or a problem is expected."""

from __future__ import annotations

from generation.models.offer import Offer
from generation.orders.options import Choice, Defaults, Options, Problem, resolve

ALL = Offer.load()
OFFER = ALL.only(["sora-2", "sora-2-pro", "veo-3.1-fast", "veo-3.1"])
NOBODY = Defaults()


def chosen(
    requested: Options = Options(),  # noqa: B008 - a frozen value
    defaults: Defaults = NOBODY,
    offer: Offer = OFFER,
    kind: str = "t2v",
) -> Choice:
    """Settle and expect no problem."""
    choice = resolve(requested, defaults, offer, "i2v" if kind == "i2v" else "t2v")
    assert isinstance(choice, Choice), choice
    return choice


def problem(requested: Options, offer: Offer = OFFER, defaults: Defaults = NOBODY) -> Problem:
    """Settle and expect a problem."""
    found = resolve(requested, defaults, offer, "t2v")
    assert isinstance(found, Problem), found
    return found
