"""Quotes: what a prompt orders and costs, or which of its options are not available."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any

from generation.media.pictures import nearest_aspect, share_lost
from generation.models.offer import People
from generation.orders import options, reading, substitutes
from generation.orders.options import (
    Choice,
    Options,
    PricedChoice,
    Problem,
    price_choice,
    sort_by_resolution,
    sort_by_shape,
)
from generation.orders.reading import CHANGE_MARK, plain_options

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from generation.models.offer import Kind, Offer
    from generation.orders.options import Defaults

_USUAL_SHAPES = ("16:9", "9:16", "1:1", "4:3", "3:4")
MAX_SUGGESTIONS = 2


def suggest_alternatives(problem: Problem, offer: Offer) -> list[Alternative]:
    """Return alternatives to an option that is not available, nearest first.

    Values of the same family come first, then other families. Whether an alternative is available
    is not checked here.
    """
    given, offered = problem.given, problem.offered
    match problem.option:
        case "seconds":
            length = reading.read_number(given) or 0
            lengths = sorted(map(int, offered), key=lambda seconds: abs(seconds - length))
            found = [Alternative(seconds=seconds) for seconds in lengths[:MAX_SUGGESTIONS]]
        case "ar":
            found = [
                Alternative(aspect_ratio=shape)
                for shape in sort_by_shape(given, offered)[:MAX_SUGGESTIONS]
            ]
        case "res":
            near = sort_by_resolution(given, offered)
            found = [Alternative(resolution=resolution) for resolution in near[:MAX_SUGGESTIONS]]
        case "model":
            close = get_close_matches(given.casefold(), offered, n=MAX_SUGGESTIONS + 1, cutoff=0.4)
            return [Alternative(family=name) for name in close or offered[: MAX_SUGGESTIONS + 1]]
        case "silent" | "pro":
            return [Alternative(family=name) for name in offered[: MAX_SUGGESTIONS + 1]]
        case "prompt" if offered:
            found = []
        case _:
            return []
    others = [family.name for family in offer if family.name != problem.family]
    return found + [Alternative(family=name) for name in others]


GENTLE_MOVEMENT = "Gentle, natural movement; the camera moves in slowly."
"""The prompt for a picture without words."""


@dataclass(frozen=True, slots=True)
class UnservedFamily:
    """A family that is not served, and the credits its video would have cost.

    `cooling` is whether it only fails at present, `chosen` whether the sender chose it.
    """

    title: str
    credits: int
    cooling: bool = False
    chosen: bool = True


@dataclass(frozen=True, slots=True)
class Quote:
    """A request that can be ordered, with its price in US dollars and in credits.

    `aspect_ratio` is None if it is known only when the picture is fetched. `instead_of` is the
    family that was replaced, if any. `is_from_words` is whether plain words changed the video, or
    ask for something that its family does not offer: `unmet`. `met_by` is the video of another
    family that offers all they ask for. `cut_share` is the share of the picture that is cut away
    to fill `frame`, `is_chosen` whether the sender chose the frame or the cut.
    """

    prompt: str
    choice: Choice
    aspect_ratio: str | None
    price: Decimal
    credits: int
    instead_of: UnservedFamily | None = None
    is_from_words: bool = False
    unmet: Options = Options()  # noqa: RUF009 - a frozen value
    met_by: PricedChoice | None = None
    cut_share: float = 0.0
    frame: tuple[int, int] = (0, 0)
    is_chosen: bool = False

    @property
    def cuts(self) -> bool:
        """Whether more of the picture is cut away than may be without asking."""
        return self.cut_share > substitutes.MAX_UNASKED_CUT

    @property
    def cuts_unasked(self) -> bool:
        """Whether so much is cut away without the sender's choice."""
        return self.cuts and not self.is_chosen

    @property
    def is_dearer(self) -> bool:
        """Whether it costs more than the video it replaces."""
        return self.instead_of is not None and self.credits > self.instead_of.credits


@dataclass(frozen=True, slots=True)
class Alternative:
    """Options that were tapped and override typed ones; 0 and "" override nothing.

    `words_alone` is whether only the last change is the prompt, without the words before it.
    """

    seconds: int = 0
    family: str = ""
    fit: str = ""
    aspect_ratio: str = ""
    resolution: str = ""
    words_alone: bool = False

    def apply_to(self, requested: Options) -> Options:
        """Return the requested options with the tapped ones instead."""
        tapped = {
            "seconds": str(self.seconds or ""), "model": self.family, "fit": self.fit,
            "aspect_ratio": self.aspect_ratio, "resolution": self.resolution,
        }  # fmt: skip
        changes: dict[str, Any] = {name: value for name, value in tapped.items() if value}
        if self.family:
            changes["pro"] = False
        return replace(requested, **changes)


