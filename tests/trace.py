"""One order's walk through the code: `make trace`.

Runs the bot against both sandboxes, sends one private `/video`, and follows it from the update to
the delivered video: which modules are entered, how many functions, SQL statements, takings of the
database lock and commits. What the bot does besides, such as its heartbeat, is left out: tasks that
are supervised have names.
"""

from __future__ import annotations

import asyncio
import json
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
from tests.flows.looks import says, shows_video
from tests.house import Breakage, House

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
    """What one order passed; modules in the order in which they were entered."""

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
def followed(walk: Walk) -> Iterator[None]:
    """Note every function of the four floors that is entered on this thread meanwhile."""
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
    """Whether the task that runs now is one of the bot's own, and no part of an order's walk."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False
    return task is not None and task.get_name() in BESIDE


async def trace(folder: Path) -> Walk:
    """Follow one private `/video` of somebody whom the bot has met."""
    walk = Walk()
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(TelegramSandbox())
        provider = await stack.enter_async_context(AimlApiSandbox(key="sandbox-key-0123456789"))
        provider.render_seconds = 0.05
        house = House(telegram, provider, folder, Breakage())
        # longer: a busy machine would write by itself between two steps what is deferred
        house.flush_seconds = 2 * FLUSH_SECONDS
        await stack.enter_async_context(house.running(undo_seconds=UNDO_SECONDS))
        ann = telegram.person("Ann", username="ann")
        chat = telegram.private(ann)
        await chat.send(ann, "/help")
        await chat.wait(says("/animate"))
        await asyncio.sleep(0.5)  # what was begun at the start and by the greeting is done
        statements = list[str]()
        before = replace(house.db.usage)
        await house.db.trace(statements.append)
        with followed(walk):
            await chat.send(ann, "/video a cat on a sailing boat")
            await chat.wait(shows_video())
            await _settled(statements)
        walk.statements = sum(not sql.startswith("--") for sql in statements)
        walk.locks = house.db.usage.lock_acquisitions - before.lock_acquisitions
        walk.commits = house.db.usage.commits - before.commits
    return walk


async def _settled(statements: Sized) -> None:
    """Wait until the order is written down as delivered and the database is asked nothing more."""
    async with asyncio.timeout(10):
        while True:
            before = len(statements)
            await asyncio.sleep(0.4)
            if len(statements) == before:
                return


def main() -> None:
    """Print the figures on one line, and below it the modules in the order of the walk."""
    with tempfile.TemporaryDirectory() as folder:
        walk = asyncio.run(trace(Path(folder)))
    print(json.dumps(walk.figures()))
    for module in walk.modules:
        print(f"  {module}")


if __name__ == "__main__":
    main()
