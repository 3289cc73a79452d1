"""One of the provider's models as data: what it takes, what it costs, how it is asked."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from generation.models.frames import Frame, PictureRule  # noqa: TC001 - pydantic reads annotations
from generation.models.rates import Rate  # noqa: TC001 - pydantic reads annotations

ANY = "any"
"""The key of prices and frames for a model without resolutions or shapes."""

Usd = Annotated[Decimal, Field(gt=0, le=100)]


class Entry(BaseModel):
    """Something read from the offer's data: unknown names in it are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Price(Entry):
    """A hint for the time no live price is known: US dollars per second, by resolution."""

    usd_per_second: dict[str, Usd]
    basis: Literal["second-hand", "estimate"]
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]


class Fields(Entry):
    """What a model calls the parts of its request body; None where it has no such part."""

    seconds: str | None = "duration"
    aspect_ratio: str = "aspect_ratio"
    resolution: str = "resolution"
    image: str = "image_url"
    sound: str | None = None


class Pair(Entry):
    """A length and a resolution that a model does not take together."""

    seconds: int
    resolution: str


class Mode(Entry):
    """One of the provider's models: its id, what it takes, what it costs, how long it takes.

    Values are spelt as the provider spells them. Shapes and resolutions are empty for a model that
    has no such field; `spelt_seconds` are lengths that it counts in something else. Pictures are
    made to one of `frames`, exact pixel sizes by resolution and shape, or else within the rule
    `picture`. `sound` tells whether its videos have any; only `fields.sound` can switch it off.
    `typical_seconds` is the waiting time for its shortest video. `live` is what the provider asks
    at present; `price` stands in for it.
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

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        """Check that lengths ascend and that all else is about what is offered."""
        if list(self.seconds) != sorted(set(self.seconds)):
            raise ValueError("seconds must ascend")
        if self.spelt_seconds and set(self.spelt_seconds) != set(self.seconds):
            raise ValueError("each length needs its spelling, and no other has one")
        if set(self.price.usd_per_second) != set(self.resolutions or (ANY,)):
            raise ValueError("each resolution needs its price, and no other has one")
        if self.frames and set(self.frames) != set(self.resolutions or (ANY,)):
            raise ValueError("each resolution needs its frames, and no other has them")
        if any(set(shapes) != set(self.aspect_ratios or (ANY,)) for shapes in self.frames.values()):
            raise ValueError("each shape needs its frame, and no other has one")
        if self.frames and self.picture:
            raise ValueError("pictures have exact frames or a rule, not both")
        if any(pair.resolution not in self.resolutions for pair in self.without):
            raise ValueError("what does not go together must be offered one by one")
        if self.fields.sound is not None and not self.sound:
            raise ValueError("a switch for sound belongs to a model with sound")
        return self

    @property
    def takes_pictures(self) -> bool:
        """Whether it is known how a picture must be for this model."""
        return bool(self.frames or self.picture)

    def offers(self, seconds: int, resolution: str | None) -> bool:
        """Whether this length goes with this resolution."""
        return not any(
            pair.seconds == seconds and pair.resolution == resolution for pair in self.without
        )

    def frame(
        self,
        resolution: str | None,
        aspect_ratio: str | None,
        picture: tuple[int, int] = (0, 0),
    ) -> Frame:
        """Return the size in pixels that a picture of the size `picture` is made to.

        Raises KeyError for a video that is not offered.
        """
        if self.picture is not None:
            return self.picture.frame(picture, aspect_ratio)
        return self.frames[resolution or ANY][aspect_ratio or ANY]

    def choices(
        self,
        *,
        seconds: int,
        aspect_ratio: str | None,
        resolution: str | None,
        silent: bool = False,
    ) -> dict[str, object]:
        """Return what was chosen, by the names of the request's body.

        Whatever the model lets one choose is there: its own default is often its dearest value.
        Shape or resolution are None only for a model without the field.
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
        chosen = self.choices(
            seconds=seconds, aspect_ratio=aspect_ratio, resolution=resolution, silent=silent
        )
        picture = {} if image is None else {self.fields.image: image}
        return {"model": self.model, "prompt": prompt, **chosen, **picture}
