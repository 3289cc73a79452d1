"""What to make when a model is gone: the next that can do the job, as near as can be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TYPE_CHECKING, cast

from generation.media.pictures import nearest_aspect, share_lost
from generation.models.offer import Offer, People
from generation.orders.options import (
    USUAL_RESOLUTION,
    USUAL_SHAPE,
    Choice,
    Priced,
    higher_resolution,
    nearest_resolution,
    nearest_seconds,
    nearest_shape,
    priced,
)
from generation.orders.reading import CHANGE_MARK

if TYPE_CHECKING:
    from generation.models.catalogue import Catalogue
    from generation.models.offer import Family, Kind
    from generation.orders.options import Fit
    from storage.generations import Generation


def like(wanted: Generation) -> str:
    """Return what to type for another video like this one."""
    return f"{wanted.prompt} {typed(wanted)}"


def typed(wanted: Choice | Generation) -> str:
    """Return the options of a video as they are typed."""
    family = wanted.family if isinstance(wanted.family, str) else wanted.family.name
    parts = [f"--model {family} --seconds {wanted.seconds} --fit {wanted.fit}"]
    parts += [f"--ar {wanted.aspect_ratio}"] if wanted.aspect_ratio else []
    parts += [f"--res {wanted.resolution}"] if wanted.resolution else []
    if wanted.silent:
        parts.append("--silent")
    elif isinstance(wanted, Choice) and wanted.mode.fields.sound is not None:
        # stands over what the prompt says in plain words
        parts.append("--sound")
    return " ".join(parts)


def with_family(generation: Generation, family: Family) -> str:
    """Return what to type for the family's video that is nearest to this one."""
    choice = nearest(generation, family)
    options = f"--model {family.name}" if choice is None else typed(choice)
    return f"{generation.prompt} {options}"


def going_on(generation: Generation, offer: Offer) -> str:
    """Return what to type for a video that begins where this one ends, its own words at the end.

    What its model does not do with a picture is left out.
    """
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
    """What to do about a model that does not do a job: the substitute, where there is any.

    `was` is its family's title; `cooling` tells that it only fails at present.
    """

    was: str
    cooling: bool = False
    substitute: Priced | None = None

    @property
    def facts(self) -> dict[str, object]:
        """What the sender is told of it."""
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
    """Finds, of what is served now, the substitute for a request's own model."""

    catalogue: Catalogue

    def instead_of(self, generation: Generation) -> Failover:
        """Return what makes a request whose model is not asked now."""
        # that it is gone may be known here a moment earlier than there
        served = self.catalogue.offer.without({generation.model})
        substitute = self._find(generation, served, most=generation.credits)
        return Failover(
            was=self._title(generation),
            cooling=generation.model in self.catalogue.resting,
            substitute=substitute,
        )

    def for_people(self, generation: Generation) -> Failover | None:
        """Return what may animate a picture of people, if any model is not known to refuse.

        None where there is no picture.
        """
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

    def _find(self, generation: Generation, served: Offer, *, most: int | None) -> Priced | None:
        known, name = self.catalogue.known, generation.family
        kind = cast("Kind", generation.kind)
        return replacement(
            generation,
            served,
            successor=known[name].successors.get(kind) if name in known else None,
            most=most,
            prompt=generation.prompt,
        )

    def _title(self, generation: Generation) -> str:
        known, name = self.catalogue.known, generation.family
        return known[name].title if name in known else name


def replacement(
    wanted: Choice | Generation,
    served: Offer,
    *,
    successor: str | None = None,
    most: int | None,
    prompt: str = "",
) -> Priced | None:
    """Return the video to make instead, None where nothing that is served can.

    It is the first that costs no more than `most` credits, else the first, of those that take so
    long a `prompt`. The family that succeeds the one that is gone is asked first, then the
    families in the order of the offer.
    """
    families = sorted(served, key=lambda family: family.name != successor)
    nearest_of = (
        nearest(wanted, family)
        for family in families
        if takes(family, cast("Kind", wanted.kind), prompt)
    )
    found = [priced(choice, served) for choice in nearest_of if choice is not None]
    cheap = (one for one in found if most is None or one.credits <= most)
    return next(cheap, next(iter(found), None))


WORTH_ASKING = 0.15
"""The share of a picture whose loss is asked about before it is filmed."""


def keeping(
    wanted: Choice, prompt: str, picture_size: tuple[int, int], offer: Offer
) -> Priced | None:
    """Return another family's video, as near as can be, that loses least of the picture.

    None where each loses too much. A family that is known to refuse people is no choice, for
    nobody here sees whether there are any; of equals the first in the offer is taken.
    """
    found = []
    for family in offer:
        choice = nearest(wanted, family) if takes(family, "i2v", prompt) else None
        if choice is None or family.name == wanted.family.name or family.people is People.NO:
            continue
        shape, mode = None, choice.mode
        if mode.aspect_ratios:
            shape = nearest_aspect(*picture_size, mode.aspect_ratios)
        lost = share_lost(picture_size, mode.frame(choice.resolution, shape, picture_size))
        if lost <= WORTH_ASKING:
            found.append((round(lost, 2), priced(choice, offer, shape)))
    return min(found, key=itemgetter(0), default=(0.0, None))[1]


