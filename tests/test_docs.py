"""What the documents say is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.process import ExitCode
from bot.settings.definition import Settings
from bot.settings.sources import WrongSettings, read_settings
from generation.jobs.transitions import NEXT_STATES
from tests import documents

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")
ARCHITECTURE = (DOCS / "architecture.md").read_text(encoding="utf-8")
EXAMPLE = (PROJECT / ".env.example").read_text(encoding="utf-8")
REQUIRED = {
    "TELEGRAM_BOT_TOKEN": "1234567:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8",
    "AIMLAPI_KEY": "key",
}
PAGES = sorted(page.name for page in DOCS.glob("*.md"))
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *(f"docs/{page}" for page in PAGES)]


@pytest.mark.parametrize("what", documents.PAGES)
def test_a_page_has_the_settings_or_commands_as_they_are(what: str) -> None:
    page = (PROJECT / documents.PAGES[what]).read_text(encoding="utf-8")
    assert documents.with_table(what, page) == page, "run `make docs`"


def test_the_readme_is_short_and_begins_with_two_commands() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 80
    assert re.findall(r"^make (\w+)", readme, flags=re.MULTILINE)[:2] == ["demo", "test"]
    assert len(re.findall(r"^\d\. \*\*", readme, flags=re.MULTILINE)) == 4, "four steps"


def test_the_readme_leads_to_every_page() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert {*PAGES} == {*re.findall(r"\]\(docs/(\w+\.md)\)", readme)}


def test_a_link_to_a_place_on_a_page_leads_there() -> None:
    for document in DOCUMENTS:
        text = (PROJECT / document).read_text(encoding="utf-8")
        for page, place in re.findall(r"\]\(([\w./]*)#([\w-]+)\)", text):
            where = (PROJECT / document).parent / page if page else PROJECT / document
            headings = re.findall(r"^#+ (.+)$", where.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
            assert place in anchors, f"{document} points at {page}#{place}"


def test_the_example_has_the_settings_as_they_are() -> None:
    assert documents.example() == EXAMPLE, "run `make docs`"


def test_the_example_with_token_and_key_means_the_defaults(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(EXAMPLE)
    assert read_settings(REQUIRED, env_file) == read_settings(REQUIRED, tmp_path / "none")


def test_every_line_of_the_example_may_be_switched_on(tmp_path: Path) -> None:
    switched_on = re.sub(r"^# ([A-Z_]+=)", r"\1", EXAMPLE, flags=re.MULTILINE)
    assert switched_on.count("\n# ") == len(Settings.model_fields), "one sentence per setting"
    env_file = tmp_path / ".env"
    env_file.write_text(switched_on)
    assert read_settings(REQUIRED, env_file) == read_settings(REQUIRED, tmp_path / "none")


def test_the_example_as_it_is_asks_for_token_and_key(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(EXAMPLE)
    with pytest.raises(WrongSettings) as refused:
        read_settings({}, env_file)
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described_in_a_sentence(name: str) -> None:
    description = Settings.model_fields[name].description or ""
    assert description.endswith("."), description
    assert "|" not in description, "it would break the table"


def test_the_diagram_shows_every_step_a_generation_can_take() -> None:
    diagram = ARCHITECTURE.partition("stateDiagram-v2")[2]
    drawn = set(re.findall(r"^    (\w+) --> (\w+)", diagram, flags=re.MULTILINE))
    assert drawn == {(str(state), str(to)) for state, after in NEXT_STATES.items() for to in after}


def test_every_exit_code_is_explained() -> None:
    told = [int(code) for code in re.findall(r"^\| (\d) \|", OPERATIONS, flags=re.MULTILINE)]
    assert told == [code.value for code in ExitCode]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_a_document_names_exists(document: str) -> None:
    text = (PROJECT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", text, flags=re.MULTILINE))
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert named <= set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_a_document_points_at_exists(document: str) -> None:
    text = (PROJECT / document).read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)#:]+)\)|src(?:set)?=\"([^\":]+)\"", text)
    named = re.findall(r"`((?:bot|handlers|generation|storage|sandbox|tests)/[\w./]*)`", text)
    beside = (PROJECT / document).parent
    missing = [path for path in map("".join, linked) if not (beside / path).exists()]
    missing += [path for path in named if not (PROJECT / path).exists()]
    assert not missing, f"{document} points at {missing}"


@pytest.mark.parametrize(
    "lock", ["requirements.txt", "requirements-dev.txt", "requirements-audit.txt"]
)
def test_a_lock_names_no_index_and_no_address(lock: str) -> None:
    text = (PROJECT / lock).read_text(encoding="utf-8")
    assert "--hash=sha256:" in text
    assert not re.search(r"https?://|--(?:extra-)?index-url|--find-links|@ file", text)
