"""What an image needs of installed packages: the rest, more than half of it, goes.

    python trim.py FOLDER

Tests, headers, sample data, other languages' calendars, symbols for debuggers, and the empty pages
between the segments of libraries that were patched. It runs where the image is built, and nowhere
else; the image that comes of it is started, and draws, in `tests/image.py`.
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
    "**/include",
    # matplotlib draws pixels alone: of this it takes the names of letters
    "fontTools/[b-l]*", "fontTools/[n-z]*",
    "matplotlib/backends/web_backend", "matplotlib/mpl-data/sample_data",
    "matplotlib/mpl-data/fonts/afm", "matplotlib/mpl-data/fonts/pdfcorefonts",
    "numpy/f2py",
    # AVIF is none of the formats that are opened
    "PIL/_avif*", "pillow.libs/libavif*",
)  # fmt: skip
FONTS = "matplotlib/mpl-data/fonts/ttf/*.ttf"
KEPT_FONTS = ("DejaVuSans", "LastResort")
LOCALES = "babel/locale-data/*.dat"
KEPT_LOCALES = ("root", "en")
"""With every language that has a catalogue in `handlers/replies`."""
X86_64, SHARED = 62, 3
PAGE = 0x1000
LOAD = 1
HEADER, SEGMENT = struct.Struct("<16sHHIQQQIHHHHHH"), struct.Struct("<IIQQQQQQ")


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
    for library in [*folder.rglob("*.so"), *folder.rglob("*.so.*")]:
        if library.is_file() and (packed := repacked(library.read_bytes())) is not None:
            library.write_bytes(packed)


def repacked(library: bytes) -> bytes | None:
    """Return a library with its segments side by side and nothing beside them.

    What loads it reads segments only. None where it is of another kind of machine, whose pages may
    be larger.
    """
    head = HEADER.unpack_from(library)
    if head[0][:5] != b"\x7fELF\x02" or head[1] != SHARED or head[2] != X86_64:
        return None
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
