"""What a request would be and cost: the options read, settled, priced."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from generation.media.pictures import nearest_aspect, share_lost
from generation.orders import options, substitutes
from generation.orders.options import Choice, Options, Problem, by_resolution, by_shape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from generation.models.offer import Kind, Offer
    from generation.orders.options import Defaults

MOST = 2
"""How many values beside the one that was meant are proposed."""


def corrections(problem: Problem, offer: Offer) -> list[Instead]:
    """Return what to take instead, the nearest first; whether it can be had is still to be asked.

    Values of the family that was meant come first, then the families that may have what was typed.
    """
    given, offered = problem.given, problem.offered
    match problem.option:
        case "seconds":
            length = int(given) if given.isascii() and given.isdigit() else 0
            lengths = sorted(map(int, offered), key=lambda seconds: abs(seconds - length))
            found = [Instead(seconds=seconds) for seconds in lengths[:MOST]]
        case "ar":
            found = [Instead(aspect_ratio=shape) for shape in by_shape(given, offered)[:MOST]]
        case "res":
            near = by_resolution(given, offered)
            found = [Instead(resolution=resolution) for resolution in near[:MOST]]
        case "model":
            close = get_close_matches(given.casefold(), offered, n=MOST + 1, cutoff=0.4)
            return [Instead(family=name) for name in close or offered[: MOST + 1]]
        case "silent" | "pro":
            return [Instead(family=name) for name in offered[: MOST + 1]]
        case "prompt" if offered:
            found = []
        case _:
            return []
    others = [family.name for family in offer if family.name != problem.family]
    return found + [Instead(family=name) for name in others]


CHANGE = "\x1e"
"""What stands in a text between a video's words and what should be different.

Nobody can type it, and nobody sees it: it is read as a blank.
"""
_ALIKE = 0.5
"""The share of common words from which on a text is another one edited, or written anew."""
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+")
_ENDS = (".", "!", "?", "…", ":", ";", ",", "\u3002", "\uff01", "\uff1f", "\u061f", "\u0964")


def changed(typed: str, before: str, said: str) -> str:
    """Return what to type for a video whose `typed` options and words were, once more is said.

    Where that is the words before, edited, it is all; else both stand together: nobody here can
    tell which of the old words the new ones mean. An option that is spoken of is typed no more.
    """
    spoken = plain(options.read(said).prompt)
    for name, value in (("seconds", spoken.seconds), ("ar", spoken.aspect_ratio),
                        ("res", spoken.resolution)):  # fmt: skip
        typed = typed if value is None else re.sub(rf"--{name} \S+", "", typed)
    return f"{typed} {_merged(before, said)}".strip()


def _merged(before: str, said: str) -> str:
    if not options.read(said).prompt:
        return f"{before} {said}".strip()
    old, new = (
        Counter(_WORD.findall(text.casefold())) for text in (before, options.read(said).prompt)
    )
    if not old or 2 * (old & new).total() >= _ALIKE * (old + new).total():
        return said
    # an option at its end needs none
    end = "" if before.endswith(_ENDS) or options.read(before).prompt != before else "."
    return f"{before}{end}{CHANGE}{said[:1].upper()}{said[1:]}"


GENTLE_MOVEMENT = "Gentle, natural movement; the camera moves in slowly."
"""What happens in a picture nobody said anything about."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A family that was chosen and is not served, and the credits its video would have cost.

    `cooling` tells that it only fails at present, `chosen` that the sender chose it and not we.
    """

    title: str
    credits: int
    cooling: bool = False
    chosen: bool = True


_SHAPES_SAID = ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9")
_NO_TIMES = ("16:9", "21:9")
"""Shapes that no clock shows, nor a match ends with."""
_TOKEN = re.compile(
    r"\d{1,2}:\d{1,2}(?![\d:])|\d{3,4}p(?!\w)|\d+"
    r"|[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u064b-\u065f\u0900-\u094f\u200c])*"
)
_PART = re.compile(r"[,.;!?\n()|/—–、\u3002\uff0c\uff01\uff1f\uff1b\u060c\u061f\u0964]+|\s-+\s|:\s")
_LONGEST_SECONDS = 60
_LONGEST_TAIL = 12
"""Words at the end of a part among which options are looked for."""
_LONGEST_PHRASE = 6


@dataclass(frozen=True, slots=True)
class _Phrase:
    """What a phrase says of a video; `alone` where it says so only where nothing else stands."""

    said: Mapping[str, str | bool]
    alone: bool = False
    is_video: bool = False


@cache
def _phrases() -> Mapping[tuple[str, ...], _Phrase]:
    """Return the phrases that speak of a video's options, in any language, by their words."""
    data = resources.files("generation.orders") / "plain_words.json"
    words = json.loads(data.read_text(encoding="utf-8"))
    found = {phrase: _Phrase({}) for phrase in words["besides"]}
    found |= {phrase: _Phrase({}, is_video=True) for phrase in words["video"]}
    for alone in (False, True):
        for shape, phrases in words["shapes alone" if alone else "shapes"].items():
            found |= {one: _Phrase({"aspect_ratio": shape}, alone=alone) for one in phrases}
        silent = words["silent alone" if alone else "silent"]
        found |= {phrase: _Phrase({"silent": True}, alone=alone) for phrase in silent}
    found |= {f"0 {unit}": _Phrase({}) for unit in words["seconds"]}
    return {tuple(_tokens(phrase)): one for phrase, one in found.items()}


