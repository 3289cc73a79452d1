"""What the provider tells everybody of its models: the live catalogue and the deprecation feed.

Both are read leniently: an entry that makes no sense is left out, an answer that is no list at all
is none. They need no key and get none.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import httpx
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from generation.models.rates import Rate, read_rates
from generation.provider.lenient import ODD
from generation.provider.refusals import in_short

BODY_LIMIT = 8_000_000
"""Bytes of an answer that are read; the catalogue has about 519 000."""
SILENCE = httpx.Timeout(20, connect=10)
IN_ALL_SECONDS = 60.0
VIDEO_TYPE = "internal/video-generations/submit"
MAKES_VIDEOS = frozenset({"text_to_video", "image_to_video"})


class NoFeed(Exception):
    """A feed could not be had, or says nothing that can be used."""


def _rates_of(value: Any) -> Any:
    """Read the provider's own form; what was kept here is in ours already."""
    return value if isinstance(value, list | tuple) else read_rates(value)


_Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    id: _Name
    aliases: tuple[_Name, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Every name the model can be asked by."""
        return frozenset({self.id, *self.aliases})


class Listed(_Entry):
    """A model of the live catalogue; its rates are empty where its price cannot be foretold."""

    type: str = ""
    capabilities: tuple[str, ...] = ()
    rates: Annotated[tuple[Rate, ...], BeforeValidator(_rates_of), Field(alias="pricing")] = ()

    @property
    def makes_videos(self) -> bool:
        """Whether a prompt or a picture becomes a video there."""
        return self.type == VIDEO_TYPE and not MAKES_VIDEOS.isdisjoint(self.capabilities)


class Retired(_Entry):
    """A model that goes: `deprecated` still serves, so does `superseded`, by its successor."""

    status: Literal["deprecated", "superseded", "withdrawn"]
    replaced_by: str | None = None


class ModelFeed(BaseModel):
    """The live catalogue, as far as it is about videos."""

    data: tuple[Annotated[Listed | None, ODD], ...]

    @property
    def models(self) -> tuple[Listed, ...]:
        """The entries that make sense."""
        return tuple(one for one in self.data if one is not None and one.type == VIDEO_TYPE)


class RetirementFeed(BaseModel):
    """The deprecation feed."""

    data: tuple[Annotated[Retired | None, ODD], ...]

    @property
    def retired(self) -> tuple[Retired, ...]:
        """The entries that make sense."""
        return tuple(one for one in self.data if one is not None)


class Feeds:
    """Asks for both feeds at `url`; `http` is opened and closed by whoever gives it."""

    def __init__(self, http: httpx.AsyncClient, *, url: str) -> None:
        self._http = http
        self._url = url.rstrip("/")

    async def models(self) -> tuple[Listed, ...]:
        """Return the video models listed now. Raises NoFeed, also where there are none."""
        body = await self._ask("/v1/models", {"include": "pricing,capabilities"})
        try:
            models = ModelFeed.model_validate_json(body).models
        except ValidationError as error:
            raise NoFeed("the list of models cannot be read") from error
        if not models:
            raise NoFeed("the list of models has no model for videos")
        return models

    async def retired(self) -> tuple[Retired, ...]:
        """Return the models that go or are gone. Raises NoFeed."""
        body = await self._ask("/v1/models/deprecations", {})
        try:
            return RetirementFeed.model_validate_json(body).retired
        except ValidationError as error:
            raise NoFeed("the list of retired models cannot be read") from error

    async def _ask(self, path: str, params: dict[str, str]) -> bytes:
        try:
            async with (
                asyncio.timeout(IN_ALL_SECONDS),
                self._http.stream(
                    "GET",
                    self._url + path,
                    params=params,
                    headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                    timeout=SILENCE,
                    follow_redirects=False,
                ) as response,
            ):
                response.raise_for_status()
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > BODY_LIMIT:
                        raise NoFeed(f"{path}: the answer is too long")
                return bytes(body)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, TimeoutError) as error:
            raise NoFeed(in_short(f"{path}: {error!r}")) from error
