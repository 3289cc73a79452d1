"""The schema of each video model's request body, and its validation.

`models.json` holds the properties of every model's POST body, from the provider's published OpenAPI
files of 2026-08-21 without their descriptions. Unknown fields are refused, though the provider does
not document that: they are mistakes of the caller.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator

_ADDRESS = re.compile(r"(^|_)(url|image|video)s?$")
_SORA_PROMPT_LENGTH = 32_000  # characters, as in the maker's own Videos API


@dataclass(frozen=True, slots=True)
class Model:
    """A video model: its id, aliases, and the fields of its request body."""

    id: str
    aliases: tuple[str, ...]
    fields: dict[str, dict[str, Any]]
    required: tuple[str, ...]

    @property
    def is_sora(self) -> bool:
        """Whether the first frame must have exactly the video's size."""
        return self.id.startswith("openai/sora-2")

    def value(self, body: dict[str, Any], field: str) -> Any:
        """Return the body's value of a field, else the model's default, else None."""
        return body.get(field, self.fields.get(field, {}).get("default"))

    def problems(self, body: dict[str, Any]) -> list[str]:
        """Return everything that is wrong with `body`, sorted."""
        schema = {
            "type": "object",
            "properties": {"model": {"type": "string"}, **self.fields},
            "required": ["model", *self.required],
            "additionalProperties": False,
        }
        found = [
            f"{'.'.join(map(str, error.absolute_path)) or 'body'}: {error.message[:300]}"
            for error in Draft202012Validator(schema).iter_errors(body)
        ]
        prompt = body.get("prompt")
        if isinstance(prompt, str) and "prompt" in self.required and not prompt.strip():
            found.append("prompt: String must contain at least 1 character(s)")
        if self.is_sora and isinstance(prompt, str) and len(prompt) > _SORA_PROMPT_LENGTH:
            found.append(f"prompt: String must contain at most {_SORA_PROMPT_LENGTH} character(s)")
        found += [
            f"{path}: Invalid url, expected https: or data:"
            for path, url in addresses(body)
            if not url.startswith(("https://", "data:"))
        ]
        return sorted(found)


def addresses(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Return every (path, URL) in a body: strings in fields named …url, …image(s), …video(s)."""
    match value:
        case dict():
            return [
                found
                for name, inner in value.items()
                for found in addresses(inner, f"{path}.{name}" if path else name)
            ]
        case list():
            return [found for inner in value for found in addresses(inner, path)]
        case str() if _ADDRESS.search(path):
            return [(path, value)]
    return []


@cache
def models() -> dict[str, Model]:
    """Return every model by its canonical id."""
    text = resources.files(__package__).joinpath("models.json").read_text("utf-8")
    return {
        name: Model(name, _aliases(name), entry["properties"], tuple(entry["required"]))
        for name, entry in json.loads(text).items()
    }


@cache
def _names() -> dict[str, str]:
    return {name: model.id for model in models().values() for name in (model.id, *model.aliases)}


def find(name: object) -> Model | None:
    """Return the model with this id or alias, or None."""
    return models().get(_names().get(name, "")) if isinstance(name, str) else None


def _aliases(name: str) -> tuple[str, ...]:
    maker, _, short = name.partition("/")
    return (short,) if maker and short and "/" not in short else ()