@cache
def _telling() -> frozenset[str]:
    """Return the words without one of which nothing is said."""
    return frozenset(words[0] for words, phrase in _phrases().items() if phrase.said)


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(unicodedata.normalize("NFC", text).casefold())


def plain(prompt: str) -> Options:
    """Return what a prompt says in plain words of length, shape, resolution and sound.

    It counts where a part of it, between its commas, says nothing else ("…, vertical, 8 seconds"),
    ends with it ("… without sound"), or begins with it before the word video ("8 second video of
    …"). What is said so never costs unseen: it is put on a card.
    """
    said: dict[str, Any] = {}
    words = _tokens(prompt)
    if not any(word[0].isdecimal() for word in words) and _telling().isdisjoint(words):
        return Options()
    if shape := next((word for word in words if word in _NO_TIMES), None):
        said["aspect_ratio"] = shape
    for part in _PART.split(prompt):
        said |= _said(_tokens(part))
    return Options(**said)


def options_alone(text: str) -> str:
    """Return the options a text says as they are typed, where it says nothing else; else ""."""
    read = options.read(text)
    said = plain(read.prompt)
    parts = [_tokens(part) for part in _PART.split(read.prompt)]
    # an emoji may be an idea
    signs = any(unicodedata.category(character) == "So" for character in read.prompt)
    if read.problems or signs or any(_read(one, 0, whole=True)[1] < len(one) for one in parts):
        return ""
    both = {name: getattr(read.requested, name) or getattr(said, name) for name in _TYPED}
    return " ".join(f"{_TYPED[name]} {value}" for name, value in both.items() if value).replace(
        " True", ""
    )


_TYPED = {
    "model": "--model", "pro": "--pro", "seconds": "--seconds", "aspect_ratio": "--ar",
    "resolution": "--res", "fit": "--fit", "silent": "--silent",
}  # fmt: skip


def _said(tokens: list[str]) -> dict[str, str | bool]:
    """Return what the tail of a part says of a video, or its head before the word video."""
    for start in range(max(0, len(tokens) - _LONGEST_TAIL) if tokens else 0, len(tokens)):
        found, end, _ = _read(tokens, start, whole=start == 0)
        if end == len(tokens) and found:
            return found
    found, _, is_video = _read(tokens, 0, whole=False)
    return found if is_video else {}


