"""What a text asks for and what it costs, before anything is ordered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from generation.models import Offer
from generation.options import Defaults
from generation.quotes import GENTLE_MOVEMENT, Instead, Quote, quote
from generation.served import able, without

OFFER = Offer.load().only(["sora-2", "sora-2-pro"])
CREDIT = Decimal("0.10")


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
    values: dict[str, Any] = {
        "kind": "t2v", "offer": OFFER, "defaults": Defaults(), "credit_usd": CREDIT
    }  # fmt: skip
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
    assert asked("a cat", credit_usd=Decimal(credit)).credits == credits_


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
    assert asked(text, instead=Instead(seconds=4)).choice.seconds == 4
    cheaper = asked(text, instead=Instead(family="sora-2"))
    assert (cheaper.choice.family.name, cheaper.choice.seconds) == ("sora-2", 12)
    assert asked(text, instead=Instead()) == asked(text), "nothing tapped changes nothing"
    assert asked("it rains", kind="i2v", instead=Instead(fit="pad")).choice.fit == "pad"


def test_saved_defaults_are_taken_where_nothing_was_typed() -> None:
    saved = Defaults(family="sora-2-pro", seconds=8, aspect_ratio="9:16", resolution="1080p")
    found = asked("a cat", defaults=saved)
    assert (found.choice.family.name, found.choice.seconds) == ("sora-2-pro", 8)
    assert (found.aspect_ratio, found.choice.resolution) == ("9:16", "1080p")
    assert asked("a cat --seconds 4", defaults=saved).choice.seconds == 4


def test_the_next_family_takes_over_where_one_rests() -> None:
    left = able(without(OFFER, {"openai/sora-2-t2v"}), "t2v")
    assert asked("a cat", offer=left).choice.family.name == "sora-2-pro"
    still = able(without(OFFER, {"openai/sora-2-t2v"}), "i2v")
    assert asked("it rains", kind="i2v", offer=still).choice.family.name == "sora-2"
