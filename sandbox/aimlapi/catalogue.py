"""The model catalogue and the deprecation feed."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response

from sandbox.aimlapi import schemas
from sandbox.aimlapi.billing import Price
from sandbox.aimlapi.refusals import Refusal
from sandbox.aimlapi.retirements import Retirement, feed

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

_TYPE = "internal/video-generations/submit"
_SECTIONS = ("pricing", "modalities", "capabilities")
_IMAGES = ("image_url", "image_urls", "image_list", "first_frame_image")


class Catalogue:
    """The models, their prices and their retirements."""

    def __init__(self, prices: dict[str, Price], clock: Callable[[], float]) -> None:
        self.prices = prices
        self.retired: dict[str, Retirement] = {
            "bytedance/seedance-1-0-lite-t2v": Retirement("deprecated", "2026-07-20"),
            "bytedance/seedance-1-0-lite-i2v": Retirement("deprecated", "2026-07-20"),
        }
        self._clock = clock

    def serves(self, model: str) -> bool:
        """Whether a model can be used; if not, its endpoints answer 404."""
        retirement = self.retired.get(model)
        return retirement is None or retirement.status != "withdrawn"

    def today(self) -> str:
        """Return today's date as YYYY-MM-DD."""
        return datetime.fromtimestamp(self._clock(), UTC).date().isoformat()

    async def models(self, request: Request) -> Response:
        """Answer GET /v1/models."""
        listed = tuple(
            (model.id, price.per_second, tuple(price.by_resolution.items()))
            for model in schemas.models().values()
            if self._listed(model.id)
            for price in [self.prices[model.id]]
        )
        return _cached(request, *_listing(request.url.query, listed))

    async def model(self, request: Request) -> Response:
        """Answer GET /model/{id}, also for a model announced to retire."""
        model = schemas.find(request.path_params["id"])
        if model is None or not self.serves(model.id):
            raise Refusal(404, "Model is not found", name="NotFoundException")
        return JSONResponse(_entry(model, self.prices[model.id]))

    async def deprecations(self, request: Request) -> Response:
        """Answer GET /v1/models/deprecations; invalid filters are ignored."""
        data = feed(
            self.retired,
            _values(request.query_params, "status"),
            request.query_params.get("since", ""),
        )
        now = datetime.fromtimestamp(self._clock(), UTC).isoformat()
        body = {"object": "list", "generated_at": now, "data": data}
        return _cached(request, json.dumps(body).encode(), _etag(data))

    def _listed(self, model: str) -> bool:
        retirement = self.retired.get(model)
        return retirement is None or retirement.is_listed


_Listed = tuple[tuple[str, Decimal, tuple[tuple[str, Decimal], ...]], ...]
"""The listed models with their prices, hashable for the cache."""


@lru_cache(64)
def _listing(query: str, listed: _Listed) -> tuple[bytes, str]:
    """Return the list as JSON and its ETag; cached, as every start of a bot requests it."""
    parameters = QueryParams(query)
    wanted = {name: _values(parameters, name) for name in parameters}
    sections = wanted.get("include", set())
    if "all" in sections or wanted.get("details", set()) & {"true", "1"}:
        sections = set(_SECTIONS)
    models = schemas.models()
    entries = (
        _entry(models[name], Price(per_second, dict(by_resolution)))
        for name, per_second, by_resolution in listed
    )
    data = [
        {name: value for name, value in entry.items() if name not in _SECTIONS}
        | {name: entry[name] for name in _SECTIONS if name in sections}
        for entry in entries
        if _matches(entry, wanted)
    ]
    return json.dumps({"object": "list", "data": data}).encode(), _etag(data)


def _entry(model: schemas.Model, price: Price) -> dict[str, Any]:
    maker = model.id.partition("/")[0]
    page = model.id.replace("/", "%2F")
    return {
        "id": model.id,
        "aliases": list(model.aliases),
        "type": _TYPE,
        "info": {
            "name": model.id.rpartition("/")[2].replace("-", " ").title(),
            "developer": maker,
            "description": "",
            "url": "",
            "docsJson": f"https://api.aimlapi.com/docs-json?model={page}&endpoint="
            + _TYPE.replace("/", "%2F"),
        },
        "tags": ["playground:video"],
        "pricing": price.as_json(),
        "modalities": {"input": _inputs(model), "output": ["video"]},
        "capabilities": _capabilities(model),
    }


def _inputs(model: schemas.Model) -> list[str]:
    kinds = {
        "text": "prompt" in model.fields,
        "image": any(name in model.fields for name in _IMAGES),
        "video": "video_url" in model.fields,
    }
    return [kind for kind, taken in kinds.items() if taken]


def _capabilities(model: schemas.Model) -> list[str]:
    sources = {name for name in model.required if "image" in name or "video" in name}
    declared = {
        "text_to_video": "prompt" in model.fields and not sources,
        "image_to_video": any(name in model.fields for name in _IMAGES),
        "video_to_video": "video_url" in model.fields,
        "audio_generation": "generate_audio" in model.fields or model.is_sora,
    }
    return [name for name, able in declared.items() if able]


def _values(parameters: QueryParams, name: str) -> set[str]:
    """Return a parameter's values, comma-separated or repeated."""
    return {
        value.strip()
        for joined in parameters.getlist(name)
        for value in joined.split(",")
        if value.strip()
    }


def _matches(entry: dict[str, Any], wanted: dict[str, set[str]]) -> bool:
    """Whether the entry has a value of every given filter."""
    inputs, outputs = entry["modalities"]["input"], entry["modalities"]["output"]
    has = {
        "id": {entry["id"], *entry["aliases"]},
        "type": {entry["type"]},
        "tags": set(entry["tags"]),
        "capabilities": set(entry["capabilities"]),
        "modalities": {*inputs, *outputs},
        "input_modalities": set(inputs),
        "output_modalities": set(outputs),
    }
    return all(has[name] & values for name, values in wanted.items() if name in has and values)


def _etag(data: list[dict[str, Any]]) -> str:
    """Return a weak ETag of the data."""
    return f'W/"{hashlib.sha256(json.dumps(data).encode()).hexdigest()[:32]}"'


def _cached(request: Request, body: bytes, etag: str) -> Response:
    """Return the answer with its ETag, or 304 if the caller has it already."""
    headers = {"etag": etag, "cache-control": "public, max-age=300"}
    cached = request.headers.get("if-none-match", "")
    if etag in [one.strip() for one in cached.split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
