"""`make install` on machines that lack something: it says what, and leaves nothing half made."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

MAKE = shutil.which("make")
MAKEFILE = Path(__file__).parents[1] / "Makefile"

pytestmark = pytest.mark.skipif(MAKE is None, reason="there is no make on this machine")


def install_where_python_fails_at(word: str, folder: Path) -> str:
    """Run `make install` with a Python that refuses any code holding the word."""
    python = folder / "python"
    python.write_text(f'#!/bin/sh\ncase "$*" in *{word}*) exit 1;; esac\n')
    python.chmod(0o755)
    shutil.copy(MAKEFILE, folder)
    (folder / "requirements-dev.txt").touch()
    ended = subprocess.run(  # noqa: S603 - our own Makefile
        [str(MAKE), "install", f"PYTHON={python}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert not (folder / ".venv").exists()
    return ended.stderr


def test_a_missing_venv_module_is_named_with_its_remedy(tmp_path: Path) -> None:
    said = install_where_python_fails_at("ensurepip", tmp_path)
    assert said.startswith("Python's venv module is missing.")
    assert "apt-get install python3-venv" in said


def test_an_old_python_is_refused(tmp_path: Path) -> None:
    said = install_where_python_fails_at("version_info", tmp_path)
    assert said.startswith("Python 3.11 or newer is needed")