def _read(tokens: list[str], start: int, *, whole: bool) -> tuple[dict[str, str | bool], int, bool]:
    """Read phrases from a word on; tells what they say, where they end, and whether of a video."""
    said: dict[str, str | bool] = {}
    at, is_video, phrases = start, False, _phrases()
    while at < len(tokens):
        one = tokens[at]
        if one in _SHAPES_SAID:
            said["aspect_ratio"] = one
            length = 1
        elif one[-1] == "p" and one[0].isdecimal():
            said["resolution"] = one
            length = 1
        elif one.isdecimal() and ("0", *tokens[at + 1 : at + 2]) in phrases:
            if not 0 < int(one[:4]) <= _LONGEST_SECONDS:
                break
            said["seconds"] = str(int(one))
            length = 2
        else:
            left = len(tokens) - at
            lengths = range(min(_LONGEST_PHRASE, left), 0, -1)
            length = next((n for n in lengths if tuple(tokens[at : at + n]) in phrases), 0)
            if not length:
                break
            phrase = phrases[tuple(tokens[at : at + length])]
            if phrase.alone and not whole:
                break
            said |= phrase.said
            is_video = is_video or (phrase.is_video and bool(said))
        at += length
    return said, at, is_video


@dataclass(frozen=True, slots=True)
class Quote:
    """A request that can be ordered: its price in US dollars and in credits.

    The shape is None where only the picture, once fetched, will tell it. `instead_of` is set where
    it is not what was chosen, `is_read` where plain words of the prompt made it another one. `lost`
    is the share of the picture that is cut away to fill `frame`, though nobody chose that.
    """

    prompt: str
    choice: Choice
    aspect_ratio: str | None
    price: Decimal
    credits: int
    instead_of: Gone | None = None
    is_read: bool = False
    lost: float = 0.0
    frame: tuple[int, int] = (0, 0)

    @property
    def cuts(self) -> bool:
        """Whether more of the picture is cut away than somebody takes without being asked."""
        return self.lost > substitutes.WORTH_ASKING

    @property
    def is_dearer(self) -> bool:
        """Whether it costs more than what was chosen and is gone."""
        return self.instead_of is not None and self.credits > self.instead_of.credits


@dataclass(frozen=True, slots=True)
class Instead:
    """What was tapped in the place of what was typed; 0 and "" leave things as they are.

    `words_alone` leaves out the words that others should change.
    """

    seconds: int = 0
    family: str = ""
    fit: str = ""
    aspect_ratio: str = ""
    resolution: str = ""
    words_alone: bool = False

    def over(self, requested: Options) -> Options:
        """Return the requested with what was tapped put over them."""
        if self.seconds:
            requested = replace(requested, seconds=str(self.seconds))
        if self.family:
            requested = replace(requested, model=self.family, pro=False)
        if self.fit:
            requested = replace(requested, fit=self.fit)
        if self.aspect_ratio:
            requested = replace(requested, aspect_ratio=self.aspect_ratio)
        if self.resolution:
            requested = replace(requested, resolution=self.resolution)
        return requested


