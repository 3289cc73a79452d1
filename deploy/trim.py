"""What an image needs of installed packages: the rest, two thirds of it, goes.

    python trim.py FOLDER CATALOGUES

Tests, headers, sample data, other languages' calendars, symbols for debuggers, and the empty pages
between the segments of libraries that were patched. FFmpeg and libheif load encoders and protocols
that the bot has no use for; what takes their place has the same names, and does nothing. It runs
where the image is built, and nowhere else; the image that comes of it is started, draws, and reads
every format, in `tests/image.py`.
"""

from __future__ import annotations

import shutil
import struct
import sys
from pathlib import Path

UNUSED = (
    "bin",
    "**/tests",
    "**/*.pyi", "**/*.pxd", "**/*.pyx", "**/*.h", "**/*.c", "**/*.cpp", "**/*.a",
    "**/include", "**/*.dist-info/RECORD",
    # matplotlib draws pixels alone: of this it takes the names of letters
    "fontTools/[b-l]*", "fontTools/[n-z]*",
    "matplotlib/backends/web_backend", "matplotlib/mpl-data/sample_data",
    "matplotlib/mpl-data/fonts/afm", "matplotlib/mpl-data/fonts/pdfcorefonts",
    "matplotlib/backends/*backend_[b-z]*", "matplotlib/backends/_tk*", "matplotlib/backends/qt_*",
    # and numbers in rows
    "numpy/f2py", "numpy/random", "numpy/fft", "numpy/polynomial", "numpy/_core/_simd*",
    "matplotlib/_qhull*", "matplotlib/sphinxext", "matplotlib/testing",
    # the classes of another version
    "pydantic/v1",
    # AVIF is none of the formats that are opened
    "PIL/_avif*", "pillow.libs/libavif*",
)  # fmt: skip
FONTS = "matplotlib/mpl-data/fonts/ttf/*.ttf"
KEPT_FONTS = ("DejaVuSans.", "DejaVuSans-Bold.", "LastResort")
LOCALES = "babel/locale-data/*.dat"
KEPT_LOCALES = ("root", "en")
"""With every language that has a catalogue in `handlers/replies`."""
MIXED = ("av.libs", "pillow_heif.libs")
KEPT_LIBRARIES = (
    "libav", "libsw", "libx264", "libdav1d", "libopus", "libopencore", "libheif", "libde265"
)  # fmt: skip
"""FFmpeg, libheif, and what they read and write by another's code of the formats in
`generation/media/formats.py`."""
X86_64, SHARED = 62, 3
PAGE = 0x1000
LOAD = 1
DYNAMIC, STACK = 2, 0x6474E551
READ, WRITE, RUN = 4, 2, 1
NOTES = 6
OBJECT, FUNCTION = 1, 2
GLOBAL = 1
SYMTAB = 6
TABLES = (SYMTAB, 5, 4, 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFC)
"""Of the loader's notes, those that lead to a table: symbols, names, hashes, versions."""
TOLD = (10, 11, 14, 0x6FFFFFFD)
"""The sizes that go with them, the library's own name, how many versions there are."""
RETURN_ZERO = bytes.fromhex("31c0c3")
HEADER, SEGMENT = struct.Struct("<16sHHIQQQIHHHHHH"), struct.Struct("<IIQQQQQQ")
SECTION, SYMBOL, TAG = struct.Struct("<IIQQQQIIQQ"), struct.Struct("<IBBHQQ"), struct.Struct("<QQ")


def trim(folder: Path, locales: tuple[str, ...] = KEPT_LOCALES) -> None:
    """Remove from packages what a running bot never reads."""
    for pattern in UNUSED:
        for path in [*folder.glob(pattern)]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    for font in folder.glob(FONTS):
        if not font.name.startswith(KEPT_FONTS):
            font.unlink()
    for data in folder.glob(LOCALES):
        if data.stem.split("_")[0] not in locales:
            data.unlink()
    for library in folder.rglob("*.so*"):
        if is_packable(content := library.read_bytes()):
            unused = library.parent.name in MIXED and not library.name.startswith(KEPT_LIBRARIES)
            library.write_bytes(replaced(content) if unused else repacked(content))


