"""Writes what README.md and .env.example say of the settings: `make docs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.settings.definition import Settings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

README = Path("README.md")
EXAMPLE = Path(".env.example")
BEGIN, END = "<!-- settings: made by `make docs` -->", "<!-- end of settings -->"


def table() -> str:
    """Return README's table, one row per setting."""
    rows = [
        f"| `{name.upper()}` | {_default_in_table(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| name | default | meaning |", "|---|---|---|", *rows])


def example() -> str:
    """Return a `.env` to fill in: the required settings open, the others as comments."""
    parts = [
        "# Copy this file to .env and fill in the first two settings: the others have defaults.\n"
    ]
    required_first = sorted(
        Settings.model_fields.items(), key=lambda item: not item[1].is_required()
    )
    for name, field in required_first:
        mark = "" if field.is_required() else "# "
        parts.append(f"# {field.description}\n{mark}{name.upper()}={_default(field)}\n")
    return "\n".join(parts)


def with_table(readme: str) -> str:
    """Return the README with the table between its two marks made anew."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _default(field: FieldInfo) -> str:
    """Return a default the way an operator would write it."""
    match None if field.is_required() else field.default:
        case None:
            return ""
        case bool() as flag:
            return str(flag).lower()
        case tuple() | frozenset() as several:
            return ",".join(map(str, several))
        case ZoneInfo(key=name):
            return str(name)
        case other:
            return str(other)


def _default_in_table(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = _default(field)
    return f"`{default}`" if default else "empty"


def write() -> None:
    """Bring both files in the working directory up to date."""
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
    EXAMPLE.write_text(example(), encoding="utf-8")


if __name__ == "__main__":
    write()
