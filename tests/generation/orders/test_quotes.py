"""What a text asks for and what it costs, before anything is ordered."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from generation.models.offer import Offer
from generation.orders.options import Defaults
from generation.orders.quotes import GENTLE_MOVEMENT, Alternative, Quote, quote

OFFER = Offer.load().only(["sora-2", "sora-2-pro"])


def asked(text: str, **changes: Any) -> Quote:
    """Quote something that can be had."""
    found = quote_of(text, **changes)
    assert isinstance(found, Quote), found
    return found


def refused(text: str, **changes: Any) -> list[str]:
    """Quote something that cannot be had: which options are at fault."""
    found = quote_of(text, **changes)
    assert not isinstance(found, Quote), found
    return [problem.option for problem in found]


def quote_of(text: str, **changes: Any) -> Quote | Any:
    """Quote a text; by default a video from text alone, for somebody without defaults."""
    values: dict[str, Any] = {"kind": "t2v", "offer": OFFER, "defaults": Defaults()}
    return quote(text, **(values | changes))


def test_plain_text_is_the_first_familys_shortest_video() -> None:
    found = asked("a cat")
    assert (found.prompt, found.choice.family.name, found.choice.seconds) == ("a cat", "sora-2", 4)
    assert (found.aspect_ratio, found.choice.resolution) == ("16:9", "720p")


def test_options_are_taken_out_of_the_prompt_and_priced() -> None:
    found = asked("a cat --pro --seconds 12 --1080p --vertical")
    assert (found.prompt, found.choice.mode.model) == ("a cat", "openai/sora-2-pro-t2v")
    assert (found.aspect_ratio, found.choice.resolution) == ("9:16", "1080p")
    assert found.price == Decimal("0.525") * 12
    assert found.credits == 63


@pytest.mark.parametrize(
    ("credit", "credits_"), [("0.10", 9), ("0.84", 1), ("0.85", 1), ("0.83", 2), ("100", 1)]
)
def test_each_credit_begun_counts_and_nothing_is_free(credit: str, credits_: int) -> None:
    offer = replace(OFFER, credit_usd=Decimal(credit))
    assert asked("a cat", offer=offer).credits == credits_


@pytest.mark.parametrize(
    ("size", "shape"),
    [((1280, 720), "16:9"), ((720, 1280), "9:16"), ((900, 1000), "9:16"), ((3000, 500), "16:9")],
)
def test_the_shape_is_taken_from_the_picture(size: tuple[int, int], shape: str) -> None:
    assert asked("it rains", kind="i2v", picture_size=size).aspect_ratio == shape


def test_a_shape_that_was_asked_for_is_kept_whatever_the_picture() -> None:
    vertical = asked("it rains --vertical", kind="i2v", picture_size=(1280, 720))
    assert vertical.aspect_ratio == "9:16"


def test_a_picture_of_unknown_size_leaves_its_shape_open() -> None:
    assert asked("it rains", kind="i2v").aspect_ratio is None


def test_a_picture_without_words_moves_gently() -> None:
    assert asked("", kind="i2v").prompt == GENTLE_MOVEMENT
    assert asked("--seconds 8", kind="i2v").prompt == GENTLE_MOVEMENT


def test_text_alone_must_say_something() -> None:
    assert refused("") == ["prompt"]
    assert refused("--seconds 8") == ["prompt"]


def test_a_prompt_longer_than_the_model_takes_is_refused() -> None:
    assert refused("x" * 32_001) == ["prompt"]


@pytest.mark.parametrize(
    ("text", "options"),
    [("a cat --seconds 5", ["seconds"]), ("a cat --bright", ["option"]),
     ("a cat --bright --loud", ["option", "option"]), ("a cat --model x1", ["model"])],
)  # fmt: skip
def test_what_cannot_be_had_is_said_option_by_option(text: str, options: list[str]) -> None:
    assert refused(text) == options


def test_with_no_family_left_the_model_is_the_problem() -> None:
    assert refused("a cat", offer=Offer(())) == ["model"]


def test_what_was_tapped_stands_over_what_was_typed() -> None:
    text = "a cat --pro --seconds 12"
    assert asked(text, instead=Alternative(seconds=4)).choice.seconds == 4
    cheaper = asked(text, instead=Alternative(family="sora-2"))
    assert (cheaper.choice.family.name, cheaper.choice.seconds) == ("sora-2", 12)
    assert asked(text, instead=Alternative()) == asked(text), "nothing tapped changes nothing"
    assert asked("it rains", kind="i2v", instead=Alternative(fit="pad")).choice.fit == "pad"


def test_saved_defaults_are_taken_where_nothing_was_typed() -> None:
    saved = Defaults(family="sora-2-pro", seconds=8, aspect_ratio="9:16", resolution="1080p")
    found = asked("a cat", defaults=saved)
    assert (found.choice.family.name, found.choice.seconds) == ("sora-2-pro", 8)
    assert (found.aspect_ratio, found.choice.resolution) == ("9:16", "1080p")
    assert asked("a cat --seconds 4", defaults=saved).choice.seconds == 4


def test_the_next_family_takes_over_where_one_rests() -> None:
    left = OFFER.without({"openai/sora-2-t2v"}).for_kind("t2v")
    assert asked("a cat", offer=left).choice.family.name == "sora-2-pro"
    still = OFFER.without({"openai/sora-2-t2v"}).for_kind("i2v")
    assert asked("it rains", kind="i2v", offer=still).choice.family.name == "sora-2"


NAMED = Offer.load().only(["sora-2", "veo-3.1-fast", "kling-3", "hailuo-2.3"])
SORA, SORA_I2V = "openai/sora-2-t2v", "openai/sora-2-i2v"


def without_sora(text: str, *, names: tuple[str, ...] = NAMED.names, **changes: Any) -> Quote:
    """Quote something while Sora 2 is gone."""
    named = NAMED.only(names)
    return asked(text, offer=named.without({SORA, SORA_I2V}), **({"named": named} | changes))


def was(found: Quote) -> tuple[str, int] | None:
    """What a quote is instead of, and the credits of that."""
    gone = found.instead_of
    return None if gone is None else (gone.title, gone.credits)


def test_a_default_that_is_gone_is_replaced_by_what_costs_no_more_and_is_said() -> None:
    found = without_sora("a cat")
    assert (found.choice.family.name, found.choice.seconds, found.credits) == ("veo-3.1-fast", 4, 6)
    assert was(found) == ("Sora 2", 9)
    assert not found.is_dearer


def test_a_default_that_is_gone_is_not_replaced_by_something_dearer_unasked() -> None:
    named = Offer.load().only(["hailuo-2.3-fast", "veo-3.1"])
    found = asked("it rains", kind="i2v", named=named, offer=named.only(["veo-3.1"]))
    assert was(found) == ("Hailuo 2.3 Fast", 3)
    assert found.is_dearer


def test_a_default_for_pictures_that_is_gone_is_told_of_too() -> None:
    assert was(without_sora("it rains", kind="i2v")) == ("Sora 2", 9)


def test_what_is_served_is_not_said_to_be_instead_of_anything() -> None:
    assert was(without_sora("a cat --model veo-3.1-fast")) is None
    assert was(without_sora("a cat", defaults=Defaults(family="kling-3"))) is None
    assert was(asked("a cat", named=OFFER)) is None


@pytest.mark.parametrize(
    ("text", "names", "family", "seconds", "shape"),
    [
        ("a cat --seconds 5", ("sora-2", "kling-3"), "kling-3", 5, "16:9"),
        ("a cat --seconds 12", ("sora-2", "veo-3.1-fast"), "veo-3.1-fast", 8, "16:9"),
        ("a cat --square", ("sora-2", "kling-3"), "kling-3", 4, "1:1"),
        ("a cat --square", ("sora-2", "veo-3.1-fast"), "veo-3.1-fast", 4, "16:9"),
        ("a cat --silent", ("sora-2", "veo-3.1-fast"), "veo-3.1-fast", 4, "16:9"),
    ],
)
def test_a_wish_the_family_that_is_gone_could_not_meet_does_not_hide_that_it_is_gone(
    text: str, names: tuple[str, ...], family: str, seconds: int, shape: str
) -> None:
    for defaults in (Defaults(), Defaults(family="sora-2")):
        found = without_sora(text, names=names, defaults=defaults)
        choice = found.choice
        assert (choice.family.name, choice.seconds, choice.aspect_ratio) == (family, seconds, shape)
        assert found.instead_of is not None
        assert found.instead_of.title == "Sora 2"
        assert choice.silent == ("silent" in text)


@pytest.mark.parametrize("typed", ["--seconds soon", "--ar wide", "--res sharp", "--fit loosely"])
def test_what_is_no_such_thing_is_refused_also_where_the_default_is_gone(typed: str) -> None:
    left = NAMED.without({SORA, SORA_I2V})
    assert len(refused(f"a cat {typed}", named=NAMED, offer=left)) == 1


def test_a_model_that_only_fails_at_present_is_said_to_rest() -> None:
    cooling = replace(NAMED, cooling_models=frozenset({SORA}))
    for text, rests in (("a cat", True), ("it rains", False)):
        kind = "t2v" if rests else "i2v"
        found = without_sora(text, named=cooling, kind=kind)
        assert found.instead_of is not None
        assert found.instead_of.cooling is rests
