"""Checks the production dependencies for known vulnerabilities: part of `make lint`.

Without a network, or if the package index has no vulnerability data, it says so and passes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]
TOOL = Path(sys.prefix) / "audit"
"""A folder of its own for pip-audit, so that its dependencies are not those of the project."""
LOCK, AUDITED = PROJECT / "requirements-audit.txt", PROJECT / "requirements.txt"
SECONDS = 180


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module that can import pip-audit."""
    return subprocess.run(  # noqa: S603 - words of this file
        [sys.executable, "-m", *words],
        env={**os.environ, "PYTHONPATH": str(TOOL)},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def install() -> bool:
    """Install pip-audit unless it is installed; return whether it is now."""
    mark = TOOL / LOCK.name
    if not mark.exists() or mark.read_text() != LOCK.read_text():
        done = run(
            "pip", "install", "--quiet", "--retries=1", "--disable-pip-version-check", "--upgrade",
            "--require-hashes", f"--target={TOOL}", f"--requirement={LOCK}",
        )  # fmt: skip
        if done.returncode:
            return False
        mark.write_text(LOCK.read_text())
    return True


def findings(answer: str) -> tuple[list[str], int] | None:
    """Return a line for each vulnerability in pip-audit's JSON, and the number of packages checked.

    None if it is no such JSON.
    """
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        return None
    known = [package for package in packages if "vulns" in package]
    lines = [
        f"{package['name']} {package['version']}: {weakness['id']},"
        f" mended in {', '.join(weakness['fix_versions']) or 'no version yet'}"
        for package in known
        for weakness in package["vulns"]
    ]
    return lines, len(known)


def main() -> int:
    """Audit the production lock; return 1 if there is a known vulnerability."""
    try:
        if not install():
            print("not audited: pip-audit cannot be had from the package index")
            return 0
        done = run(
            "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner=off",
            "--format=json", f"--requirement={AUDITED}",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        print("not audited: the package index does not answer")
        return 0
    found = findings(done.stdout)
    if found is None or not found[1]:
        print("not audited: the package index tells nothing of weaknesses")
        return 0
    weak, looked_up = found
    print("\n".join(weak) or f"No known weakness in {looked_up} packages.")
    return 1 if weak else 0


if __name__ == "__main__":
    sys.exit(main())
