"""Whatever is said in a chat stands in the template that translations are made from."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

from handlers.attachments import UNMOUNTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROJECT = Path(__file__).parents[2]
TEMPLATE = PROJECT / "handlers" / "replies" / "texts.pot"
KEYWORDS = DEFAULT_KEYWORDS | {"N_": None}
WORDS = re.compile(r"[a-z]{2,} +\S*[a-z]{2,}", re.IGNORECASE)
"""Two words one after the other: no name, no key, no unit."""
UNSAID = {
    # what Telegram says
    "no text in the message", "not modified", "temporarily unavailable", "too large",
    # what is written into the log
    "an admin's menu", "nobody can be told", "that somebody is no admin", "the chat is now ",
    "the description", "the short description", "it cannot be put into words", UNMOUNTED,
    # what only the code reads
    "first tap", "shows videos until",
}  # fmt: skip
"""Words that no chat sees, nor a place where `logger` or `raise` would show that."""


def test_the_template_holds_every_text() -> None:
    found = set[str | tuple[str, ...]]()
    for floor in ("handlers", "bot"):
        for _, _, text, _, _ in extract_from_dir(PROJECT / floor, keywords=KEYWORDS):
            found.add(text[:2] if isinstance(text, tuple) else text)
    with TEMPLATE.open("rb") as file:
        written = {message.id for message in read_po(file) if message.id}
    assert written == found, "run `make texts`"


def test_babel_finds_every_text_that_gettext_is_asked_for() -> None:
    """It does not look into f-strings."""
    with TEMPLATE.open("rb") as file:
        written = {text for message in read_po(file) for text in _ids(message.id)}
    asked = {
        str(call.args[0].value)
        for path in (PROJECT / "handlers").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant)
        and ast.unparse(call.func).rpartition(".")[2] in {"_", "N_", "gettext", "ngettext"}
    }  # fmt: skip
    assert asked - written == set()


def _ids(text: str | tuple[str, ...] | list[str]) -> Iterable[str]:
    return (text,) if isinstance(text, str) else text


def test_no_words_reach_a_chat_around_gettext() -> None:
    around = [
        f"{path.relative_to(PROJECT)}:{line}: {text}"
        for path in sorted((PROJECT / "handlers").rglob("*.py"))
        for line, text in said(ast.parse(path.read_text(encoding="utf-8")))
        # the arguments of commands are written the same in every language
        if WORDS.search(text) and text not in UNSAID and not text.isupper()
    ]
    assert around == []


def said(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the literals that are no docstring, no error, no log line, and no translated text."""
    left_out = set[ast.AST]()
    for node in ast.walk(tree):
        if is_unsaid(node):
            left_out.update(ast.walk(node))
        elif isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            left_out.update(ast.walk(node.annotation))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in left_out:
            yield node.lineno, node.value


def is_unsaid(node: ast.AST) -> bool:
    """Whether nobody in a chat reads what stands in here as it stands."""
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        return called.split(".")[-1] in KEYWORDS or called.startswith(("logger.", "re."))
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or isinstance(node, ast.Raise)
