"""Substitutes for unavailable models, and variations of a video."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING, cast

from generation.media.pictures import nearest_aspect, share_lost
from generation.models.offer import Offer, People
from generation.orders.options import (
    DEFAULT_RESOLUTION,
    DEFAULT_SHAPE,
    Choice,
    PricedChoice,
    nearest_resolution,
    nearest_seconds,
    nearest_shape,
    next_resolution,
    price_choice,
)
from generation.orders.reading import CHANGE_MARK

if TYPE_CHECKING:
    from generation.models.catalogue import Catalogue
    from generation.models.offer import Family, Kind
    from generation.orders.options import Fit
    from storage.generations import Generation


def repeat_text(wanted: Generation) -> str:
    """Return the text that orders the same video again."""
    return f"{wanted.prompt} {options_text(wanted)}"


def options_text(wanted: Choice | Generation) -> str:
    """Return the options of a video in their typed form."""
    family = wanted.family if isinstance(wanted.family, str) else wanted.family.name
    parts = [f"--model {family} --seconds {wanted.seconds} --fit {wanted.fit}"]
    parts += [f"--ar {wanted.aspect_ratio}"] if wanted.aspect_ratio else []
    parts += [f"--res {wanted.resolution}"] if wanted.resolution else []
    if wanted.silent:
        parts.append("--silent")
    elif isinstance(wanted, Choice) and wanted.mode.fields.sound is not None:
        # overrides plain words in the prompt
        parts.append("--sound")
    return " ".join(parts)


def family_text(generation: Generation, family: Family) -> str:
    """Return the text that orders the nearest video of another family."""
    choice = nearest(generation, family)
    options = f"--model {family.name}" if choice is None else options_text(choice)
    return f"{generation.prompt} {options}"


def continuation_text(generation: Generation, offer: Offer) -> str:
    """Return the text that orders the same prompt from the last frame on, in options for that."""
    parts = list[str]()
    mode = offer[generation.family].mode("i2v") if generation.family in offer else None
    if mode is not None:
        parts.append(f"--model {generation.family}")
        if generation.seconds in mode.seconds:
            parts.append(f"--seconds {generation.seconds}")
        if generation.aspect_ratio in mode.aspect_ratios:
            parts.append(f"--ar {generation.aspect_ratio}")
        if generation.resolution in mode.resolutions:
            parts.append(f"--res {generation.resolution}")
        if generation.silent and mode.fields.sound is not None:
            parts.append("--silent")
    return f"{' '.join(parts)}{CHANGE_MARK}{generation.prompt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover:
    """The substitute, if any, for a model of the family `was`, which may only be `cooling`."""

    was: str
    cooling: bool = False
    substitute: PricedChoice | None = None

    @property
    def facts(self) -> dict[str, object]:
        """The facts of the notice to the sender."""
        facts: dict[str, object] = {"was": self.was, "cooling": self.cooling}
        if self.substitute is not None:
            choice = self.substitute.choice
            facts |= {
                "family": choice.family.name,
                "title": choice.family.title,
                "seconds": choice.seconds,
                "cost": self.substitute.credits,
            }
        return facts


@dataclass(frozen=True, slots=True)
class Substitutes:
    """Finds substitutes for a request's model among the families served now."""

    catalogue: Catalogue

    def instead_of(self, generation: Generation) -> Failover:
        """Return the failover for a request whose model is not available."""
        # the catalogue may not know yet that the model is gone
        served = self.catalogue.offer.without({generation.model})
        substitute = self._find(generation, served, most=generation.credits)
        return Failover(
            was=self._title(generation),
            cooling=generation.model in self.catalogue.cooling_models,
            substitute=substitute,
        )

    def for_people(self, generation: Generation) -> Failover | None:
        """Return a substitute that may animate people, or None if there is no picture."""
        if generation.kind != "i2v":
            return None
        families = [
            one
            for one in self.catalogue.offer
            if one.people is not People.NO and one.name != generation.family
        ]
        families.sort(key=lambda family: family.people is not People.YES)
        substitute = self._find(
            generation, replace(self.catalogue.offer, families=tuple(families)), most=None
        )
        return Failover(was=self._title(generation), substitute=substitute)

    def _find(
        self, generation: Generation, served: Offer, *, most: int | None
    ) -> PricedChoice | None:
        known, name = self.catalogue.known, generation.family
        kind = cast("Kind", generation.kind)
        return find_replacement(
            generation,
            served,
            successor=known[name].successors.get(kind) if name in known else None,
            most=most,
            prompt=generation.prompt,
        )

    def _title(self, generation: Generation) -> str:
        known, name = self.catalogue.known, generation.family
        return known[name].title if name in known else name


