"""Reads a prompt: its subjects, place, weather, time of day and motion."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from sandbox.aimlapi.drawing.figures import COLOURS, figures, mixed

if TYPE_CHECKING:
    from sandbox.aimlapi.drawing.figures import Colour, Figure

MAX_SUBJECTS = 3

_NOUNS = """
cat kitten kitty; dog puppy hound corgi; fox wolf; rabbit bunny hare; horse pony unicorn stallion;
bear panda; elephant mammoth; penguin; owl; bird parrot robin gull seagull swallow crane eagle;
butterfly moth bee dragonfly; fish goldfish koi shark; whale dolphin orca; turtle tortoise; snail;
dragon; dinosaur dino trex; astronaut cosmonaut spaceman; robot android; snowman;
lighthouse; house cabin cottage hut home; castle palace fortress; windmill mill;
tree oak pine palm; flower rose tulip sunflower daisy blossom; mushroom toadstool;
sailboat sailing yacht; paperboat; ship boat steamer ferry; car taxi auto truck bus; train tram
locomotive; bicycle bike; balloon; rocket spaceship spacecraft shuttle; plane airplane aeroplane
jet; kite; ufo saucer; lantern; fire campfire bonfire fireplace; umbrella; cup tea coffee teapot
mug; book; heart love; woman girl lady princess queen grandmother grandma granny mother mum mom
sister bride ballerina witch actress; person man boy child kid dancer people someone grandfather
grandpa father dad fisherman captain knight king prince wizard pirate ninja samurai player surfer
farmer chef family couple hiker runner
"""
_PLACES = """
sea ocean waves wave harbour harbor pier island bay bathtub surf; beach coast shore; lake pond
river water stream reflection; mountains mountain alps peak hill hills valley cliff volcano
village; forest wood woods jungle; city street town skyline tokyo paris york road stop bridge;
desert dune dunes sahara canyon mars; meadow field grass farm park prairie savanna savannah;
garden leaf flowerbed yard; space galaxy planet orbit cosmos universe nebula moonwalk; underwater
reef coral seabed aquarium submarine; ice iceberg arctic antarctic glacier frozen;
sky clouds cloud above air; room kitchen bedroom library cafe table desk window indoors shelf piano
fireplace; puddle
"""
_TIMES = """
night midnight nightfall moonlight moonlit starry stars star moon dark; dawn sunrise morning
daybreak; dusk sunset evening twilight golden warm; day noon daylight sunny midday summer bright
"""
_WEATHERS = """
rain rainy raining raindrop drop drizzle; snow snowy snowing snowfall snowflake blizzard winter;
storm stormy thunder thunderstorm lightning; fog foggy mist misty haze hazy; petal sakura cherry
blossoms; leaves autumn autumnal; firefly fireflies sparkles magic magical glowing; firework
fireworks confetti celebration
"""
_MOTIONS = """
walk stroll wander march; run race gallop chase sprint gallops races speeds speeding racing; fly
flies soar soars glide flying gliding; dance dances dancing twirl spin spins; jump jumps leap
leaps hop bounce jumping; float floats drift drifts hover hovering floating; swim swims dive
swimming; rise rises launch lifts rising; sleep sleeps sleeping rest rests sit sits sitting
"""
_TONES = """
red crimson scarlet; orange ginger copper; yellow gold golden; green emerald; blue azure; purple
violet lilac; pink rosy; white; ink black; grey gray silver; brown
"""
_PHRASES = {
    "sailing boat": "sailboat",
    "paper boat": "paperboat",
    "paper plane": "plane",
    "under water": "underwater",
    "hot-air": "",
    "hot air": "",
}
_BOATS = ("sailboat", "paperboat", "ship")
_MOUNTS = {
    "horse", "bicycle", "dragon", "whale", "elephant", "turtle", "dinosaur", "snail", "bear",
    "dolphin", "rocket", "fish", "bird",
}  # fmt: skip
_RIDES = {"ride", "rides", "riding", "rider"}
_STOP_WORDS = """
a an the and or of in on at by to with from over under through into my your his her our their its;
it is are as for while where very little big small old young new beautiful lonely quiet slow slowly
fast long short across along behind before after between above below up down; seconds second video
clip vertical horizontal square without no sound silent make scene
"""
"""Words without anything to draw."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A figure in the scene; `lift` is the height of a rider above its mount."""

    figure: Figure
    body: Colour | None
    motion: str
    count: int = 1
    lift: float = 0.0

    @property
    def is_rider(self) -> bool:
        """Whether it moves with the subject before it."""
        return self.lift > 0


