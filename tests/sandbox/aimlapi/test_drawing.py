"""Scenes follow the words of their prompt."""

from __future__ import annotations

import pytest

from sandbox.aimlapi.drawing import WordScene, idea
from sandbox.aimlapi.drawing.figures import draw, figures
from sandbox.aimlapi.drawing.light import LIGHTS
from sandbox.aimlapi.drawing.places import PLACES

SIZE = (64, 36)


@pytest.mark.parametrize(
    ("prompt", "place", "time", "weather", "subjects"),
    [
        ("a cat on a sailing boat at sunset", "sea", "dusk", set(), ["sailboat", "cat"]),
        ("A lighthouse in a storm, at night", "sea", "night", {"storm"}, ["lighthouse"]),
        ("a red fox runs through a snowy forest by day", "forest", "day", {"snow"}, ["fox"]),
        ("hot-air balloons over the Alps at dawn", "mountains", "dawn", set(), ["balloon"]),
        ("an astronaut dances in space", "space", "night", set(), ["astronaut"]),
        ("two robots in the rain, Tokyo at night", "city", "night", {"rain"}, ["robot"]),
        ("fireworks", None, "night", {"firework"}, []),
        ("two dogs run along the beach at dusk", "beach", "dusk", set(), ["dog"]),
        ("a ship off the coast by day", "sea", "day", set(), ["ship"]),
        ("a quiet beach at sunset, 8 seconds", "beach", "dusk", set(), []),
    ],
)
def test_the_words_are_understood(
    prompt: str, place: str | None, time: str, weather: set[str], subjects: list[str]
) -> None:
    told = idea.read(prompt)
    assert place in {None, told.place}
    assert (told.time, set(told.weather)) == (time, weather)
    assert [one.figure.name for one in told.subjects] == subjects
    assert told.is_understood


def test_a_cat_sits_on_the_boat_it_is_said_to_be_on_and_a_red_fox_is_red() -> None:
    boat, cat = idea.read("a cat on a boat").subjects
    assert (boat.is_rider, cat.is_rider, cat.motion) == (False, True, boat.motion)
    horse, astronaut = idea.read("an astronaut rides a horse").subjects
    assert (horse.figure.name, astronaut.is_rider) == ("horse", True)
    assert (astronaut.lift > cat.lift, astronaut.motion) == (True, horse.motion)
    fox, other = (idea.read(words).subjects[0] for words in ("a blue fox jumps", "a fox"))
    assert (fox.motion, other.motion, other.body) == ("jump", "run", None)
    assert fox.body is not None
    assert fox.body[2] > fox.body[0]


@pytest.mark.parametrize(
    "colour", ["black", "gray", "white", "golden", "ginger", "violet", "brown"]
)
def test_a_cat_may_have_any_colour(colour: str) -> None:
    [cat] = idea.read(f"a {colour} cat").subjects
    assert cat.body is not None


def test_a_car_that_drifts_stays_on_the_ground_and_one_that_flies_does_not() -> None:
    cars = [
        idea.read(f"a car {does} through the desert").subjects[0] for does in ("drifts", "flies")
    ]
    assert [car.motion for car in cars] == ["drive", "fly"]


def test_a_place_without_what_should_be_in_it_is_not_all_that_was_said() -> None:
    assert not idea.read("a spider on its web at dawn").is_understood


def test_what_nobody_understands_is_written_over_a_landscape() -> None:
    one, other = (WordScene(words, (160, 90)).frame(1.0) for words in ("qwertz", ""))
    assert not idea.read("qwertz").is_understood
    assert one.tobytes() != other.tobytes()


@pytest.mark.parametrize("name", figures())
def test_a_figure_can_be_drawn_and_moves_if_it_has_parts_that_do(name: str) -> None:
    figure = figures()[name]
    one, other = (draw(figure, 40, turn).picture for turn in (0.0, 0.3))
    assert one.getbbox()
    assert (one.tobytes() != other.tobytes()) is figure.is_moving
    assert figure.home in PLACES


@pytest.mark.parametrize("place", PLACES)
def test_a_place_looks_different_at_each_time_and_in_each_weather(place: str) -> None:
    name = {"meadow": "a meadow", "puddle": "a puddle"}.get(place, place)
    seen = set()
    moments = [
        *((time, "") for time in LIGHTS),
        *(("day", one) for one in ("snow", "storm", "fog")),
    ]
    for time, weather in moments:
        words = f"{name}, {time}, {weather}"
        assert idea.read(words).place == place
        seen.add(WordScene(words, SIZE).frame(0.5).tobytes())
    assert len(seen) == len(moments)
