"""What to make when a model is gone: the next that can do the job, as near as can be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from generation.models import pricing
from generation.orders.options import (
    USUAL_RESOLUTION,
    USUAL_SHAPE,
    Choice,
    nearest_resolution,
    nearest_seconds,
    nearest_shape,
)

if TYPE_CHECKING:
    from decimal import Decimal

    from generation.models.offer import Family, Kind, Offer
    from generation.orders.options import Fit
    from storage.generations import Generation


def like(generation: Generation) -> str:
    """Return what to type for another video like this one."""
    parts = [generation.prompt, f"--model {generation.family}", *options(generation)]
    if generation.silent:
        parts.append("--silent")
    return " ".join(parts)


def with_family(generation: Generation, known: Offer, family: Family) -> str:
    """Return what to type for the family's video that is nearest to this one."""
    choice = nearest(choice_of(generation, known), family)
    parts = [generation.prompt, f"--model {family.name}"]
    if choice is not None:
        parts += [f"--seconds {choice.seconds}", f"--fit {choice.fit}"]
        parts += [f"--ar {choice.aspect_ratio}"] if choice.aspect_ratio else []
        parts += [f"--res {choice.resolution}"] if choice.resolution else []
        parts += ["--silent"] if choice.silent else []
    return " ".join(parts)


def options(generation: Generation) -> list[str]:
    """Return the options of a video as they are typed, but for its model."""
    found = [f"--seconds {generation.seconds}", f"--fit {generation.fit}"]
    if generation.aspect_ratio is not None:
        found.append(f"--ar {generation.aspect_ratio}")
    if generation.resolution is not None:
        found.append(f"--res {generation.resolution}")
    return found


def going_on(generation: Generation, offer: Offer) -> str:
    """Return what to type for a video that begins where this one ends.

    What its model does not do with a picture is left out.
    """
    parts = [generation.prompt]
    mode = offer[generation.family].mode("i2v") if generation.family in offer else None
    if mode is not None:
        parts.append(f"--model {generation.family}")
        if generation.seconds in mode.seconds:
            parts.append(f"--seconds {generation.seconds}")
        if generation.aspect_ratio in mode.aspect_ratios:
            parts.append(f"--ar {generation.aspect_ratio}")
        if generation.resolution in mode.resolutions:
            parts.append(f"--res {generation.resolution}")
    return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Priced:
    """A video that can be ordered and what it costs, in US dollars and in credits."""

    choice: Choice
    usd: Decimal
    credits: int


def choice_of(generation: Generation, known: Offer) -> Choice:
    """Return the video that a request is for. Raises KeyError for a model that is not known."""
    return Choice(
        kind=cast("Kind", generation.kind),
        family=known[generation.family],
        mode=known.mode(generation.model, generation.kind),
        seconds=generation.seconds,
        aspect_ratio=generation.aspect_ratio,
        resolution=generation.resolution,
        fit=cast("Fit", generation.fit),
        silent=generation.silent,
    )


def priced(choice: Choice, credit_usd: Decimal, aspect_ratio: str | None = None) -> Priced:
    """Say what a video costs; `aspect_ratio` is the shape where only the picture told it."""
    usd = choice.mode.cost(
        choice.seconds,
        choice.resolution,
        aspect_ratio=choice.aspect_ratio or aspect_ratio,
        silent=choice.silent,
    )
    return Priced(choice, usd, pricing.credits_for(usd, credit_usd))


def replacement(
    wanted: Choice, served: Offer, *, credit_usd: Decimal, most: int, prompt: str = ""
) -> Priced | None:
    """Return the video to make instead, None where nothing that is served can.

    It is the first that costs no more than `most` credits, else the first, of those that take so
    long a `prompt`. What the provider names as the successor is asked first, then the families in
    the order of the offer.
    """
    successor = wanted.family.successors.get(wanted.kind)
    families = sorted(served, key=lambda family: family.name != successor)
    nearest_of = (
        nearest(wanted, family) for family in families if _takes(family, wanted.kind, prompt)
    )
    found = [priced(choice, credit_usd) for choice in nearest_of if choice is not None]
    return next((one for one in found if one.credits <= most), next(iter(found), None))


def _takes(family: Family, kind: Kind, prompt: str) -> bool:
    """Whether a prompt is short enough for a family."""
    mode = family.mode(kind)
    return mode is not None and (mode.prompt_limit is None or len(prompt) <= mode.prompt_limit)


def nearest(wanted: Choice, family: Family) -> Choice | None:
    """Return the family's video that is nearest to what is wanted, None where it cannot.

    A silent video can be had from a model that has a switch for its sound, or makes none.
    """
    mode = family.mode(wanted.kind)
    if mode is None or (wanted.silent and mode.sound and mode.fields.sound is None):
        return None
    resolution = nearest_resolution(wanted.resolution or USUAL_RESOLUTION, mode.resolutions)
    together = [seconds for seconds in mode.seconds if mode.offers(seconds, resolution)]
    shape = wanted.aspect_ratio or (USUAL_SHAPE if wanted.kind == "t2v" else None)
    return replace(
        wanted,
        family=family,
        mode=mode,
        seconds=nearest_seconds(wanted.seconds, together),
        aspect_ratio=shape and nearest_shape(shape, mode.aspect_ratios),
        resolution=resolution,
    )
