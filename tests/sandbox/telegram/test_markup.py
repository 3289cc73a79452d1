"""HTML becomes text and entities as Telegram counts them, and HTML again."""

from __future__ import annotations

import html
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.telegram.errors import ApiError
from sandbox.telegram.markup import (
    add_detected,
    detect_entities,
    parse_html,
    strip_text,
    to_html,
    utf16_length,
    utf16_slice,
)


def _entity(kind: str, offset: int, length: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length, **more}


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("plain &amp; simple &lt;3", "plain & simple <3", []),
        ("&nbsp; stays", "&nbsp; stays", []),
        ("<b>bold</b>", "bold", [_entity("bold", 0, 4)]),
        ("<strong>a</strong><em>b</em>", "ab", [_entity("bold", 0, 1), _entity("italic", 1, 1)]),
        ("<u>a</u><s>b</s>", "ab", [_entity("underline", 0, 1), _entity("strikethrough", 1, 1)]),
        ("😀 <i>a</i>", "😀 a", [_entity("italic", 3, 1)]),
        ("<b>a<i>b</i></b>", "ab", [_entity("bold", 0, 2), _entity("italic", 1, 1)]),
        (
            '<a href="https://a.example/?x=1&amp;y=2">here</a>',
            "here",
            [_entity("text_link", 0, 4, url="https://a.example/?x=1&y=2")],
        ),
        ('<a href="nonsense">here</a>', "here", []),
        ("<code>x &lt; y</code>", "x < y", [_entity("code", 0, 5)]),
        (
            '<pre><code class="language-py">x</code></pre>',
            "x",
            [_entity("pre", 0, 1, language="py")],
        ),
        ("<tg-spoiler>x</tg-spoiler>", "x", [_entity("spoiler", 0, 1)]),
        ('<span class="tg-spoiler">x</span>', "x", [_entity("spoiler", 0, 1)]),
        ("<blockquote>x</blockquote>", "x", [_entity("blockquote", 0, 1)]),
        (
            "<blockquote expandable>x</blockquote>",
            "x",
            [_entity("expandable_blockquote", 0, 1)],
        ),
        (
            '<tg-time unix="1790000000" format="r">soon</tg-time>',
            "soon",
            [_entity("date_time", 0, 4, unix_time=1790000000, date_time_format="r")],
        ),
        ("<B>x</B>", "x", [_entity("bold", 0, 1)]),
        ("a<b></b>", "a", []),
    ],
)
def test_html_is_read(source: str, text: str, entities: list[dict[str, Any]]) -> None:
    assert parse_html(source) == (text, entities)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_escaped_text_comes_back_as_it_was(text: str) -> None:
    assert parse_html(html.escape(text)) == (text, [])


@given(st.text(alphabet="<>/ab&;\"'= \n", max_size=40))
def test_any_text_is_read_or_refused_and_never_breaks_the_server(source: str) -> None:
    with suppress(ApiError):
        text, entities = parse_html(source)
        assert all(e["offset"] + e["length"] <= utf16_length(text) for e in entities)


_WORDS = st.text(alphabet="ab 😀<&\n", min_size=1, max_size=8)


@given(st.lists(st.tuples(st.sampled_from(["b", "i", "u", "code", "tg-spoiler"]), _WORDS)))
def test_entities_become_the_same_html_again(parts: list[tuple[str, str]]) -> None:
    source = "".join(f"<{tag}>{html.escape(word, quote=False)}</{tag}>" for tag, word in parts)

    assert to_html(*parse_html(source)) == source


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/video a cat", [("bot_command", "/video")]),
        ("/video@film_maker_bot", [("bot_command", "/video@film_maker_bot")]),
        ("😀 ask @ann_lee!", [("mention", "@ann_lee")]),
        ("see https://a.example/x now", [("url", "https://a.example/x")]),
        ("and/or 1/2 mail@example.com", []),
        ("(/help)", [("bot_command", "/help")]),
        ("<b>not bold</b> </help>", []),
    ],
)
def test_commands_mentions_and_links_are_found(text: str, found: list[tuple[str, str]]) -> None:
    seen = [(e["type"], utf16_slice(text, e["offset"], e["length"])) for e in detect_entities(text)]

    assert seen == found


def test_nothing_is_found_inside_code() -> None:
    text, entities = parse_html("<code>/video</code> /help")

    assert [e["type"] for e in add_detected(text, entities)] == ["code", "bot_command"]


def test_white_space_at_both_ends_goes_and_entities_move_along() -> None:
    text, entities = parse_html("\n <b> a </b> b \n")

    assert strip_text(text, entities) == ("a  b", [_entity("bold", 0, 2)])
