"""What a request would be and cost: the options read, settled, priced."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING

from generation.media.pictures import nearest_aspect, share_lost
from generation.orders import options, reading, substitutes
from generation.orders.options import Choice, Options, Problem, by_resolution, by_shape, priced
from generation.orders.reading import CHANGE_MARK, plain_options

if TYPE_CHECKING:
    from collections.abc import Callable
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
            length = reading.read_number(given) or 0
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


@dataclass(frozen=True, slots=True)
class Quote:
    """A request that can be ordered: its price in US dollars and in credits.

    The shape is None where only the picture, once fetched, will tell it. `instead_of` is set where
    it is not what was chosen, `is_read` where plain words of the prompt made it another one, or say
    what is not to be had. `lost` is the share of the picture that is cut away to fill `frame`;
    `is_chosen` tells that somebody chose that frame, or the cut.
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
    is_chosen: bool = False

    @property
    def cuts(self) -> bool:
        """Whether more of the picture is cut away than somebody takes without being told."""
        return self.lost > substitutes.WORTH_ASKING

    @property
    def cuts_unasked(self) -> bool:
        """Whether it cuts so much away though nobody chose that."""
        return self.cuts and not self.is_chosen

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
        picture_size: width and height in pixels, where they are known.
        instead: what was tapped instead of what the text says.
        named: every family the operator names, served or not; where it is given, one that was
            chosen, or is the default, and is gone, is replaced.
        reads: whether plain words count (see `plain_options`), beside what was typed or tapped.
    """
    read = reading.read(text)
    if read.problems:
        return read.problems
    typed = instead.over(read.requested) if instead is not None else read.requested
    requested, near = typed.parted()
    offer = offer.able(kind)
    if not offer.families:
        return (Problem("model", "", ()),)
    prompt = read.prompt
    if instead is not None and instead.words_alone:
        prompt = reading.read(text.rpartition(CHANGE_MARK)[2]).prompt
    prompt = prompt or (GENTLE_MOVEMENT if kind == "i2v" else "")
    if not prompt:
        return (Problem("prompt", "", ()),)
    settle = partial(meant, defaults=defaults, offer=offer, named=named, kind=kind)
    found = settle(requested)
    if isinstance(found, Problem):
        return (found,)
    requested, (choice, instead_of) = _nearer(near, requested, found, settle)
    unread, said = choice, plain_options(prompt) if reads else Options()
    requested, (choice, instead_of) = _nearer(said, requested, (choice, instead_of), settle)
    is_read = choice != unread or _misses(choice, near, Options()) or _misses(choice, said, typed)
    if too_long := options.check_prompt(prompt, choice):
        return (too_long,)
    aspect_ratio = choice.aspect_ratio
    if aspect_ratio is None and picture_size is not None and choice.mode.aspect_ratios:
        aspect_ratio = nearest_aspect(*picture_size, choice.mode.aspect_ratios)
    cost = priced(choice, offer, aspect_ratio)
    is_chosen = bool(requested.fit or requested.aspect_ratio or defaults.fit)
    cut = _cut(choice, aspect_ratio, picture_size)
    return Quote(
        prompt, choice, aspect_ratio, cost.usd, cost.credits, instead_of, is_read, *cut, is_chosen
    )


def _cut(
    choice: Choice, shape: str | None, picture_size: tuple[int, int] | None
) -> tuple[float, tuple[int, int]]:
    """Return what share of a picture is cut away, and to which frame."""
    if picture_size is None or choice.fit == "pad":
        return 0.0, (0, 0)
    frame = choice.mode.frame(choice.resolution, shape, picture_size)
    return share_lost(picture_size, frame), frame


def _nearer(
    said: Options,
    requested: Options,
    found: tuple[Choice, Gone | None],
    settle: Callable[[Options], tuple[Choice, Gone | None] | Problem],
) -> tuple[Options, tuple[Choice, Gone | None]]:
    """Add the nearest offered values of `said` to the request; return it and what it settles to."""
    nearest = _nearest(said, requested, found[0])
    again = found if nearest == requested else settle(nearest)
    return nearest, found if isinstance(again, Problem) else again


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
    can_be_silent = mode.fields.sound is not None or not mode.sound
    if said.silent and requested.silent is None and can_be_silent:
        requested = replace(requested, silent=True)
    return requested


def _misses(choice: Choice, said: Options, typed: Options) -> bool:
    """Whether something that was said, and not typed, is not to be had as it was said."""
    mode = choice.mode
    pairs = (
        (said.seconds, typed.seconds, str(choice.seconds)),
        (mode.aspect_ratios and said.aspect_ratio, typed.aspect_ratio, choice.aspect_ratio),
        (said.resolution, typed.resolution, choice.resolution),
        (said.silent, typed.silent, choice.silent or not mode.sound),
    )
    return any(one and exact is None and one != made for one, exact, made in pairs)


def meant(
    requested: Options, defaults: Defaults, *, offer: Offer, named: Offer | None, kind: Kind
) -> tuple[Choice, Gone | None] | Problem:
    """Return the video that is meant, and what it is instead of where that is gone."""
    offer = offer.able(kind)
    gone = None if named is None else _gone(requested, defaults, offer, named, kind)
    wanted = gone and options.as_requested(gone, requested)
    if gone is None or wanted is None:
        settled = options.settle(requested, defaults, offer, kind)
        return settled if isinstance(settled, Problem) else (settled, None)
    before = priced(gone, offer).credits
    found = substitutes.replacement(
        wanted, offer, successor=gone.family.successors.get(kind),
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
