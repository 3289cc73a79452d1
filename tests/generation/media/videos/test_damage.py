"""Files that are no video, damaged ones, and a disk that is full."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import av
import pytest

from generation.media.formats import MediaFailed
from generation.media.videos import NotAVideo, first_frame, prepare
from tests.generation.media.videos.films import LIMIT, Film, copy_of
from tests.generation.media.videos.inspection import files

if TYPE_CHECKING:
    from pathlib import Path

    from generation.media.pool import MediaProcesses


def damaged(film: bytes, how: str) -> bytes:
    """Damage a film so that not one frame is left, or it never was one."""
    data = film.index(b"mdat") + 4
    return {
        "empty": b"",
        "text": b"<html>Gateway timeout</html>",
        "playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n",
        "concat": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        "only its type": film[:32],
        "a few bytes": b"ftyp",
        "a page": b"<!doctype html><title>Sign in</title>" + bytes(2000),
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(2000),
        "a photo": b"\0\0\0\x18ftypheic" + bytes(2000),
        "an old film": b"RIFF\0\0\0\0AVI " + bytes(2000),
        "no data": film[:data],
        "zeros for data": film[:data] + bytes(len(film) - data),
        "no index": film[:32] + film[data - 8 :],
    }[how]


@pytest.mark.parametrize(
    "how",
    [
        "empty",
        "text",
        "playlist",
        "concat",
        "only its type",
        "a few bytes",
        "a page",
        "a picture",
        "a photo",
        "an old film",
        "no data",
        "zeros for data",
        "no index",
    ],
)
async def test_what_shows_not_one_frame_is_no_video(
    media: MediaProcesses, shelf: Path, tmp_path: Path, how: str
) -> None:
    source = copy_of(shelf, Film(), tmp_path)
    source.write_bytes(damaged(source.read_bytes(), how))
    with pytest.raises(NotAVideo):
        await prepare(media, source, tmp_path, limit=LIMIT)
    with pytest.raises(NotAVideo):
        await first_frame(media, source, tmp_path / "first.jpg")
    assert files(tmp_path) == [source]


async def test_sound_alone_is_no_video(media: MediaProcesses, shelf: Path, tmp_path: Path) -> None:
    whole = copy_of(shelf, Film(), tmp_path)
    source = tmp_path / "sound.mp4"
    with av.open(str(whole)) as container, av.open(str(source), "w") as output:
        sound = container.streams.audio[0]
        copy = output.add_stream_from_template(sound)
        for packet in container.demux(sound):
            if packet.dts is not None:
                packet.stream = copy
                output.mux(packet)
    with pytest.raises(NotAVideo):
        await prepare(media, source, tmp_path, limit=LIMIT)


@pytest.mark.parametrize(
    ("film", "broken"), [(Film(dark=30), slice(1)), (Film(dark=1), slice(1, None))]
)
async def test_a_video_with_a_frame_that_shows_is_sent_with_one(
    media: MediaProcesses, shelf: Path, tmp_path: Path, film: Film, broken: slice
) -> None:
    source = copy_of(shelf, film, tmp_path)
    with av.open(str(source)) as container:
        packets = [(one.pos, one.size) for one in container.demux(video=0) if one.size]
    content = bytearray(source.read_bytes())
    for at, size in packets[broken]:
        content[at or 0 : (at or 0) + size] = bytes(size)
    source.write_bytes(content)
    result = await prepare(media, source, tmp_path, limit=LIMIT)
    assert (result.kind, result.thumbnail is None) == ("video", False)


async def test_random_damage_never_harms(
    media: MediaProcesses, shelf: Path, tmp_path: Path
) -> None:
    source = copy_of(shelf, Film(), tmp_path)
    whole = source.read_bytes()
    for seed in range(40):
        chance, content = random.Random(seed), bytearray(whole)
        for _ in range(chance.randint(1, 30)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        source.write_bytes(content)
        try:
            result = await prepare(media, source, tmp_path, limit=LIMIT)
        except (NotAVideo, MediaFailed):
            continue
        assert result.path.stat().st_size == result.size


async def test_a_full_disk_is_not_the_videos_fault(
    media: MediaProcesses, shelf: Path, tmp_path: Path
) -> None:
    source = copy_of(shelf, Film("silent.mp4", sound=None), tmp_path)
    (tmp_path / "silent.sendable.mp4").symlink_to("/dev/full")
    with pytest.raises(MediaFailed):
        await prepare(media, source, tmp_path, limit=LIMIT)
    assert source.exists()
