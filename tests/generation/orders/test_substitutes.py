"""What is made instead of a model that is gone."""

from __future__ import annotations

import pytest

from generation.models.offer import Offer
from generation.orders.options import Choice, Defaults, Options, resolve
from generation.orders.substitutes import find_replacement

KNOWN = Offer.load()


def wanted() -> Choice:
    """The usual video of Sora 2."""
    choice = resolve(Options(model="sora-2"), Defaults(), KNOWN, "t2v")
    assert isinstance(choice, Choice)
    return choice


@pytest.mark.parametrize(("length", "family"), [(2000, "hailuo-2.3"), (2001, "veo-3.1-fast")])
def test_a_family_takes_over_only_what_is_short_enough_for_it(length: int, family: str) -> None:
    served = KNOWN.only(["hailuo-2.3", "veo-3.1-fast"])
    found = find_replacement(wanted(), served, most=9, prompt="x" * length)
    assert found is not None
    assert found.choice.family.name == family


def test_nothing_takes_over_where_no_family_can() -> None:
    served = KNOWN.only(["hailuo-2.3"])
    assert find_replacement(wanted(), served, most=9, prompt="x" * 2001) is None


@pytest.mark.parametrize(("photo", "fit"), [("9:16", "pad"), ("16:9", "crop")])
def test_a_family_without_the_shape_of_a_photo_keeps_all_of_it(photo: str, fit: str) -> None:
    asked = resolve(Options(model="sora-2", aspect_ratio=photo), Defaults(), KNOWN, "i2v")
    assert isinstance(asked, Choice)
    found = find_replacement(asked, KNOWN.only(["ltx-2"]), most=None)
    assert found is not None
    assert (found.choice.aspect_ratio, found.choice.fit) == ("16:9", fit)