def is_packable(library: bytes) -> bool:
    """Tell whether it is a library, of the kind of machine whose pages are the smallest."""
    return library[:5] == b"\x7fELF\x02" and HEADER.unpack_from(library)[1:3] == (SHARED, X86_64)


def replaced(library: bytes) -> bytes:
    """Return a library with the names of another, whose functions return zero and do nothing."""
    head = HEADER.unpack_from(library)
    sections = [SECTION.unpack_from(library, head[6] + n * SECTION.size) for n in range(head[12])]
    places = {address: (start, size) for _, _, _, address, start, size, *_ in sections}
    start, size = next((one[4], one[5]) for one in sections if one[1] == NOTES)
    notes = dict(TAG.iter_unpack(library[start : start + size]))
    kept = {tag: notes[tag] for tag in TOLD if tag in notes}
    # pages to read and to run; then one to write: the loader's notes, and room for each variable
    code = HEADER.size + 4 * SEGMENT.size
    packed = bytearray(code) + RETURN_ZERO
    for tag in TABLES:
        if tag in notes:
            start, size = places[notes[tag]]
            packed += bytes(-len(packed) % 8)
            kept[tag] = len(packed)
            packed += library[start : start + size]
    packed += bytes(-len(packed) % PAGE)
    written = len(packed)
    packed += b"".join(TAG.pack(*one) for one in (*kept.items(), (0, 0)))
    room = 0
    for at in range(kept[SYMTAB], kept[SYMTAB] + places[notes[SYMTAB]][1], SYMBOL.size):
        name, info, other, section, _, size = SYMBOL.unpack_from(packed, at)
        if section and info >> 4 != GLOBAL:
            # others have a copy of it, and a better one
            SYMBOL.pack_into(packed, at, name, info, other, 0, 0, 0)
        elif section:
            kind, place = (OBJECT, len(packed)) if info & 0xF == OBJECT else (FUNCTION, code)
            SYMBOL.pack_into(packed, at, name, GLOBAL << 4 | kind, other, section, place, size)
            room = max(room, size)
    size = len(packed) - written
    segments = (
        (LOAD, READ | RUN, 0, 0, 0, written, written, PAGE),
        (LOAD, READ | WRITE, written, written, written, size, size + room, PAGE),
        (DYNAMIC, READ | WRITE, written, written, written, size, size, 8),
        (STACK, READ | WRITE, 0, 0, 0, 0, 0, 16),
    )
    packed[HEADER.size : code] = b"".join(SEGMENT.pack(*one) for one in segments)
    HEADER.pack_into(packed, 0, *head[:4], 0, HEADER.size, 0, *head[7:10], len(segments), 0, 0, 0)
    return bytes(packed)


def repacked(library: bytes) -> bytes:
    """Return a library with its segments side by side and nothing beside them.

    What loads it reads segments only.
    """
    head = HEADER.unpack_from(library)
    table, count = head[5], head[10]
    segments = [[*SEGMENT.unpack_from(library, table + n * SEGMENT.size)] for n in range(count)]
    loads = sorted((one for one in segments if one[0] == LOAD), key=lambda one: one[2])
    packed = bytearray()
    places = list[tuple[int, int, int]]()
    for load in loads:
        start, address, size = load[2], load[3], load[5]
        place = len(packed) + (address - len(packed)) % PAGE if packed else start
        packed += bytes(place - len(packed)) + library[start : start + size]
        places.append((start, size, place))

    def moved(offset: int) -> int:
        inside = [place - start for start, size, place in places if start <= offset < start + size]
        return offset + inside[0] if inside else offset

    for number, segment in enumerate(segments):
        segment[2] = moved(segment[2])
        if segment[0] == LOAD:
            segment[7] = PAGE
        SEGMENT.pack_into(packed, moved(table) + number * SEGMENT.size, *segment)
    # no table of sections: debuggers read it
    HEADER.pack_into(packed, 0, *head[:5], moved(table), 0, *head[7:11], 0, 0, 0)
    return bytes(packed)


if __name__ == "__main__":
    languages = {file.parent.parent.name for file in Path(sys.argv[2]).glob("**/LC_MESSAGES/*.mo")}
    trim(Path(sys.argv[1]), (*KEPT_LOCALES, *languages))
