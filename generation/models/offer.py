"""The offer: families of models as data, and the request body each of them takes.

`models.json` beside this file holds the entries; a new model is a new entry there. A family is what
people choose ("sora-2"); its modes are the provider's models for text (`t2v`) and pictures (`i2v`).
`left_out.json` holds what is known and not offered, and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from generation.models.frames import Frame
from generation.models.modes import ANY, Entry, Mode, Price

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "ANY",
    "KINDS",
    "Family",
    "Frame",
    "Kind",
    "Mode",
    "Offer",
    "People",
    "Price",
    "left_out",
]

Kind = Literal["t2v", "i2v"]

KINDS: tuple[Kind, Kind] = ("t2v", "i2v")


class People(StrEnum):
    """Whether a model animates pictures of people."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Family(Entry):
    """What people choose by name. `pro` names the sister `--pro` stands for, or itself.

    `heirs` are the families that the provider has put in its place, by kind.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    title: str
    people: People
    pro: str | None = None
    heirs: dict[Kind, str] = Field(default_factory=dict)
    t2v: Mode | None = None
    i2v: Mode | None = None

    @model_validator(mode="after")
    def _knows_its_pictures(self) -> Self:
        if self.i2v is not None and not self.i2v.takes_pictures:
            raise ValueError("a model for pictures needs their frames or a rule for them")
        return self

    def mode(self, kind: Kind) -> Mode | None:
        """Return the model for text or for pictures, None where the family has none."""
        return self.t2v if kind == "t2v" else self.i2v

    @property
    def modes(self) -> dict[Kind, Mode]:
        """What the family has, by kind."""
        return {kind: mode for kind in KINDS if (mode := self.mode(kind)) is not None}


@cache
def left_out() -> Mapping[str, str]:
    """Return the models that a prompt and at most one picture cannot drive, and why.

    A reason that begins with "from a picture: " is of a model that is offered for text alone.
    """
    text = resources.files("generation.models").joinpath("left_out.json").read_bytes()
    return MappingProxyType(TypeAdapter(dict[str, str]).validate_json(text))


@dataclass(frozen=True)
class Offer:
    """Families in order of preference.

    `resting` are models of theirs that are left alone for a while and will be asked again soon.
    """

    families: tuple[Family, ...]
    resting: frozenset[str] = frozenset()

    @classmethod
    @cache
    def load(cls) -> Offer:
        """Every family known, read once. Raises pydantic.ValidationError on bad data."""
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

    def mode(self, model: str, kind: str | None = None) -> Mode:
        """Return the mode with the provider's id, which may serve text and pictures alike.

        Raises KeyError for an id it does not know.
        """
        return self._by_model[model, kind]

    def only(self, names: Iterable[str]) -> Offer:
        """Return the offer of these families in this order. Raises KeyError for an unknown one."""
        return Offer(tuple(self[name] for name in dict.fromkeys(names)))

    def __getitem__(self, name: str) -> Family:
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[Family]:
        return iter(self.families)
