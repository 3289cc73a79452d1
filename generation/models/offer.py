"""The offer: families of models as data, and the request body of each model.

The entries are in `models.json` beside this file; a new model is a new entry there, and the tests
check its consistency. A family is what people choose ("sora-2"); its modes are the
provider's models for text (`t2v`) and pictures (`i2v`). `left_out.json` holds what is known and
not offered, and why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cache, cached_property
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from generation.models.pricing import Rate, cost

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

Pixels = Annotated[int, Field(gt=0, le=8192)]

CREDIT_USD = Decimal("0.10")
"""The value of a credit in US dollars, unless the operator sets another."""
MAX_SIDE_RATIO = Fraction(21, 9)
"""Largest ratio of the sides of a picture: documented limits are just below 2.5."""


class Frame(NamedTuple):
    """The size of a picture, in pixels."""

    width: Pixels
    height: Pixels


class Entry(BaseModel):
    """Base of the entries in the data files: unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PictureRule(Entry):
    """A model's limits of a picture: its shortest and longest side in pixels, its bytes."""

    shortest: Pixels
    longest: Pixels
    most_bytes: Annotated[int, Field(gt=0)]

    def frame(self, picture: tuple[int, int], aspect_ratio: str | None) -> Frame:
        """Return the allowed frame that is nearest to a picture of this width and height.

        It has the requested aspect ratio, else the picture's own, and is not larger than the part
        of the picture it shows, unless that is too small. Sides are even, as video codecs require.
        """
        width, height = picture
        across, _, down = (aspect_ratio or f"{width}:{height}").partition(":")
        slope = Fraction(int(across), int(down))
        if aspect_ratio is None:
            slope = min(max(slope, 1 / MAX_SIDE_RATIO), MAX_SIDE_RATIO)
        stretch = max(slope, 1 / slope)
        seen = max(min(Fraction(width), height * slope), min(Fraction(height), width / slope))
        longer = max(min(seen, Fraction(self.longest)), self.shortest * stretch)
        sides = (_even(longer), _even(longer / stretch))
        return Frame(*sides) if slope >= 1 else Frame(*reversed(sides))


def _even(length: Fraction) -> int:
    return 2 * round(length / 2)


ANY = "any"
"""The key of prices and frames for a model without resolutions or shapes."""

Usd = Annotated[Decimal, Field(gt=0, le=100)]


class Price(Entry):
    """The price while no live price is known: US dollars per second, by resolution."""

    usd_per_second: dict[str, Usd]
    basis: Literal["second-hand", "estimate"]
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]


class Fields(Entry):
    """The field names of a model's request body; None for a field it does not have."""

    seconds: str | None = "duration"
    aspect_ratio: str = "aspect_ratio"
    resolution: str = "resolution"
    image: str = "image_url"
    sound: str | None = None


class Pair(Entry):
    """A length and a resolution that a model does not offer together."""

    seconds: int
    resolution: str


class Mode(Entry):
    """One of the provider's models: its id, options, prices and typical waiting time.

    Values are written as the provider writes them. Aspect ratios and resolutions are empty for a
    model without such a field; `spelt_seconds` maps lengths that it counts in another unit.
    Pictures are resized to one of `frames`, exact pixel sizes by resolution and aspect ratio, or
    else within the limits of `picture`. `sound` tells whether its videos have sound; only
    `fields.sound` can switch it off. `typical_seconds` is the waiting time for its shortest video.
    `live` are the provider's current rates; `price` is used if there are none.
    """

    model: str
    seconds: Annotated[tuple[int, ...], Field(min_length=1)]
    spelt_seconds: dict[int, int] = {}
    aspect_ratios: tuple[str, ...] = ()
    resolutions: tuple[str, ...] = ()
    without: tuple[Pair, ...] = ()
    frames: dict[str, dict[str, Frame]] = {}
    picture: PictureRule | None = None
    fields: Fields = Fields()
    sound: bool = False
    prompt_limit: Annotated[int, Field(gt=0)] | None = None
    typical_seconds: Annotated[int, Field(gt=0)]
    price: Price
    live: tuple[Rate, ...] = ()

    def offers(self, seconds: int, resolution: str | None) -> bool:
        """Whether this length is offered in this resolution."""
        return not any(
            pair.seconds == seconds and pair.resolution == resolution for pair in self.without
        )

    def lengths(self, resolution: str | None) -> list[int]:
        """Return the lengths that are offered in this resolution."""
        return [seconds for seconds in self.seconds if self.offers(seconds, resolution)]

    def resolutions_of(self, seconds: int) -> list[str]:
        """Return the resolutions in which this length is offered."""
        return [one for one in self.resolutions if self.offers(seconds, one)]

    @property
    def can_be_silent(self) -> bool:
        """Whether its videos have no sound, or none on request."""
        return not self.sound or self.fields.sound is not None

    def frame(
        self, resolution: str | None, aspect_ratio: str | None, picture: tuple[int, int] = (0, 0)
    ) -> Frame:
        """Return the size in pixels to which a picture of the size `picture` is resized.

        Raises KeyError for a video that is not offered.
        """
        if self.picture is not None:
            return self.picture.frame(picture, aspect_ratio)
        return self.frames[resolution or ANY][aspect_ratio or ANY]

    def _chosen(
        self, seconds: int, resolution: str | None, aspect_ratio: str | None, silent: bool
    ) -> dict[str, object]:
        """Return the chosen options as fields of the request body.

        Every option of the model is included, because its default is often the most expensive
        value. Aspect ratio or resolution are None only for a model without the field.
        """
        body: dict[str, object] = {}
        if self.fields.seconds is not None:
            body[self.fields.seconds] = self.spelt_seconds.get(seconds, seconds)
        if aspect_ratio is not None:
            body[self.fields.aspect_ratio] = aspect_ratio
        if resolution is not None:
            body[self.fields.resolution] = resolution
        if self.fields.sound is not None:
            body[self.fields.sound] = not silent
        return body

    def cost(
        self,
        seconds: int,
        resolution: str | None,
        *,
        aspect_ratio: str | None = None,
        silent: bool = False,
    ) -> Decimal:
        """Return the price of a video in US dollars: the live price if it is known.

        `resolution` is None for a model that has none; an unknown aspect ratio costs as much as the
        most expensive. Raises KeyError for a resolution that is not offered.
        """
        hinted = self.price.usd_per_second[resolution or ANY] * seconds
        asked = cost(self.live, self._chosen(seconds, resolution, aspect_ratio, silent), seconds)
        return hinted if asked is None else asked

    def body(
        self,
        prompt: str,
        *,
        seconds: int,
        aspect_ratio: str | None,
        resolution: str | None,
        image: str | None = None,
        silent: bool = False,
    ) -> dict[str, object]:
        """Return the JSON body of a submission; `image` is a data URI."""
        chosen = self._chosen(seconds, resolution, aspect_ratio, silent)
        picture = {} if image is None else {self.fields.image: image}
        return {"model": self.model, "prompt": prompt, **chosen, **picture}