def quote(
    text: str,
    *,
    kind: Kind,
    offer: Offer,
    defaults: Defaults,
    picture_size: tuple[int, int] | None = None,
    instead: Alternative | None = None,
    named: Offer | None = None,
    reads: bool = False,
) -> Quote | tuple[Problem, ...]:
    """Return the quote for a text, or its problems if it cannot be ordered.

    Args:
        text: the prompt with its options, as typed.
        kind: text to video, or image to video.
        offer: the families served now.
        defaults: the saved options of the sender.
        picture_size: width and height of the picture in pixels, if known.
        instead: tapped options that override the text.
        named: every family the operator offers, served or not; if given, a family that was chosen
            or is the default, but is not served, is replaced.
        reads: whether options in plain words count (see `plain_options`).
    """
    read = reading.read(text)
    if read.problems:
        return read.problems
    offer = offer.for_kind(kind)
    if not offer.families:
        return (Problem("model", "", ()),)
    prompt = read.prompt
    if instead is not None and instead.words_alone:
        prompt = reading.read(text.rpartition(CHANGE_MARK)[2]).prompt
    prompt = prompt or (GENTLE_MOVEMENT if kind == "i2v" else "")
    if not prompt:
        return (Problem("prompt", "", ()),)
    said = plain_options(prompt) if reads else Options()
    quote_with = partial(
        _quote, prompt, read.requested, said, kind=kind, offer=offer, defaults=defaults,
        picture_size=picture_size, named=named,
    )  # fmt: skip
    found = quote_with(instead)
    if isinstance(found, Quote) and instead is None and found.unmet != Options():
        return replace(found, met_by=_met_by(found.choice, offer, quote_with))
    return found


def _quote(
    prompt: str,
    typed: Options,
    said: Options,
    instead: Alternative | None,
    *,
    kind: Kind,
    offer: Offer,
    defaults: Defaults,
    picture_size: tuple[int, int] | None,
    named: Offer | None,
) -> Quote | tuple[Problem, ...]:
    """Return the quote for a prompt with its `typed` options and those `said` in plain words."""
    if instead is not None:
        typed = instead.apply_to(typed)
    requested, near = typed.split_nearest()
    resolve = partial(resolve_or_replace, defaults=defaults, offer=offer, named=named, kind=kind)
    found = resolve(requested)
    if isinstance(found, Problem):
        return (found,)
    requested, (choice, instead_of) = _resolve_nearest(near, requested, found, resolve)
    unread = choice
    requested, (choice, instead_of) = _resolve_nearest(
        said, requested, (choice, instead_of), resolve
    )
    unmet = _unmet(choice, said, near, typed, picture_size)
    if too_long := options.check_prompt(prompt, choice):
        return (too_long,)
    aspect_ratio = choice.aspect_ratio
    if aspect_ratio is None and picture_size is not None:
        aspect_ratio = nearest_aspect(*picture_size, choice.mode.aspect_ratios)
    cost = price_choice(choice, offer, aspect_ratio)
    cut_share, frame = _cut(choice, aspect_ratio, picture_size)
    return Quote(
        prompt=prompt,
        choice=choice,
        aspect_ratio=aspect_ratio,
        price=cost.usd,
        credits=cost.credits,
        instead_of=instead_of,
        is_from_words=choice != unread or unmet != Options(),
        unmet=unmet,
        cut_share=cut_share,
        frame=frame,
        is_chosen=bool(requested.fit or requested.aspect_ratio or defaults.fit),
    )


def _cut(
    choice: Choice, shape: str | None, picture_size: tuple[int, int] | None
) -> tuple[float, tuple[int, int]]:
    """Return the share of a picture that is cut away, and the frame in pixels it is cut to."""
    if picture_size is None or choice.fit == "pad":
        return 0.0, (0, 0)
    frame = choice.mode.frame(choice.resolution, shape, picture_size)
    return share_lost(picture_size, frame), frame