def quote(
    text: str,
    *,
    kind: Kind,
    offer: Offer,
    defaults: Defaults,
    credit_usd: Decimal,
    picture_size: tuple[int, int] | None = None,
    instead: Instead | None = None,
    named: Offer | None = None,
    reads: bool = False,
) -> Quote | tuple[Problem, ...]:
    """Say what a text asks for and what it costs, or what in it cannot be had.

    Args:
        text: as typed, options and all.
        kind: from text alone, or from a picture.
        offer: the families that are served now.
        defaults: what the sender saved.
        credit_usd: US dollars per credit.
        picture_size: width and height in pixels, where they are known.
        instead: what was tapped instead of what the text says.
        named: every family the operator names, served or not; where it is given, one that was
            chosen, or is the default, and is gone, is replaced.
        reads: whether plain words count (see `plain`), beside what was typed or tapped.
    """
    read = options.read(text)
    if read.problems:
        return read.problems
    requested = instead.over(read.requested) if instead is not None else read.requested
    offer = offer.able(kind)
    if not offer.families:
        return (Problem("model", "", ()),)
    prompt = read.prompt
    if instead is not None and instead.words_alone:
        prompt = options.read(text.rpartition(CHANGE)[2]).prompt
    prompt = prompt or (GENTLE_MOVEMENT if kind == "i2v" else "")
    if not prompt:
        return (Problem("prompt", "", ()),)
    found = meant(requested, defaults, offer=offer, named=named, kind=kind, credit_usd=credit_usd)
    if isinstance(found, Problem):
        return (found,)
    choice, instead_of = found
    is_read = False
    if reads:
        requested = _nearest(plain(prompt), requested, choice)
        again = meant(
            requested, defaults, offer=offer, named=named, kind=kind, credit_usd=credit_usd
        )
        if not isinstance(again, Problem):
            is_read = again[0] != choice
            choice, instead_of = again
    if too_long := options.check_prompt(prompt, choice):
        return (too_long,)
    aspect_ratio = choice.aspect_ratio
    if aspect_ratio is None and picture_size is not None and choice.mode.aspect_ratios:
        aspect_ratio = nearest_aspect(*picture_size, choice.mode.aspect_ratios)
    cost = substitutes.priced(choice, credit_usd, aspect_ratio)
    cut = _cut(requested, choice, aspect_ratio, picture_size)
    return Quote(prompt, choice, aspect_ratio, cost.usd, cost.credits, instead_of, is_read, *cut)


def _cut(
    requested: Options, choice: Choice, shape: str | None, picture_size: tuple[int, int] | None
) -> tuple[float, tuple[int, int]]:
    """Return what share of a picture is cut away though nobody chose that, and to which frame."""
    if picture_size is None or requested.fit is not None or requested.aspect_ratio is not None:
        return 0.0, (0, 0)
    frame = choice.mode.frame(choice.resolution, shape, picture_size)
    return share_lost(picture_size, frame), frame


def _nearest(said: Options, requested: Options, choice: Choice) -> Options:
    """Return what was typed, and beside it of what was said the nearest that is to be had."""
    mode = choice.mode
    if said.seconds is not None and requested.seconds is None:
        seconds = options.nearest_seconds(int(said.seconds), mode.seconds)
        requested = replace(requested, seconds=str(seconds))
    if said.aspect_ratio in mode.aspect_ratios and requested.aspect_ratio is None:
        requested = replace(requested, aspect_ratio=said.aspect_ratio)
    if said.resolution in mode.resolutions and requested.resolution is None:
        requested = replace(requested, resolution=said.resolution)
    if said.silent and (mode.fields.sound is not None or not mode.sound):
        requested = replace(requested, silent=True)
    return requested


def meant(
    requested: Options,
    defaults: Defaults,
    *,
    offer: Offer,
    named: Offer | None,
    kind: Kind,
    credit_usd: Decimal,
) -> tuple[Choice, Gone | None] | Problem:
    """Return the video that is meant, and what it is instead of where that is gone."""
    offer = offer.able(kind)
    gone = None if named is None else _gone(requested, defaults, offer, named, kind)
    wanted = gone and options.as_requested(gone, requested)
    if gone is None or wanted is None:
        settled = options.settle(requested, defaults, offer, kind)
        return settled if isinstance(settled, Problem) else (settled, None)
    before = substitutes.priced(gone, credit_usd).credits
    found = substitutes.replacement(
        wanted, offer, successor=gone.family.successors.get(kind), credit_usd=credit_usd,
        most=before,
    )  # fmt: skip
    if found is None:
        return Problem("model", gone.family.name, offer.names)
    cooling = named is not None and gone.mode.model in named.resting
    chosen = requested.model is not None or requested.pro or defaults.family == gone.family.name
    return found.choice, Gone(gone.family.title, before, cooling, chosen)


def _gone(
    requested: Options, defaults: Defaults, offer: Offer, named: Offer, kind: Kind
) -> Choice | None:
    """Return the video that would be made if all that is named were served; None where it is.

    It has what can be had of what was typed.
    """
    wanted = options.settle_leniently(requested, defaults, named, kind)
    if isinstance(wanted, Problem) or wanted.family.name in offer:
        return None
    return wanted