def find_replacement(
    wanted: Choice | Generation,
    served: Offer,
    *,
    successor: str | None = None,
    most: int | None,
    prompt: str = "",
) -> PricedChoice | None:
    """Return the substitute for a video, or None if no served family can make it.

    It is the first that costs no more than `most` credits, else the first, of the families that
    accept a `prompt` of this length. The `successor` of its family comes first, then the families
    in the order of the offer.
    """
    families = sorted(served, key=lambda family: family.name != successor)
    nearest_of = (
        nearest(wanted, family)
        for family in families
        if accepts_prompt(family, cast("Kind", wanted.kind), prompt)
    )
    found = [price_choice(choice, served) for choice in nearest_of if choice is not None]
    cheap = (one for one in found if most is None or one.credits <= most)
    return next(cheap, next(iter(found), None))


MAX_UNASKED_CUT = 0.15
"""The share of a picture that is cut away without asking the sender first."""


def find_uncropped(
    wanted: Choice, prompt: str, picture_size: tuple[int, int], offer: Offer
) -> PricedChoice | None:
    """Return the nearest video of another family that cuts least of the picture.

    Returns None if each cuts more than `MAX_UNASKED_CUT`. Families known to refuse people are left
    out, because what the picture shows is unknown. Of equals, the first in the offer is chosen.
    """
    found = []
    for family in offer:
        choice = nearest(wanted, family) if accepts_prompt(family, "i2v", prompt) else None
        if choice is None or family.name == wanted.family.name or family.people is People.NO:
            continue
        shape = nearest_aspect(*picture_size, choice.mode.aspect_ratios)
        lost = share_lost(picture_size, choice.mode.frame(choice.resolution, shape, picture_size))
        if lost <= MAX_UNASKED_CUT:
            found.append((round(lost, 2), price_choice(choice, offer, shape)))
    return min(found, key=itemgetter(0), default=(0.0, None))[1]


def accepts_prompt(family: Family, kind: Kind, prompt: str) -> bool:
    """Whether a family offers this kind of video, and accepts a prompt of this length."""
    mode = family.mode(kind)
    return mode is not None and (mode.prompt_limit is None or len(prompt) <= mode.prompt_limit)


def nearest(wanted: Choice | Generation, family: Family) -> Choice | None:
    """Return the family's video that is nearest to the wanted one, or None if it has none.

    A picture is padded rather than cut for another shape. A silent video needs a model whose sound
    can be switched off, or that makes none.
    """
    kind = cast("Kind", wanted.kind)
    mode = family.mode(kind)
    if mode is None or (wanted.silent and not mode.can_be_silent):
        return None
    resolution = nearest_resolution(wanted.resolution or DEFAULT_RESOLUTION, mode.resolutions)
    asked = wanted.aspect_ratio or (DEFAULT_SHAPE if kind == "t2v" else None)
    shape = asked and nearest_shape(asked, mode.aspect_ratios)
    is_reshaped = kind == "i2v" and shape is not None and shape != asked
    return Choice(
        kind=kind,
        family=family,
        mode=mode,
        seconds=nearest_seconds(wanted.seconds, mode.lengths(resolution)),
        aspect_ratio=shape,
        resolution=resolution,
        fit="pad" if is_reshaped else cast("Fit", wanted.fit),
        silent=wanted.silent,
    )


