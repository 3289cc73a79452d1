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
    assert (boat.is_rider, cat.is_rider, cat.motion) == (False, True, "sit")
    fox, other = (idea.read(words).subjects[0] for words in ("a blue fox jumps", "a fox"))
    assert (fox.motion, other.motion, other.body) == ("jump", "run", None)
    assert fox.body is not None
    assert fox.body[2] > fox.body[0]


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
