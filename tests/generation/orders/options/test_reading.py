"""Reading a prompt: what counts as an option, and what stays prose."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.orders.options import Choice, Options, Problem, resolve
from generation.orders.reading import OPTIONS, read
from tests.generation.orders.options.settling import NOBODY, OFFER


@pytest.mark.parametrize(
    ("option", "requested"),
    [
        ("--model veo-3.1", Options(model="veo-3.1")),
        ("--model=veo-3.1", Options(model="veo-3.1")),
        ("--model “veo-3.1”", Options(model="veo-3.1")),
        ("--pro", Options(pro=True)),
        ("--seconds 8", Options(seconds="8")),
        ("--seconds=8", Options(seconds="8")),
        ("--seconds 8s", Options(seconds="8s")),
        ("--seconds\n8", Options(seconds="8")),
        ("--ar 9:16", Options(aspect_ratio="9:16")),
        ("--horizontal", Options(aspect_ratio="16:9")),
        ("--vertical", Options(aspect_ratio="9:16")),
        ("--Vertical", Options(aspect_ratio="9:16")),
        ("--square", Options(aspect_ratio="1:1")),
        ("--720p", Options(resolution="720p")),
        ("--1080p", Options(resolution="1080p")),
        ("--1080P", Options(resolution="1080p")),
        ("--4k", Options(resolution="4k")),
        ("--res 1080p", Options(resolution="1080p")),
        ("--fit pad", Options(fit="pad")),
        ("--silent", Options(silent=True)),
    ],
)
@pytest.mark.parametrize("dash", ["--", "—", "–", "—-", "——", "\u2015"])
@pytest.mark.parametrize("place", ["{} a cat", "a cat {}", "a {} cat", "a\n{}\ncat"])
def test_an_option_is_read_anywhere_with_any_dash(
    option: str, requested: Options, dash: str, place: str
) -> None:
    found = read(place.format(option.replace("--", dash, 1)))

    assert found.requested == requested
    assert found.prompt.split() == ["a", "cat"]
    assert found.problems == ()


@pytest.mark.parametrize(
    ("text", "requested"),
    [
        ("a cat -vertical", Options(aspect_ratio="9:16")),
        ("-vertical a cat", Options(aspect_ratio="9:16")),
        ("a cat -seconds 8 -ar 9:16", Options(seconds="8", aspect_ratio="9:16")),
        ("a cat -- seconds 8", Options(seconds="8")),
        ("a cat -- seconds 8 --pro", Options(seconds="8", pro=True)),
        ("a cat - seconds 8", Options(seconds="8")),
        ("a cat – 8 seconds", Options(seconds="8")),
        ("a cat — 8 s — vertical", Options(seconds="8", aspect_ratio="9:16")),
        ("a cat -- vertical -- silent", Options(aspect_ratio="9:16", silent=True)),
        ("a cat - vertical\nand slow", Options(aspect_ratio="9:16")),
        ("a cat --8s", Options(seconds="8")),
        ("a cat —8sec", Options(seconds="8")),
        ("a cat -9:16", Options(aspect_ratio="9:16")),
        ("a cat --9:16 on a boat", Options(aspect_ratio="9:16")),
        ("a cat -- model veo-3.1", Options(model="veo-3.1")),
        ("a cat -1080p", Options(resolution="1080p")),
        ("a cat \u2212vertical", Options(aspect_ratio="9:16")),
        ("a cat \u2010seconds 8", Options(seconds="8")),
        ("a cat \uff0d1080p", Options(resolution="1080p")),
    ],
)
def test_what_looks_like_an_option_counts_with_a_single_dash_and_behind_a_blank(
    text: str, requested: Options
) -> None:
    found = read(text)

    assert found.requested == requested
    assert found.prompt.split()[:2] == ["a", "cat"]
    assert "-" not in found.prompt
    assert found.problems == ()


@pytest.mark.parametrize(
    "prose",
    [
        "my garden — the roses at dawn",
        "my garden – the roses at dawn",
        "my garden—the roses at dawn",
        "my garden -- the roses at dawn",
        "my garden--the roses at dawn",
        "a well-kept garden - the roses",
        "—Hola —dijo él—. ¿Quién eres?",
        "—Silent! —he cried",
        "– Kim jesteś? – zapytała",
        "— Привет, — сказал он. — Как дела?",
        "—Привет",
        "—model of a ship in a bottle",
        "the —seconds before dawn",
        "a man —fit and tanned— runs",
        "wallpaper—vertical stripes",
        "a —verticality",
        "a sign that says “—”",
        "a tower - vertical and proud",
        "a tower – vertical and proud",
        "two men wait - 8 seconds until dawn",
        "a robot - model T-800 in the rain",
        "the train – 9:16 in the morning",
        "things in it:\n-silent snow\n-pro skaters",
        "- silent night",
        "— 8 seconds, he said",
        "he is -fit and tanned",
        "a semi-pro team",
        "a cat -verticality",
        "--- a line ---",
        "-5 °C -- and falling",
        "\u22125 °C in the shade",
        "--",
        "—",
    ],
)
def test_dashes_in_prose_are_left_alone(prose: str) -> None:
    assert read(prose).prompt == prose
    assert read(prose).requested == Options()
    assert read(prose).problems == ()


def test_several_options_are_read_and_the_last_of_a_kind_counts() -> None:
    found = read("--pro a cat --seconds 4 —vertical on a boat --seconds 8 --1080p")

    assert found.prompt == "a cat on a boat"
    assert found.requested == Options(
        pro=True, seconds="8", aspect_ratio="9:16", resolution="1080p"
    )


def test_an_option_does_not_take_the_next_one_for_its_value() -> None:
    assert read("--seconds --vertical a cat").requested == Options(seconds="", aspect_ratio="9:16")
    assert read("--seconds —vertical a cat").requested == Options(seconds="", aspect_ratio="9:16")


@pytest.mark.parametrize("word", ["--foo", "--secs", "--verticaal", "--привет", "--8"])
def test_a_typed_word_that_is_no_option_is_a_problem_that_names_the_options(word: str) -> None:
    found = read(f"a cat {word} on a boat")

    assert found.problems == (Problem("option", word, OPTIONS),)


def test_everything_that_is_said_to_exist_is_understood() -> None:
    values = {"--model": "veo-3.1", "--seconds": "8", "--ar": "1:1", "--res": "1", "--fit": "pad"}
    for option in OPTIONS:
        found = read(f"{option} {values.get(option, '')}")
        assert (found.prompt, found.problems) == ("", ()), option
        assert found.requested != Options(), option


def test_what_cannot_be_shown_is_dropped_and_lines_are_kept() -> None:
    assert read("\x00a\x07 cat\r\n\ton\x0ba\ud83d boat\x7f").prompt == "a cat\n\ton a boat"


def test_emoji_and_joined_letters_stay_whole() -> None:
    family = "👨‍👩‍👧‍👦 می‌خواهم é 東京"
    assert read(family).prompt == family


def test_a_long_option_is_said_back_in_short() -> None:
    assert len(read("--" + "x" * 10_000).problems[0].given) <= 40
    assert len(read("--seconds " + "9" * 10_000).requested.seconds or "") <= 40


@given(st.text())
def test_reading_any_text_never_fails_and_leaves_nothing_unprintable(text: str) -> None:
    prompt = read(text).prompt

    assert prompt == prompt.strip()
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in prompt if c not in "\n\t")


@given(st.lists(st.sampled_from(["--", "—", "–", "=", " ", "\n", "8", "x", *OPTIONS])))
def test_reading_any_mix_of_dashes_and_options_never_fails(parts: list[str]) -> None:
    found = read("".join(parts))
    settled = resolve(found.requested, NOBODY, OFFER, "t2v")

    assert isinstance(settled, (Choice, Problem))


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="-—–")))
def test_a_text_without_options_is_its_own_prompt(text: str) -> None:
    assert read(text).prompt == text.strip()


@given(
    st.lists(st.text(st.characters(categories=["Ll"]), min_size=1).filter(lambda w: w.isalpha())),
    st.sampled_from(["— {}", "{} —", "– {}", "{}—{}", "({}—)"]),
)
def test_a_dash_that_no_option_hangs_on_survives(words: list[str], dash: str) -> None:
    text = " ".join(dash.format(word, word) for word in words)
    assert read(text).prompt == text.strip()
