"""The program as docs/architecture.md tells it: one name for one thing, one walk, its size."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.trace import FLOORS, trace

if TYPE_CHECKING:
    from tests.trace import Walk

PROJECT = Path(__file__).parents[1]
PAGE = PROJECT / "docs" / "architecture.md"
# With the rooms of the operator: limits, home, audit, figures, exports, metrics, payments, backup;
# of what people may see and delete of themselves; and of the supervisor.
MOST_FILES = 136

RETIRED = (
    "asides", "furnish", "Ground", "rooms?", "strikes?", "detours?", "reroute[ds]?", "purse",
    "recalls?", "leftovers", "lenient", "ODD", "tall(y|ies)", "parcels?", "Packing", "Letter",
    "lanes?", "wish(es|ed)?", "Speech", "Askers?", "heirs?", "strangers", "in_short", "judge",
    "alarms?", "expects", "Rests?", "Heard",
)  # fmt: skip
"""Words that stood for something once and have a better name; to go when green for a release."""


def sources() -> list[Path]:
    return [path for floor in FLOORS for path in sorted((PROJECT / floor).rglob("*.py"))]


def test_a_class_name_stands_for_one_thing() -> None:
    places = defaultdict(list)
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(PROJECT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


@pytest.mark.parametrize("floor", FLOORS)
def test_a_module_name_stands_for_one_thing(floor: str) -> None:
    places = defaultdict(list)
    for path in sorted((PROJECT / floor).rglob("*.py")):
        if path.name != "__init__.py":
            places[path.name].append(str(path.relative_to(PROJECT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_there_are_no_more_files_than_there_were() -> None:
    assert len(sources()) <= MOST_FILES


@pytest.mark.parametrize("word", RETIRED)
def test_no_retired_word_is_left(word: str) -> None:
    found = [
        f"{path.relative_to(PROJECT)}:{number}: {line.strip()}"
        for path in sources()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(rf"(?<![A-Za-z]){word}(?![A-Za-z])", line)
    ]
    assert found == []


@pytest.fixture
async def walk(tmp_path: Path) -> Walk:
    """One private `/video`, followed from the update to the delivered video."""
    return await trace(tmp_path)


async def test_an_order_is_one_short_walk_in_the_order_that_the_page_tells(walk: Walk) -> None:
    figures = walk.figures()
    assert figures["modules"] <= 45, list(walk.modules)
    assert figures["locks"] <= 12
    assert figures["commits"] <= 6
    stations = re.findall(
        r"^\| \d+ \| `([\w/]+)\.py`", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    told = [station.replace("/", ".") for station in stations]
    passed = [module for module in walk.modules if module in told]
    assert passed == told, "docs/architecture.md tells the walk as it is"