def takes(family: Family, kind: Kind, prompt: str) -> bool:
    """Whether a prompt is short enough for a family."""
    mode = family.mode(kind)
    return mode is not None and (mode.prompt_limit is None or len(prompt) <= mode.prompt_limit)


def nearest(wanted: Choice | Generation, family: Family) -> Choice | None:
    """Return the family's video that is nearest to what is wanted, None where it cannot.

    Of a picture nothing is cut for another shape. A silent video can be had from a model that has
    a switch for its sound, or makes none.
    """
    kind = cast("Kind", wanted.kind)
    mode = family.mode(kind)
    if mode is None or (wanted.silent and mode.sound and mode.fields.sound is None):
        return None
    resolution = nearest_resolution(wanted.resolution or USUAL_RESOLUTION, mode.resolutions)
    together = [seconds for seconds in mode.seconds if mode.offers(seconds, resolution)]
    asked = wanted.aspect_ratio or (USUAL_SHAPE if kind == "t2v" else None)
    shape = asked and nearest_shape(asked, mode.aspect_ratios)
    turned = kind == "i2v" and shape is not None and shape != asked
    return Choice(
        kind=kind,
        family=family,
        mode=mode,
        seconds=nearest_seconds(wanted.seconds, together),
        aspect_ratio=shape,
        resolution=resolution,
        fit="pad" if turned else cast("Fit", wanted.fit),
        silent=wanted.silent,
    )


def toggled(present: Choice, option: str, value: str, offer: Offer) -> Choice | None:
    """Return a video with another length, shape, sound, resolution or model; None if there is none.

    What does not go together with a length or a resolution moves along.
    """
    mode, lines = present.mode, present.resolution
    if option == "model" and value in offer:
        near = nearest(present, offer[value])
        # a card shows what is cut
        return near and replace(near, fit=present.fit)
    if option == "ar" and value in mode.aspect_ratios:
        return replace(present, aspect_ratio=value)
    if option == "sound" and value in {"on", "off"} and mode.fields.sound is not None:
        return replace(present, silent=value == "off")
    if option == "res" and value in mode.resolutions:
        lengths = [seconds for seconds in mode.seconds if mode.offers(seconds, value)]
        seconds = nearest_seconds(present.seconds, lengths)
        return replace(present, resolution=value, seconds=seconds)
    if option == "seconds" and value in map(str, mode.seconds):
        together = [one for one in mode.resolutions if mode.offers(int(value), one)]
        if lines is not None:
            lines = nearest_resolution(lines, together)
        return replace(present, seconds=int(value), resolution=lines)
    return None


MOST_OTHERS = 2
"""Other models that are proposed for one video."""
_NOTABLY = 1.5
"""How many times longer a video is to be whose length is worth a button."""


@dataclass(frozen=True, slots=True)
class Variations:
    """What else can be made of a video's words or picture, all else as near to it as can be."""

    longer: Priced | None = None
    shape: Priced | None = None
    resolution: Priced | None = None
    others: tuple[Priced, ...] = ()

    @classmethod
    def of(cls, video: Generation, offer: Offer) -> Variations:
        """Return what of this is offered now: a length, a shape, more lines, other models."""
        kind = cast("Kind", video.kind)
        if not (video.prompt if kind == "t2v" else video.picture):
            # forgotten, or taken back
            return cls()
        able = [family for family in offer if takes(family, kind, video.prompt)]
        able.sort(key=lambda family: kind == "i2v" and family.people is People.NO)
        near = ((family.name, nearest(video, family)) for family in able)
        found = {name: choice for name, choice in near if choice is not None}
        present = found.pop(video.family, None)
        others = tuple(priced(choice, offer) for choice in found.values())[:MOST_OTHERS]
        if present is None:
            return cls(others=others)
        sharper = _sharper(present) or _sharper(found.get(present.family.pro or ""))
        longer, shape, resolution = (
            None if choice is None else priced(choice, offer)
            for choice in (_longer(present), _turned(present), sharper)
        )
        return cls(longer, shape, resolution, others)


def _longer(present: Choice) -> Choice | None:
    mode, least = present.mode, present.seconds * _NOTABLY
    offered = [
        one
        for one in mode.seconds
        if one > present.seconds and mode.offers(one, present.resolution)
    ]
    seconds = next((one for one in offered if one >= least), offered[-1] if offered else 0)
    return replace(present, seconds=seconds) if seconds else None


def _turned(present: Choice) -> Choice | None:
    """Return it lying where it stood, or as near to that as can be; of a picture nothing is cut."""
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
    mode = present.mode
    together = [one for one in mode.resolutions if mode.offers(present.seconds, one)]
    resolution = higher_resolution(present.resolution, together)
    return replace(present, resolution=resolution) if resolution else None
