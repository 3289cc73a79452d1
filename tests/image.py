"""Checks the container's image: its files, a video, its health check and its stop.

    python -m tests.image [NAME]

The image was built by `deploy/build-image`, without a Docker engine. This runs as root and starts
the image in a chroot, with the sandbox's servers beside it. It prints the first problem and ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from generation.media.child import answer
from sandbox.aimlapi import AimlApiSandbox
from sandbox.telegram import TelegramSandbox
from tests.flows.predicates import shows_video
from tests.generation.media.images.quarters import save_kind
from tests.generation.media.videos.films import LIMIT, Film

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MEGABYTES = 150
"""Allowed size above that of its base image, unpacked."""
BASE = "localhost/debian-python:trixie"
TOOLS = ("gcc", "cc", "g++", "clang", "make", "ld", "as", "git")
OPERATOR, USER = 900_001, 10_001
STATE = "/state"
"""The data folder in the container: at /data, buildah gives each process its own volume."""
BUILDAH = ("buildah", "--storage-driver", "vfs")
ENVIRONMENT = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
SECONDS = 60
FILMS = (
    Film("h264.mp4"), Film("h265.mp4", video="libx265"), Film("mp3.mp4", sound="libmp3lame"),
    Film("vp8.webm", video="libvpx", sound="libopus"),
    Film("vp9.webm", video="libvpx-vp9", sound="libopus"),
    Film("av1.webm", video="libsvtav1", sound="libopus"),
    Film("prores.mov", video="prores_ks", sound="pcm_s16le", pixels="yuv422p10le"),
)  # fmt: skip
PICTURES = ("JPEG", "PNG", "WEBP", "HEIF")
LOADS = (
    "import importlib, pathlib;"
    "paths = [path for floor in ('bot', 'handlers', 'generation', 'storage')"
    " for path in pathlib.Path(floor).rglob('*.py') if path.stem not in ('__init__', 'demo')];"
    "print(len([importlib.import_module('.'.join(path.with_suffix('').parts)) for path in paths]))"
)
"""Imports all modules but the demo, whose servers are not in the image."""
ANSWERS = (
    "import json, sys; from generation.media.child import answer;"
    "print(json.dumps([answer(order) for order in json.loads(sys.argv[1])]))"
)


class Wrong(Exception):
    """The image is not as it should be."""


def buildah(*words: str) -> str:
    """Run buildah and return its output."""
    done = subprocess.run(  # noqa: S603 - words of this file
        [*BUILDAH, *words], env=ENVIRONMENT, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@contextmanager
def container(image: str) -> Iterator[tuple[str, Path]]:
    """Create a container; yield its name and the folder of its files."""
    name = buildah("from", "--pull-never", image)
    try:
        yield name, Path(buildah("mount", name))
    finally:
        buildah("rm", name)


def megabytes(folder: Path) -> float:
    """Return the size of a folder."""
    files = (path.lstat() for path in folder.rglob("*"))
    return sum(file.st_size for file in files) / 1e6


def check_size(image: float, base: float) -> None:
    """Check the size of the image."""
    print(f"{image - base:.0f} MB over its base of {base:.0f} MB")
    if image - base > MAX_MEGABYTES:
        raise Wrong(f"that is more than {MAX_MEGABYTES} MB")


def check_config(config: dict[str, Any]) -> None:
    """Check the configuration of the image."""
    if config["User"] != str(USER):
        raise Wrong(f"it runs as {config['User'] or 'root'}")
    if config["Cmd"] != ["python", "-m", "bot", "run"]:
        raise Wrong(f"it starts {config['Cmd']}, and a signal may not arrive")
    if config["Healthcheck"]["Test"] != ["CMD", "python", "-m", "bot", "healthcheck"]:
        raise Wrong("nobody asks for its health")


def check_files(root: Path) -> None:
    """Check that the image holds no development files and no build tools."""
    for name in ("sandbox", "tests", ".git", ".env", ".env.example"):
        if (root / "app" / name).exists():
            raise Wrong(f"it holds {name}")
    found = [tool for tool in TOOLS for bin_ in root.glob("usr/*bin") if (bin_ / tool).exists()]
    if found:
        raise Wrong(f"it holds tools to build with: {found}")


def command(name: str, data: Path, *words: str, **settings: str) -> list[str]:
    """Return the command that runs `words` in a container as its user, with a data folder."""
    settings["DATA_DIR"] = STATE
    given = [word for key, value in settings.items() for word in ("--env", f"{key}={value}")]
    return [
        *BUILDAH,
        "run",
        "--user",
        "bot",
        "--volume",
        f"{data}:{STATE}",
        *given,
        name,
        "--",
        *words,
    ]


async def says(name: str, data: Path, *words: str) -> str:
    """Run a command in a container and return its output."""
    running = await asyncio.create_subprocess_exec(
        *command(name, data, *words), env=ENVIRONMENT, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await running.communicate()
    if running.returncode:
        raise Wrong(f"{' '.join(words)} ends with {running.returncode}")
    return said.decode().strip()


async def try_out(name: str, data: Path) -> None:
    """Order a video and statistics, check the health, and stop the bot."""
    if (user := await says(name, data, "id", "-u")) == "0":
        raise Wrong("it runs as root")
    print(f"user {user}, {await says(name, data, 'python', '-c', LOADS)} modules load")
    await read_all(name, data)
    async with TelegramSandbox() as telegram, AimlApiSandbox(key="image") as provider:
        provider.render_seconds = 0.1
        settings = {
            "TELEGRAM_BOT_TOKEN": telegram.token, "TELEGRAM_API_URL": telegram.url,
            "AIMLAPI_KEY": provider.key, "AIMLAPI_URL": provider.url,
            "ADMIN_IDS": str(OPERATOR), "POLL_INTERVAL_SECONDS": "0.2", "UNDO_SECONDS": "0",
        }  # fmt: skip
        starts = command(name, data, "python", "-m", "bot", "run", **settings)
        bot = await asyncio.create_subprocess_exec(*starts, env=ENVIRONMENT)
        try:
            await use(name, data, telegram)
        finally:
            with suppress(OSError, ValueError):
                os.kill(int((data / "lock").read_text()), signal.SIGTERM)
            code = await asyncio.wait_for(bot.wait(), SECONDS)
        if code:
            raise Wrong(f"asked to stop, it ends with {code}")


def orders(folder: str, whose: str) -> list[dict[str, Any]]:
    """Return media jobs that read every format; their output files have the suffix `whose`."""
    films = [f"{folder}/{film.name}" for film in FILMS]
    jobs: list[tuple[str, dict[str, Any]]] = []
    for film in films:
        frame = {"source": film, "target": f"{film}.{whose}", "last": True}
        jobs += [("probe_video", {"source": film}), ("draw_frame", frame)]
    for kind in PICTURES:
        files = {"source": f"{folder}/{kind}", "target": f"{folder}/{kind}.{whose}"}
        jobs.append(("fit_picture", {**files, "width": 320, "height": 180, "pad": False}))
    joined = f"{folder}/joined.mp4.{whose}"
    jobs += [("join_videos", {"sources": films, "target": joined, "limit": LIMIT}),
             ("probe_video", {"source": joined})]  # fmt: skip
    return [{"job": job, "arguments": arguments} for job, arguments in jobs]


async def read_all(name: str, data: Path) -> None:
    """Check that the trimmed packages in the image read every format like the complete ones."""
    for film in FILMS:
        film.make(data)
    for kind in PICTURES:
        save_kind(data / kind, kind)
    given = json.dumps(orders(STATE, "image"))
    compare(data, json.loads(await says(name, data, "python", "-c", ANSWERS, given)))
    print("it reads every format as it should")


def compare(data: Path, answers: list[dict[str, Any]]) -> None:
    """Check that the jobs have the same results as on this machine."""
    for order, given in zip(orders(str(data), "whole"), answers, strict=True):
        expected = answer(order)
        if given != expected or "result" not in given:
            raise Wrong(f"{order['job']} of {order['arguments']}: {given} and not {expected}")
    for whole in data.glob("*.whole"):
        if whole.read_bytes() != whole.with_suffix(".image").read_bytes():
            raise Wrong(f"it makes another file of {whole.stem}")


async def use(name: str, data: Path, telegram: TelegramSandbox) -> None:
    """Use the bot as an operator who tries it."""
    await telegram.wait_for_call("getUpdates")
    owner = telegram.person("Owner", user_id=OPERATOR)
    chat = telegram.private(owner)
    await chat.send(owner, "/video a cat")
    await chat.wait(shows_video("a cat"), timeout=SECONDS)
    await chat.send(owner, "/stats")
    await chat.wait(lambda one: bool(one.photo), timeout=SECONDS)
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                await says(name, data, "python", "-m", "bot", "healthcheck")
            except Wrong:
                await asyncio.sleep(1)  # the heartbeat is written every fifteen seconds
            else:
                break
    print("it made a video, drew its figures, and is healthy")


def main(image: str) -> int:
    """Check an image; return the exit code."""
    try:
        with container(image) as (name, root), container(BASE) as (_, base):
            check_size(megabytes(root), megabytes(base))
            check_config(
                json.loads(buildah("inspect", "--type", "image", image))["Docker"]["config"]
            )
            check_files(root)
            with TemporaryDirectory() as data:
                os.chown(data, USER, USER)
                asyncio.run(try_out(name, Path(data)))
    except Wrong as wrong:
        print(f"{image}: {wrong}", file=sys.stderr)
        return 1
    print(f"{image} is as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "telegram-video-bot"))