def _resolve_nearest(
    said: Options,
    requested: Options,
    found: tuple[Choice, UnservedFamily | None],
    resolve: Callable[[Options], tuple[Choice, UnservedFamily | None] | Problem],
) -> tuple[Options, tuple[Choice, UnservedFamily | None]]:
    """Add the nearest offered values of `said` to the request; return it and its video."""
    nearest = _with_nearest(said, requested, found[0])
    again = found if nearest == requested else resolve(nearest)
    return nearest, found if isinstance(again, Problem) else again


def _with_nearest(said: Options, requested: Options, choice: Choice) -> Options:
    """Return the requested options, and for those only `said` the nearest offered values."""
    mode = choice.mode
    if said.seconds is not None and requested.seconds is None:
        seconds = options.nearest_seconds(int(said.seconds), mode.seconds)
        requested = replace(requested, seconds=str(seconds))
    if said.aspect_ratio in mode.aspect_ratios and requested.aspect_ratio is None:
        requested = replace(requested, aspect_ratio=said.aspect_ratio)
    lines = {resolution.lower() for resolution in mode.resolutions}
    if said.resolution in lines and requested.resolution is None:
        requested = replace(requested, resolution=said.resolution)
    if said.silent and requested.silent is None and mode.can_be_silent:
        requested = replace(requested, silent=True)
    return requested


def _unmet(
    choice: Choice,
    said: Options,
    near: Options,
    typed: Options,
    picture_size: tuple[int, int] | None,
) -> Options:
    """Return what was `said`, and not `typed`, or is only to be `near`, and the video is not."""
    mode, shape = choice.mode, choice.aspect_ratio
    asked = near.aspect_ratio or said.aspect_ratio
    if asked and picture_size and not mode.aspect_ratios:
        # the picture decides the shape
        shape = nearest_aspect(*picture_size, (asked, *_USUAL_SHAPES))
    made = {
        "seconds": str(choice.seconds),
        "aspect_ratio": shape,
        "resolution": choice.resolution and choice.resolution.lower(),
        "silent": choice.silent or not mode.sound,
    }
    unmet: dict[str, Any] = {}
    for name, value in made.items():
        wanted = getattr(said if getattr(typed, name) is None else near, name)
        if wanted and wanted != value:
            unmet[name] = wanted
    return Options(**unmet)


def _met_by(
    choice: Choice,
    offer: Offer,
    quote_with: Callable[[Alternative], Quote | tuple[Problem, ...]],
) -> PricedChoice | None:
    """Return the first video of another family that offers all that plain words ask for.

    With a picture, families known to refuse people are left out: what it shows is unknown.
    """
    for family in offer:
        if family.name == choice.family.name or (
            choice.kind == "i2v" and family.people is People.NO
        ):
            continue
        found = quote_with(Alternative(family=family.name))
        if isinstance(found, Quote) and found.unmet == Options():
            return PricedChoice(found.choice, found.price, found.credits)
    return None


def resolve_or_replace(
    requested: Options, defaults: Defaults, *, offer: Offer, named: Offer | None, kind: Kind
) -> tuple[Choice, UnservedFamily | None] | Problem:
    """Return the video for the options, and the family it replaces if that is not served."""
    offer = offer.for_kind(kind)
    unserved = None if named is None else _unserved(requested, defaults, offer, named, kind)
    wanted = unserved and options.with_requested(unserved, requested)
    if unserved is None or wanted is None:
        resolved = options.resolve(requested, defaults, offer, kind)
        return resolved if isinstance(resolved, Problem) else (resolved, None)
    before = price_choice(unserved, offer).credits
    successor = unserved.family.successors.get(kind)
    found = substitutes.find_replacement(wanted, offer, successor=successor, most=before)
    if found is None:
        return Problem("model", unserved.family.name, offer.names)
    cooling = named is not None and unserved.mode.model in named.cooling_models
    chosen = requested.model is not None or requested.pro or defaults.family == unserved.family.name
    return found.choice, UnservedFamily(unserved.family.title, before, cooling, chosen)


def _unserved(
    requested: Options, defaults: Defaults, offer: Offer, named: Offer, kind: Kind
) -> Choice | None:
    """Return the video, in options it has, of a family that is not served; None if it is."""
    wanted = options.resolve_leniently(requested, defaults, named, kind)
    if isinstance(wanted, Problem) or wanted.family.name in offer:
        return None
    return wanted
