"""SQLite: the one record of what was asked, what is owed and what was paid.

What all floors share stands here too: times, ids, and how the class of a value is made.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

SHARED_IDS = frozenset({1087968824, 136817688, 777000})
"""Telegram's stand-ins for anonymous admins, channels and itself: nobody's, so never an owner."""

HOUR_SECONDS = 3600.0
DAY_SECONDS = 24 * HOUR_SECONDS

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool = False, eq: bool = True, **options: bool) -> Any:
        """Make a dataclass, a frozen one in a fifth of the time.

        There are some 300 of them, and before Python 3.13 the library compiles six methods for
        each, one by one: a quarter of a start went into that. Here the three whose speed counts
        are compiled, all at once.
        """
        if not frozen:
            return dataclasses.dataclass(eq=eq, **options)

        def make(cls: type) -> type:
            made = dataclasses.dataclass(init=False, repr=False, eq=False, **options)(cls)
            methods = _methods(made, eq=eq)
            for name, method in methods.items():
                if name not in cls.__dict__:
                    setattr(made, name, method)
            return made

        return make


def _methods(cls: type, *, eq: bool) -> dict[str, Any]:
    """Return the methods of a frozen dataclass."""
    fields = dataclasses.fields(cls)
    known: dict[str, Any] = {"_set": object.__setattr__, "_none": dataclasses.MISSING}
    given, named, body = ["self"], list[str](), list[str]()
    for field in fields:
        name = value = field.name
        parameter = name
        if field.default is not dataclasses.MISSING:
            known[f"_default_{name}"] = field.default
            parameter = f"{name}=_default_{name}"
        elif field.default_factory is not dataclasses.MISSING:
            known[f"_default_{name}"] = field.default_factory
            parameter = f"{name}=_none"
            value = f"_default_{name}() if {name} is _none else {name}"
        (named if field.kw_only else given).append(parameter)
        body.append(f"_set(self, {name!r}, {value})")
    parameters = ", ".join([*given, *(["*", *named] if named else [])])
    text = f"def __init__({parameters}):\n {'; '.join(body) or 'pass'}\n"
    if eq:
        ours, others = (
            "".join(f"{one}.{field.name}, " for field in fields) for one in ("self", "other")
        )
        text += (
            "def __eq__(self, other):\n"
            " if other.__class__ is not self.__class__:\n  return NotImplemented\n"
            f" return ({ours}) == ({others})\n"
            f"def __hash__(self):\n return hash(({ours}))\n"
        )
    exec(text, known)  # noqa: S102 - of names that stand in the code
    compiled = {name: known[name] for name in ("__init__", "__eq__", "__hash__") if name in known}
    return compiled | {"__repr__": _represent, "__setattr__": _refuse, "__delattr__": _refuse}


def _represent(value: Any) -> str:
    shown = (
        f"{field.name}={getattr(value, field.name)!r}"
        for field in dataclasses.fields(value)
        if field.repr
    )
    return f"{type(value).__qualname__}({', '.join(shown)})"


def _refuse(_value: object, name: str, *_given: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