Kind = Literal["t2v", "i2v"]

KINDS: tuple[Kind, Kind] = ("t2v", "i2v")


class People(StrEnum):
    """Whether a model animates pictures of people."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Family(Entry):
    """A family of models; `pro` is what `--pro` selects, `successors` what replaced it, by kind."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    title: str
    people: People
    pro: str | None = None
    successors: dict[Kind, str] = Field(default_factory=dict)
    t2v: Mode | None = None
    i2v: Mode | None = None

    def mode(self, kind: Kind) -> Mode | None:
        """Return the model for text or for pictures, or None if the family has none."""
        return self.t2v if kind == "t2v" else self.i2v

    @property
    def modes(self) -> dict[Kind, Mode]:
        """The models of the family, by kind."""
        return {kind: mode for kind in KINDS if (mode := self.mode(kind)) is not None}

    @property
    def seconds(self) -> list[int]:
        """The lengths its models offer, the shortest first."""
        return sorted({seconds for mode in self.modes.values() for seconds in mode.seconds})

    @property
    def aspect_ratios(self) -> list[str]:
        """The aspect ratios its models offer."""
        return [*dict.fromkeys(one for mode in self.modes.values() for one in mode.aspect_ratios)]

    @property
    def resolutions(self) -> list[str]:
        """The resolutions its models offer."""
        return [*dict.fromkeys(one for mode in self.modes.values() for one in mode.resolutions)]


@cache
def left_out() -> Mapping[str, str]:
    """Return the known models that are not offered, and the reason of each.

    They need more than a prompt and at most one picture. A reason that begins with
    "from a picture: " belongs to a model that is offered for text alone.
    """
    text = resources.files("generation.models").joinpath("left_out.json").read_bytes()
    return MappingProxyType(TypeAdapter(dict[str, str]).validate_json(text))


@dataclass(frozen=True, eq=False)
class Offer:
    """Families in order of preference; compared by identity, because comparing all is slow.

    `cooling_models` are not used during a short cooldown after failures; `credit_usd` is the value
    of a credit in US dollars.
    """

    families: tuple[Family, ...]
    cooling_models: frozenset[str] = frozenset()
    credit_usd: Decimal = CREDIT_USD

    @classmethod
    @cache
    def load(cls) -> Offer:
        """Return all known families, read once. Raises pydantic.ValidationError on bad data."""
        text = resources.files("generation.models").joinpath("models.json").read_bytes()
        return cls(TypeAdapter(tuple[Family, ...]).validate_json(text))

    @cached_property
    def _by_name(self) -> dict[str, Family]:
        return {family.name: family for family in self.families}

    @cached_property
    def _by_model(self) -> dict[tuple[str, str | None], Mode]:
        modes = [(kind, mode) for one in self.families for kind, mode in one.modes.items()]
        any_kind = {(mode.model, None): mode for _, mode in reversed(modes)}
        return any_kind | {(mode.model, kind): mode for kind, mode in modes}

    @property
    def names(self) -> tuple[str, ...]:
        """The families' names, in order of preference."""
        return tuple(self._by_name)

    def mode(self, model: str, kind: str | None = None) -> Mode | None:
        """Return the mode with the provider's id, or None if it was removed from the data since."""
        return self._by_model.get((model, kind))

    def only(self, names: Iterable[str]) -> Offer:
        """Return the offer of these families in this order. Raises KeyError for an unknown one."""
        return replace(self, families=tuple(self[name] for name in dict.fromkeys(names)))

    def for_kind(self, kind: Kind) -> Offer:
        """Return the offer of the families that have a model of this kind."""
        families = tuple(family for family in self if family.mode(kind) is not None)
        return replace(self, families=families)

    def without(self, models: Collection[str]) -> Offer:
        """Return the offer without these models, and without families left empty."""
        left = (
            family.model_copy(
                update={kind: None for kind, mode in family.modes.items() if mode.model in models}
            )
            for family in self
        )
        return replace(self, families=tuple(family for family in left if family.modes))

    def __getitem__(self, name: str) -> Family:
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Family]:
        return iter(self.families)
