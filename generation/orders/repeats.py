"""Ask for a finished video once more: as it was, or going on from its last frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.orders import substitutes

if TYPE_CHECKING:
    from generation.models.offer import Family, Offer
    from storage.generations import Generation


def like(generation: Generation) -> str:
    """Return what to type for another video like this one."""
    parts = [generation.prompt, f"--model {generation.family}", *options(generation)]
    if generation.silent:
        parts.append("--silent")
    return " ".join(parts)


def with_family(generation: Generation, known: Offer, family: Family) -> str:
    """Return what to type for the family's video that is nearest to this one."""
    choice = substitutes.nearest(substitutes.choice_of(generation, known), family)
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
