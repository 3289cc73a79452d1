"""Converts Telegram's HTML to plain text with entities and back; offsets in UTF-16 units."""

from __future__ import annotations

import html
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.telegram.errors import bad_request

if TYPE_CHECKING:
    from collections.abc import Iterable

Entity = dict[str, Any]

_SIMPLE = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_KNOWN = frozenset(_SIMPLE) | {"a", "span", "tg-emoji", "tg-time"}
_REFERENCE = re.compile(r"&(?:lt|gt|amp|quot|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[a-zA-Z][\w-]*)(?P<rest>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>"
)
_ATTRIBUTE = re.compile(
    r"\s*(?P<name>[\w-]+)(?:\s*=\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[\w./:-]+)))?"
)


def utf16_length(text: str) -> int:
    """Return the length of a text as Telegram counts it: in UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


def utf16_slice(text: str, offset: int, length: int) -> str:
    """Return the part of a text that an entity covers."""
    return text.encode("utf-16-le")[offset * 2 : (offset + length) * 2].decode(
        "utf-16-le", "replace"
    )


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """Return the plain text and its entities.

    Raises:
        ApiError: 400 "can't parse entities" with the byte offset of the error.
    """
    return _Reader(source).read()


@dataclass(slots=True)
class _Open:
    tag: str
    start: int
    attributes: dict[str, str]


@dataclass(slots=True)
class _Reader:
    """Parses the source in one pass; ``written`` is the text's length so far in UTF-16 units."""

    source: str
    out: list[str] = field(default_factory=list)
    written: int = 0
    open: list[_Open] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)

    def read(self) -> tuple[str, list[Entity]]:
        at = 0
        while at < len(self.source):
            if self.source[at] == "<":
                at = self._tag(at)
                continue
            following = self.source.find("<", at)
            following = len(self.source) if following < 0 else following
            self._write(_REFERENCE.sub(_unescape, self.source[at:following]))
            at = following
        if self.open:
            raise _wrong(f'Can\'t find end tag corresponding to start tag "{self.open[-1].tag}"')
        return "".join(self.out), sorted(self.entities, key=lambda e: (e["offset"], -e["length"]))

    def _write(self, text: str) -> None:
        self.out.append(text)
        self.written += utf16_length(text)

    def _tag(self, at: int) -> int:
        offset = len(self.source[:at].encode())
        found = _TAG.match(self.source, at)
        if found is None:
            raise self._broken(at, offset)
        name = found["name"].lower()
        if found["end"]:
            self._close(name, offset)
            return found.end()
        if name not in _KNOWN:
            raise _wrong(f'Unsupported start tag "{name}" at byte offset {offset}')
        attributes = {
            a["name"].lower(): html.unescape(a["double"] or a["single"] or a["bare"] or "")
            for a in _ATTRIBUTE.finditer(found["rest"])
        }
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise _wrong(f'Tag "span" must have class "tg-spoiler" at byte offset {offset}')
        self.open.append(_Open(name, self.written, attributes))
        return found.end()

    def _broken(self, at: int, offset: int) -> Exception:
        name = re.match(r"</?([^\s<>/]*)", self.source[at:])
        shown = name[1].lower() if name else ""
        if self.source.find(">", at) < 0 and shown in _KNOWN:
            return _wrong(f'Unclosed start tag "{shown}" at byte offset {offset}')
        return _wrong(f'Unsupported start tag "{shown}" at byte offset {offset}')

    def _close(self, name: str, offset: int) -> None:
        if not self.open:
            raise _wrong(f"Unexpected end tag at byte offset {offset}")
        opened = self.open.pop()
        if opened.tag != name:
            raise _wrong(
                f"Unmatched end tag at byte offset {offset}, "
                f'expected "</{opened.tag}>", found "</{name}>"'
            )
        length = self.written - opened.start
        if length:
            self._add(opened, length)

    def _add(self, opened: _Open, length: int) -> None:
        entity: Entity = {"offset": opened.start, "length": length}
        given = opened.attributes
        match opened.tag:
            case "a":
                url = given.get("href") or utf16_slice("".join(self.out), opened.start, length)
                if not _is_link(url):
                    return
                entity |= {"type": "text_link", "url": url}
            case "span":
                entity["type"] = "spoiler"
            case "tg-emoji":
                entity |= {"type": "custom_emoji", "custom_emoji_id": given.get("emoji-id", "")}
            case "tg-time":
                entity |= _date_time(given)
            case "blockquote" if "expandable" in given:
                entity["type"] = "expandable_blockquote"
            case "code" if self._names_language(opened):
                return
            case tag:
                entity["type"] = _SIMPLE[tag]
        if opened.tag == "pre" and "language" in given:
            entity["language"] = given["language"]
        self.entities.append(entity)

    def _names_language(self, opened: _Open) -> bool:
        """Move the class of ``<pre><code class="language-…">`` to the pre around it."""
        around = self.open[-1] if self.open else None
        named = opened.attributes.get("class", "")
        if around is None or around.tag != "pre" or not named.startswith("language-"):
            return False
        around.attributes["language"] = named.removeprefix("language-")
        return True