@dataclass(frozen=True, slots=True)
class Idea:
    """A prompt in the terms of the renderer."""

    time: str
    place: str
    weather: frozenset[str]
    subjects: tuple[Subject, ...]
    seed: int
    is_understood: bool


def read(prompt: str) -> Idea:
    """Read a prompt; the seed of its text decides what it leaves open."""
    seed = zlib.crc32(prompt.encode())
    text = prompt.lower()
    for said, meant in _PHRASES.items():
        text = text.replace(said, meant)
    words = re.findall(r"[^\W\d_]+", text)
    subjects = _subjects(words)
    places = _found(words, _PLACES)
    if len(subjects) > 1 and subjects[-1].figure.name == "flower":
        subjects, places = subjects[:-1], ["garden"]
    weather = frozenset(_found(words, _WEATHERS))
    times = _found(words, _TIMES)
    # without a known subject, the text itself is shown, unless all its words are known
    known = bool(subjects) or _are_known(words)
    home = subjects[0].figure.home if subjects else ""
    home = "ice" if "snow" in weather and home in {"", "meadow", "garden"} else home
    place = places[0] if places else home
    if not place:
        place = ("sea", "mountains", "meadow", "lake")[seed % 4]
    if place == "sky" and len(places) > 1:
        place = places[1]
    if place == "beach" and any(one.motion in {"sail", "swim"} for one in subjects):
        place = "sea"
    time = times[0] if times else ("day", "dusk", "day", "dawn")[seed // 4 % 4]
    if place == "space":
        time = "night"
    if weather & {"firework", "firefly"} and not times:
        time = "night"
    return Idea(time, place, weather, subjects, seed, known)


def _are_known(words: list[str]) -> bool:
    """Whether every word is known."""
    tables = (_PLACES, _TIMES, _WEATHERS, _MOTIONS, _TONES, _STOP_WORDS)
    known = set().union(*map(_index, tables))
    return bool(words) and all({word, _singular(word)} & known for word in words)


def _subjects(words: list[str]) -> tuple[Subject, ...]:
    nouns, tones = _index(_NOUNS), _index(_TONES)
    motions = _found(words, _MOTIONS)
    made, seats = list[Subject](), set[str]()
    for index, word in enumerate(words):
        name = nouns.get(word) or nouns.get(_singular(word))
        if name is None or any(subject.figure.name == name for subject in made):
            continue
        if made and word in {"family", "couple"}:
            made[-1] = replace(made[-1], count=3 if word == "family" else 2)
            continue
        figure = figures()[name]
        before = words[max(0, index - 2) : index]
        seats |= {name} if "on" in before else set()
        tone = next((tones[one] for one in before if one in tones), None)
        body = None if tone is None else mixed(COLOURS[tone], (128, 110, 100), 0.08)
        is_many = word not in nouns and name not in {"house", "tree"}
        is_many = is_many or name == "fish"
        many = 2 if {"two", "pair", "couple"} & set(before) else 3 if is_many else 1
        motion = figure.motion if made or not motions else _able(figure, motions[0])
        made.append(Subject(figure, body, motion, many))
    boats = [one for one in made if one.figure.name in _BOATS]
    riders = [one for one in made if one.figure.motion in {"sit", "walk", "run", "hop"}]
    if boats and riders:
        made = [boats[0], replace(riders[0], motion="sail", count=1, lift=0.07)]
    elif len(made) > 1 and made[1].figure.name in (
        _MOUNTS if _RIDES & set(words) else _MOUNTS & seats
    ):
        mount = replace(made[1], count=1)
        lift = 0.6 * mount.figure.size
        made = [mount, replace(made[0], motion=mount.motion, count=1, lift=lift)]
    return tuple(made[:MAX_SUBJECTS])


def _able(figure: Figure, motion: str) -> str:
    """Return the motion a figure can do: a house does not run, and a car that drifts drives."""
    stays = figure.motion in {"stand", "sail", "rise", "launch"}
    stays = stays or (figure.motion == "drive" and motion != "fly")
    return figure.motion if stays else motion


def _found(words: list[str], table: str) -> list[str]:
    """Return the table's names for the known words, in the words' order, each once."""
    index = _index(table)
    found = (index.get(word) or index.get(_singular(word)) for word in words)
    return list(dict.fromkeys(name for name in found if name))


@cache
def _index(table: str) -> dict[str, str]:
    """Return the first word of a group by each of its words."""
    groups = [group.split() for group in table.split(";")]
    return {word: group[0] for group in groups for word in group}


def _singular(word: str) -> str:
    for ending, instead in (("ies", "y"), ("ves", "f"), ("ses", "s"), ("s", "")):
        if word.endswith(ending):
            return word.removesuffix(ending) + instead
    return word
