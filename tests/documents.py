"""Writes the tables of settings and commands in docs/, and .env.example: `make docs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.settings.definition import Settings
from handlers.commands import COMMANDS, Scope

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

PAGES = {"commands": Path("docs/commands.md"), "settings": Path("docs/settings.md")}
EXAMPLE = Path(".env.example")
MARKS = "<!-- {what}: made by `make docs` -->", "<!-- end of {what} -->"


def commands_table() -> str:
    """Return the table of commands."""
    rows = []
    for command in COMMANDS:
        first, *others = (f"`/{name}`" for name in command.names)
        written = f"`/{command.name} {command.arguments}`" if command.arguments else first
        whose = " (admins, in private)" if command.scope is Scope.ADMIN else ""
        rows.append(f"| {' · '.join([written, *others])} | {command.summary}{whose} |")
    return "\n".join(["| command | what it does |", "|---|---|", *rows])


def settings_table() -> str:
    """Return the table of settings."""
    rows = [
        f"| `{name.upper()}` | {_default_in_table(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| name | default | meaning |", "|---|---|---|", *rows])


def example() -> str:
    """Return a `.env` template: required settings are empty, the others are comments."""
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


def with_table(what: str, page: str) -> str:
    """Return a page with a new table between its marks."""
    table = commands_table() if what == "commands" else settings_table()
    begin, end = (mark.format(what=what) for mark in MARKS)
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{table}\n{end}{after}"


def _default(field: FieldInfo) -> str:
    """Return a default as an operator would write it."""
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
    """Bring the files in the working directory up to date."""
    for what, page in PAGES.items():
        page.write_text(with_table(what, page.read_text(encoding="utf-8")), encoding="utf-8")
    EXAMPLE.write_text(example(), encoding="utf-8")


if __name__ == "__main__":
    write()
