"""The container: what is in its image, and what it may use and do."""

from __future__ import annotations

import ast
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import av
import pytest

from deploy.trim import trim

PROJECT = Path(__file__).parents[1]
FLOORS = ("bot", "handlers", "generation", "storage")
DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (PROJECT / "compose.yaml").read_text(encoding="utf-8")
BESIDE = {"tzdata", "sniffio"}
"""What is not imported by name, each with its reason in pyproject.toml."""


def named(requirement: str) -> str:
    """Return the name at the head of a requirement, as an index spells it."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return re.sub(r"[._-]+", "-", found[0]).lower()


def imported() -> set[str]:
    """Return the distributions that the bot imports, but for what only plays its servers."""
    modules = set()
    for floor in FLOORS:
        for path in (PROJECT / floor).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    modules.add(node.module.partition(".")[0])
    # the standard library's types are at hand to whoever checks them, and to nobody else
    modules -= {*sys.stdlib_module_names, "_typeshed"}
    modules -= {*FLOORS, "sandbox", "apscheduler", "pydantic_core"}
    providers = packages_distributions()
    return {named(providers[module][0]) for module in modules}


def locked(lock: str) -> set[str]:
    text = (PROJECT / lock).read_text(encoding="utf-8")
    return {named(line) for line in text.splitlines() if re.match(r"[a-z0-9]", line)}


def test_what_is_required_is_what_the_bot_imports() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {named(one) for one in project["dependencies"]} == imported() | BESIDE


def test_the_lock_holds_all_that_is_required_and_nothing_of_the_sandbox() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    demo = {named(one) for one in project["optional-dependencies"]["demo"]}
    assert locked("requirements.txt") >= imported() | BESIDE
    assert locked("requirements.txt") & demo == set()
    assert locked("requirements-dev.txt") >= locked("requirements.txt") | demo


def test_both_locks_agree() -> None:
    def versions(lock: str) -> set[str]:
        text = (PROJECT / lock).read_text(encoding="utf-8")
        return {line.split(";")[0].strip(" \\") for line in text.splitlines() if "==" in line[:60]}

    assert versions("requirements.txt") <= versions("requirements-dev.txt")


def test_every_stage_is_built_on_one_image_named_by_its_digest() -> None:
    [base] = re.findall(r"^ARG PYTHON=(.+)$", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}", base)
    assert {*re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)} == {"${PYTHON}"}
    assert "syntax=" not in DOCKERFILE, "that would fetch another image, whatever its tag says then"


def test_the_image_holds_the_bot_and_no_sandbox_no_tests_no_secrets() -> None:
    copied = re.findall(r"^COPY (?!--)(\S+) \S+$", DOCKERFILE, re.MULTILINE)
    assert copied == ["requirements.txt", "deploy/trim.py", *FLOORS]
    ignored = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    lines = [line for line in ignored if line and not line.startswith("#")]
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == {*copied}
    assert {".env*", "data", ".git"} <= {*lines}


def test_the_process_is_nobody_s_but_its_own_user() -> None:
    assert re.search(r"^USER [1-9]\d+$", DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize(
    "line",
    [
        r"read_only: true",
        r"cap_drop:\n      - ALL\n",
        r"- no-new-privileges:true",
        r"mem_limit: \d+m",
        r"memswap_limit: \d+m",
        r"pids_limit: \d+",
        r"max-size: \d+m",
        r'max-file: "\d+"',
        r"- /tmp:size=\d+m,mode=1777,noexec,nosuid,nodev",
        r"stop_grace_period: 15s",
    ],
)
def test_the_service_is_bounded_and_has_no_rights_it_does_not_need(line: str) -> None:
    assert re.search(line, COMPOSE), COMPOSE


def test_the_service_opens_no_port_and_mounts_its_data_alone() -> None:
    assert "ports:" not in COMPOSE
    assert "privileged: true" not in COMPOSE
    mounts = re.findall(r"^    volumes:\n((?:      - .+\n)+)", COMPOSE, re.MULTILINE)
    assert mounts == ["      - data:/data\n"]


@pytest.mark.slow
@pytest.mark.skipif(
    platform.machine() != "x86_64", reason="libraries of other machines are left alone"
)
def test_libraries_that_were_trimmed_load_and_those_of_no_use_do_nothing(tmp_path: Path) -> None:
    """FFmpeg loads encoders that nobody uses here, and asks some what they are."""
    given = Path(av.__file__).parents[1] / "av.libs"
    folder = Path(shutil.copytree(given, tmp_path / "av.libs"))
    trim(tmp_path)
    small, large = (sum(file.stat().st_size for file in one.iterdir()) for one in (folder, given))
    assert small < large / 2, f"{small} of {large} bytes are left"
    loads = (
        "import ctypes, pathlib, sys;"
        "load = lambda name: ctypes.CDLL(str(next(pathlib.Path(sys.argv[1]).glob(name))));"
        "codec, x265 = load('libavcodec-*'), load('libx265-*');"
        "found = codec.avcodec_find_encoder_by_name(b'libx264') != 0;"
        "print(codec.avcodec_version() > 0, found, x265.x265_encoder_open_216(0))"
    )
    done = subprocess.run(  # noqa: S603 - a line of this test
        [sys.executable, "-c", loads, str(folder)], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["True", "True", "0"], done.stderr


def test_libraries_of_other_machines_are_left_alone(tmp_path: Path) -> None:
    given = next((Path(av.__file__).parents[1] / "av.libs").glob("libx265-*")).read_bytes()
    aarch64 = (183).to_bytes(2, "little")
    library = tmp_path / "av.libs" / "libx265.so"
    library.parent.mkdir()
    library.write_bytes(given[:18] + aarch64 + given[20:])
    trim(tmp_path)
    assert library.read_bytes() == given[:18] + aarch64 + given[20:]


def test_its_health_is_asked_for_also_where_no_docker_engine_builds_it() -> None:
    assert re.search(
        r'^HEALTHCHECK .* CMD \["python", "-m", "bot", "healthcheck"\]$', DOCKERFILE, re.MULTILINE
    )
    assert re.search(r'^CMD \["python", "-m", "bot", "run"\]$', DOCKERFILE, re.MULTILINE)
    script = (PROJECT / "deploy" / "build-image").read_text(encoding="utf-8")
    # buildah's own format has no place for it: neither the base nor the image may have it
    assert (
        script.count("--format docker")
        == len(re.findall(r"buildah (?:commit|build) ", script))
        == 2
    )
    assert "BUILDAH_ISOLATION=chroot" in script
    assert "--storage-driver vfs" in script