def with_option(present: Choice, option: str, value: str, offer: Offer) -> Choice | None:
    """Return a video with one option changed, or None if the value is not offered.

    `option` is "model", "ar", "sound", "res" or "seconds". A length or resolution that does not
    fit the new value is replaced by the nearest that does.
    """
    mode, lines = present.mode, present.resolution
    if option == "model" and value in offer:
        near = nearest(present, offer[value])
        # a cut is shown on the card
        return near and replace(near, fit=present.fit)
    if option == "ar" and value in mode.aspect_ratios:
        return replace(present, aspect_ratio=value)
    if option == "sound" and value in {"on", "off"} and mode.fields.sound is not None:
        return replace(present, silent=value == "off")
    if option == "res" and value in mode.resolutions:
        seconds = nearest_seconds(present.seconds, mode.lengths(value))
        return replace(present, resolution=value, seconds=seconds)
    if option == "seconds" and value in map(str, mode.seconds):
        if lines is not None:
            lines = nearest_resolution(lines, mode.resolutions_of(int(value)))
        return replace(present, seconds=int(value), resolution=lines)
    return None


MAX_OTHER_MODELS = 2
_LONGER_FACTOR = 1.5
"""How many times as long a video should be at least to be suggested as a longer one."""


@dataclass(frozen=True, slots=True)
class Variations:
    """Suggestions for another video of the same prompt or picture, each with one option changed."""

    longer: PricedChoice | None = None
    shape: PricedChoice | None = None
    resolution: PricedChoice | None = None
    others: tuple[PricedChoice, ...] = ()

    @classmethod
    def of(cls, video: Generation, offer: Offer) -> Variations:
        """Return the variations of a video that are offered now."""
        kind = cast("Kind", video.kind)
        if not (video.prompt if kind == "t2v" else video.picture):
            # the prompt or picture was deleted
            return cls()
        able = [family for family in offer if accepts_prompt(family, kind, video.prompt)]
        able.sort(key=lambda family: kind == "i2v" and family.people is People.NO)
        near = ((family.name, nearest(video, family)) for family in able)
        found = {name: choice for name, choice in near if choice is not None}
        present = found.pop(video.family, None)
        others = tuple(price_choice(choice, offer) for choice in found.values())[:MAX_OTHER_MODELS]
        if present is None:
            return cls(others=others)
        sharper = _sharper(present) or _sharper(found.get(present.family.pro or ""))
        longer, shape, resolution = (
            None if choice is None else price_choice(choice, offer)
            for choice in (_longer(present), _other_orientation(present), sharper)
        )
        return cls(longer, shape, resolution, others)


def _longer(present: Choice) -> Choice | None:
    least = present.seconds * _LONGER_FACTOR
    offered = [one for one in present.mode.lengths(present.resolution) if one > present.seconds]
    seconds = next((one for one in offered if one >= least), offered[-1] if offered else 0)
    return replace(present, seconds=seconds) if seconds else None


def _other_orientation(present: Choice) -> Choice | None:
    """Return the video in the nearest shape to its transposed one; a picture is padded, not cut."""
    across, _, down = (present.aspect_ratio or "").partition(":")
    other = [one for one in present.mode.aspect_ratios if one != present.aspect_ratio]
    shape = nearest_shape(f"{down}:{across}" if down != across else "9:16", other)
    if not down or shape is None:
        return None
    fit = "pad" if present.kind == "i2v" else present.fit
    return replace(present, aspect_ratio=shape, fit=fit)


def _sharper(present: Choice | None) -> Choice | None:
    if present is None or present.resolution is None:
        return None
    fitting = present.mode.resolutions_of(present.seconds)
    resolution = next_resolution(present.resolution, fitting)
    return replace(present, resolution=resolution) if resolution else None
