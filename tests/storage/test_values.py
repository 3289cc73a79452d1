"""A frozen dataclass of ours is the library's, made faster."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

import storage
from tests.test_architecture import PROJECT, sources


def made_by(dataclass: Any) -> tuple[Any, Any]:
    """Return a class of each kind by that decorator."""

    @dataclass(frozen=True, slots=True)
    class Base:
        """A value."""

        number: int
        name: str = "none"
        parts: list[int] = dataclasses.field(default_factory=list, repr=False)

    @dataclass(frozen=True, kw_only=True, eq=False)
    class Named:
        """A value that is compared as an object."""

        number: int
        more: str

    return Base, Named


OURS, STANDARD = made_by(storage.dataclass), made_by(dataclasses.dataclass)
ARGUMENTS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((1,), {}), ((1, "two"), {}), ((1, "two", [3]), {}), ((), {"name": "n", "number": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("given", "named"), ARGUMENTS)
def test_a_value_is_made_compared_and_shown_as_the_librarys_is(
    given: tuple[Any, ...], named: dict[str, Any]
) -> None:
    ours, theirs = OURS[0](*given, **named), STANDARD[0](*given, **named)
    assert dataclasses.astuple(ours) == dataclasses.astuple(theirs)
    assert repr(ours) == repr(theirs)
    assert ours == OURS[0](*given, **named) != theirs
    assert ours != dataclasses.replace(ours, number=0)
    assert OURS[0].__match_args__ == STANDARD[0].__match_args__


def test_a_value_is_frozen_and_hashed() -> None:
    value = OURS[0](1, "two", ())
    assert hash(value) == hash(OURS[0](1, "two", ()))
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.number = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del value.number


def test_what_is_named_only_and_compared_as_an_object_is_so() -> None:
    value = OURS[1](number=1, more="m")
    assert value != OURS[1](number=1, more="m")
    with pytest.raises(TypeError):
        OURS[1](1, "m")
    with pytest.raises(TypeError):
        OURS[1](number=1)


def test_all_frozen_dataclasses_are_made_so() -> None:
    apart = {
        "storage/__init__.py",
        "generation/media/film_jobs.py",
    }  # the latter in a process alone
    texts = {str(path.relative_to(PROJECT)): path.read_text(encoding="utf-8") for path in sources()}
    assert {
        name
        for name, text in texts.items()
        if re.search(r"^from dataclasses import .*\bdataclass\b", text, re.MULTILINE)
        and "dataclass(frozen=True" in text
    } <= apart
