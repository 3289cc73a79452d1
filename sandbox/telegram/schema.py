"""Checks a call's parameters against the Bot API: unknown or missing names, wrong types.

The real server ignores unknown parameters; this one refuses them, to find misspelt ones.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

from sandbox.telegram.errors import ApiError, bad_request

Json = dict[str, Any]

_API: Json = json.loads(resources.files(__package__).joinpath("api.json").read_text("utf-8"))
_INTEGER = re.compile(r"-?\d{1,19}")
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_ARRAY = "Array of "


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file uploaded with a multipart call, on disk; ``size`` in bytes."""

    path: str
    file_name: str
    mime_type: str
    size: int


class _WrongError(Exception):
    """A value does not fit its type; the message holds its path."""


def check_call(method: str, given: Json) -> Json:
    """Return the parameters of a call, converted to their types.

    Args:
        method: the method's name as the reference spells it.
        given: the values of a JSON body, or the strings and ``Uploaded`` of a form.

    Raises:
        ApiError: 404 for a method not supported here, 400 for anything the schema refuses.
    """
    fields = _API["methods"].get(method)
    if fields is None:
        raise ApiError(404, f"Not Found: method {method} not found")
    for name in given:
        if name not in fields:
            raise bad_request(f"unknown parameter {name!r} of {method}")
    checked = {}
    for name, field in fields.items():
        if name not in given:
            if field.get("required"):
                raise bad_request(f"parameter {name!r} of {method} is required")
            continue
        try:
            checked[name] = _from_form(given[name], field["types"], name)
        except _WrongError as wrong:
            raise bad_request(f"{method}: {wrong}") from None
    return checked


def parameter_names(method: str) -> frozenset[str]:
    """Return the names of a method's parameters; none for an unknown method."""
    return frozenset(_API["methods"].get(method, ()))


def allowed_values(type_name: str, field: str) -> frozenset[str]:
    """Return the values the reference lists for a field."""
    return frozenset(_API["types"][type_name]["fields"][field]["values"])


def type_of(type_name: str) -> Json:
    """Return the reference's entry of a type: its ``fields``, or the types it is ``one_of``."""
    described: Json = _API["types"][type_name]
    return described


def check_object(type_name: str, value: Any) -> None:
    """Check an object against a type of the reference.

    Raises:
        ValueError: with the path of the first field that does not fit.
    """
    try:
        _checked(value, [type_name], type_name)
    except _WrongError as wrong:
        raise ValueError(str(wrong)) from None


def _from_form(value: Any, types: list[str], path: str) -> Any:
    """Convert a top-level parameter, which a form holds as text."""
    if not isinstance(value, str):
        return _checked(value, types, path)
    if "Integer" in types and _INTEGER.fullmatch(value):
        return int(value)
    if "String" in types:
        return value
    if "Boolean" in types and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    try:
        read = json.loads(value)
    except ValueError:
        raise _WrongError(f"can't parse {path}: expected {_named(types)}") from None
    return _checked(read, types, path)


def _checked(value: Any, types: list[str], path: str) -> Any:
    problems = []
    for type_name in types:
        try:
            _check(value, type_name, path)
        except _WrongError as wrong:
            problems.append(wrong)
        else:
            return value
    raise problems[0] if len(problems) == 1 else _closest(problems, path, types)


def _closest(problems: list[_WrongError], path: str, types: list[str]) -> _WrongError:
    """Return the error with the deepest path: of several types, that is the one intended."""
    deep = [problem for problem in problems if "." in str(problem).removeprefix(path)]
    return deep[0] if deep else _WrongError(f"{path} must be {_named(types)}")


def _check(value: Any, type_name: str, path: str) -> None:
    if type_name.startswith(_ARRAY):
        if not isinstance(value, list):
            raise _WrongError(f"{path} must be an array")
        for index, item in enumerate(value):
            _check(item, type_name.removeprefix(_ARRAY), f"{path}[{index}]")
        return
    plain = _PLAIN.get(type_name)
    if plain is not None:
        if not isinstance(value, plain) or (isinstance(value, bool) and bool not in plain):
            raise _WrongError(f"{path} must be {_named([type_name])}")
        return
    spec = _API["types"][type_name]
    if "one_of" in spec:
        _check_one_of(value, spec["one_of"], path)
    else:
        _check_fields(value, spec["fields"], type_name, path)


_PLAIN: dict[str, tuple[type, ...]] = {
    "Integer": (int,),
    "Float": (int, float),
    "String": (str,),
    "Boolean": (bool,),
    "True": (bool,),
    "InputFile": (Uploaded,),
}


def _check_one_of(value: Any, subtypes: list[str], path: str) -> None:
    plain = [name for name in subtypes if name in _PLAIN or name.startswith(_ARRAY)]
    if not isinstance(value, dict) and plain:
        _checked(value, plain, path)
        return
    if not isinstance(value, dict):
        raise _WrongError(f"{path} must be an object")
    fitting = [name for name in subtypes if name not in plain and _matches_constants(value, name)]
    if not fitting:
        raise _WrongError(f"{path}.type is none of {_named(subtypes)}")
    _checked(value, fitting, path)


def _matches_constants(value: Json, type_name: str) -> bool:
    """Whether the value has the constants by which the reference distinguishes subtypes."""
    fields = _API["types"][type_name].get("fields", {})
    return all(
        value.get(name) == field["const"] for name, field in fields.items() if "const" in field
    )


def _check_fields(value: Any, fields: Json, type_name: str, path: str) -> None:
    if not isinstance(value, dict):
        raise _WrongError(f"{path} must be an object")
    for name in value:
        if name not in fields:
            raise _WrongError(f"{path}.{name} is not a field of {type_name}")
    for name, field in fields.items():
        if name in value:
            _checked(value[name], field["types"], f"{path}.{name}")
        elif field.get("required"):
            raise _WrongError(f"{path}.{name} is required")


def _named(types: list[str]) -> str:
    return " or ".join(types)
