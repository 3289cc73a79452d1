"""Traces one order through the code: `make trace`.

Runs the bot against both sandboxes, sends one private `/video`, and follows it from the update to
the delivered video: the modules entered, and the number of functions, SQL statements, database
locks and commits. Supervised tasks such as the heartbeat are left out, by their names.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import tempfile
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.settings.definition import Settings
from sandbox.aimlapi import AimlApiSandbox
from sandbox.telegram import TelegramSandbox
from storage.database import FLUSH_SECONDS
from tests.flows.predicates import says, shows_video
from tests.harness import QUICK, Harness, LoggedErrors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sized
    from types import FrameType

UNDO_SECONDS = Settings.model_fields["undo_seconds"].default
ROOT = Path(__file__).parents[1]
FLOORS = ("bot", "handlers", "generation", "storage")
BESIDE = frozenset(
    {
        "taking updates", "the scheduler", "the database's files", "the heartbeat", "the menus",
        "the look at the key", "the check-up", "the catalogue", "the look at the account",
        "the end of a restore", "erasing", "pruning", "the refunds", "the comparison of payments",
    }
)  # fmt: skip
"""The supervised tasks of `bot.lifecycle`, by their names."""


@dataclass
class Walk:
    """The trace of one order; modules in the order in which they were entered."""

    modules: dict[str, None] = field(default_factory=dict)
    functions: set[tuple[str, str]] = field(default_factory=set)
    statements: int = 0
    locks: int = 0
    commits: int = 0

    def figures(self) -> dict[str, int]:
        """The counts that `make trace` prints."""
        return {
            "modules": len(self.modules),
            "functions": len(self.functions),
            "statements": self.statements,
            "locks": self.locks,
            "commits": self.commits,
        }


@contextmanager
def recorded(walk: Walk) -> Iterator[None]:
    """Record every function of the four packages entered on this thread."""
    names: dict[str, str | None] = {}

    def module_of(file: str) -> str | None:
        path = Path(file)
        if not path.is_relative_to(ROOT):
            return None
        parts = path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts) if parts[0] in FLOORS else None

    def enter(frame: FrameType, event: str, _argument: Any) -> None:
        code = frame.f_code
        if event != "call" or code.co_name == "<module>":
            return
        if code.co_filename not in names:
            names[code.co_filename] = module_of(code.co_filename)
        module = names[code.co_filename]
        if module is not None and not _is_beside():
            walk.modules.setdefault(module)
            walk.functions.add((module, code.co_qualname))

    sys.setprofile(enter)
    try:
        yield
    finally:
        sys.setprofile(None)


def _is_beside() -> bool:
    """Whether the current task is one of the supervised ones."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False
    return task is not None and task.get_name() in BESIDE


async def trace(folder: Path) -> Walk:
    """Trace one private `/video` of a person the bot knows."""
    walk = Walk()
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(TelegramSandbox())
        provider = await stack.enter_async_context(AimlApiSandbox(key="sandbox-key-0123456789"))
        provider.render_seconds = 0.05
        harness = Harness(telegram, provider, folder, LoggedErrors())
        # longer, or a slow machine might flush deferred writes between two steps
        harness.flush_seconds = 2 * FLUSH_SECONDS
        # on a slow machine the check-up would begin within the walk, and its locks count
        times = replace(QUICK, checkup=math.inf)
        await stack.enter_async_context(harness.running(times=times, undo_seconds=UNDO_SECONDS))
        ann = telegram.person("Ann", username="ann")
        chat = telegram.private(ann)
        await chat.send(ann, "/help")
        await chat.wait(says("/animate"))
        await asyncio.sleep(0.5)  # work of the start and of the greeting has ended
        statements = list[str]()
        before = replace(harness.db.usage)
        await harness.db.trace(statements.append)
        with recorded(walk):
            await chat.send(ann, "/video a cat on a sailing boat")
            await chat.wait(shows_video())
            await _settled(statements)
        walk.statements = sum(not sql.startswith("--") for sql in statements)
        walk.locks = harness.db.usage.lock_acquisitions - before.lock_acquisitions
        walk.commits = harness.db.usage.commits - before.commits
    return walk


async def _settled(statements: Sized) -> None:
    """Wait until there are no more SQL statements."""
    async with asyncio.timeout(10):
        while True:
            before = len(statements)
            await asyncio.sleep(0.4)
            if len(statements) == before:
                return


def main() -> None:
    """Print the figures as a line of JSON, then the modules in their order."""
    with tempfile.TemporaryDirectory() as folder:
        walk = asyncio.run(trace(Path(folder)))
    print(json.dumps(walk.figures()))
    for module in walk.modules:
        print(f"  {module}")


if __name__ == "__main__":
    main()
