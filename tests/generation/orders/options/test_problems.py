"""Options nobody can fulfil: each is answered with what is on offer instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.models.offer import Offer
from generation.orders.options import Choice, Options, Problem, check_prompt, resolve
from generation.orders.reading import read
from tests.generation.orders.options.settling import NOBODY, OFFER, chosen, problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--seconds 5", Problem("seconds", "5", ("4", "8", "12"), "sora-2")),
        ("--seconds soon", Problem("seconds", "soon", ("4", "8", "12"), "sora-2")),
        ("a cat --seconds", Problem("seconds", "", ("4", "8", "12"), "sora-2")),
        ("--square", Problem("ar", "1:1", ("16:9", "9:16"), "sora-2")),
        ("--1080p", Problem("res", "1080p", ("720p",), "sora-2")),
        ("--pro --res 4k", Problem("res", "4k", ("720p", "1080p"), "sora-2-pro")),
        ("--model sora-3", Problem("model", "sora-3", OFFER.names)),
        ("a cat --model", Problem("model", "", OFFER.names)),
        ("--fit sideways", Problem("fit", "sideways", ("crop", "pad"))),
        ("--silent", Problem("silent", "", ("veo-3.1-fast", "veo-3.1"), "sora-2")),
    ],
)
def test_what_is_not_offered_is_answered_with_what_is(text: str, expected: Problem) -> None:
    assert problem(read(text).requested) == expected


def test_pro_without_a_sister_on_offer_is_a_problem_that_names_those_with_one() -> None:
    offer = OFFER.only(["sora-2", "veo-3.1-fast", "veo-3.1"])
    expected = Problem("pro", "", ("veo-3.1-fast", "veo-3.1"), "sora-2")

    assert problem(Options(pro=True), offer) == expected


def test_an_empty_offer_is_a_problem() -> None:
    assert problem(Options(), Offer(())) == Problem("model", "", ())
    assert problem(Options(pro=True), Offer(())) == Problem("model", "", ())


@given(
    st.builds(
        Options,
        model=st.none() | st.text(),
        pro=st.booleans(),
        seconds=st.none() | st.text(),
        aspect_ratio=st.none() | st.text(),
        resolution=st.none() | st.text(),
        fit=st.none() | st.text(),
        silent=st.booleans(),
    )
)
def test_settling_any_wish_never_fails(requested: Options) -> None:
    assert isinstance(resolve(requested, NOBODY, OFFER, "t2v"), (Choice, Problem))


def test_a_prompt_is_needed_unless_there_is_a_picture() -> None:
    assert check_prompt("", chosen()) == Problem("prompt", "", (), "sora-2")
    assert check_prompt("", chosen(kind="i2v")) is None
    assert check_prompt("a cat", chosen()) is None


def test_a_prompt_longer_than_the_model_takes_is_a_problem() -> None:
    assert check_prompt("x" * 32_000, chosen()) is None
    assert check_prompt("x" * 32_001, chosen()) == Problem("prompt", "32001", ("32000",), "sora-2")
    assert check_prompt("x" * 32_001, chosen(Options(model="veo-3.1"))) is None