def _date_time(given: dict[str, str]) -> Entity:
    if not given.get("unix", "").isdigit():
        raise _wrong('Tag "tg-time" must have a valid attribute "unix"')
    entity: Entity = {"type": "date_time", "unix_time": int(given["unix"])}
    if given.get("format"):
        entity["date_time_format"] = given["format"]
    return entity


_FORMAT = re.compile(r"r|w?[dD]?[tT]?")
_MAX_DATE_DISTANCE = 3 * 366 * 86_400
"""Seconds from now within which the server accepts a date."""


def check_dates(entities: Iterable[Entity]) -> None:
    """Check date_time entities as the server does.

    Raises:
        ApiError: 400 for a date without a time, with an unknown format, or years away.
    """
    for entity in entities:
        if entity["type"] != "date_time":
            continue
        at, shown = entity.get("unix_time"), entity.get("date_time_format", "")
        if not at:
            raise _wrong("a date_time entity must have a field unix_time")
        if not _FORMAT.fullmatch(shown):
            raise _wrong(f"invalid date_time_format {shown!r}")
        if abs(at - time.time()) > _MAX_DATE_DISTANCE:
            raise bad_request("ENTITY_DATE_INVALID")


def _is_link(url: str) -> bool:
    """Whether Telegram keeps this address; it silently drops others."""
    return re.match(r"(?:https?://|tg://|mailto:|tel:)?[^\s/]+\.\S+|tg://\S+", url) is not None


def _unescape(found: re.Match[str]) -> str:
    return html.unescape(found[0])


def _wrong(reason: str) -> Exception:
    return bad_request(f"can't parse entities: {reason}")


_FOUND = re.compile(
    r"(?P<bot_command>(?<![\w/<>])/[a-zA-Z0-9_]{1,64}(?:@\w{3,32})?(?![\w/@<>]))"
    r"|(?P<mention>(?<![\w@])@[a-zA-Z]\w{3,31}\b)"
    r"|(?P<url>https?://[^\s<>\"]+)"
)


def detect_entities(text: str) -> list[Entity]:
    """Return the commands, mentions and URLs that Telegram marks by itself."""
    return [
        {
            "type": found.lastgroup,
            "offset": utf16_length(text[: found.start()]),
            "length": utf16_length(found[0]),
        }
        for found in _FOUND.finditer(text)
    ]


def add_detected(text: str, entities: Iterable[Entity]) -> list[Entity]:
    """Return the given entities and the detected ones that overlap no code and no link."""
    given = list(entities)
    closed = [e for e in given if e["type"] in {"code", "pre", "text_link", "url", "mention"}]
    found = [
        entity
        for entity in detect_entities(text)
        if not any(
            entity["offset"] < e["offset"] + e["length"]
            and e["offset"] < entity["offset"] + entity["length"]
            for e in closed
        )
    ]
    return sorted(given + found, key=lambda e: (e["offset"], -e["length"]))


def strip_text(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Strip white space off both ends, as the server does, and shift the entities."""
    bare = text.strip()
    if bare == text:
        return text, entities
    skipped = utf16_length(text[: len(text) - len(text.lstrip())])
    end = utf16_length(bare)
    moved = []
    for entity in entities:
        start = max(entity["offset"] - skipped, 0)
        stop = min(entity["offset"] + entity["length"] - skipped, end)
        if stop > start:
            moved.append({**entity, "offset": start, "length": stop - start})
    return bare, moved


_TAGS = {
    "bold": "b",
    "italic": "i",
    "underline": "u",
    "strikethrough": "s",
    "spoiler": "tg-spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}


def to_html(text: str, entities: list[Entity]) -> str:
    """Return the text as HTML; commands, mentions and plain URLs stay as they are."""
    starts: dict[int, list[str]] = {}
    ends: dict[int, list[str]] = {}
    for entity in entities:
        opening, closing = _tags(entity)
        starts.setdefault(entity["offset"], []).append(opening)
        ends.setdefault(entity["offset"] + entity["length"], []).insert(0, closing)
    out, at = [], 0
    for character in text:
        out += ends.pop(at, []) + starts.pop(at, [])
        out.append(html.escape(character, quote=False))
        at += utf16_length(character)
    return "".join(out + ends.pop(at, []))


def _tags(entity: Entity) -> tuple[str, str]:
    match entity["type"]:
        case "text_link":
            return f'<a href="{html.escape(entity["url"])}">', "</a>"
        case "expandable_blockquote":
            return "<blockquote expandable>", "</blockquote>"
        case "date_time":
            shown = entity.get("date_time_format")
            shape = f' format="{shown}"' if shown else ""
            return f'<tg-time unix="{entity["unix_time"]}"{shape}>', "</tg-time>"
        case kind if kind in _TAGS:
            return f"<{_TAGS[kind]}>", f"</{_TAGS[kind]}>"
    return "", ""
