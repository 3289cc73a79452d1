"""End the process when the bot has stopped, whatever a thread still waits for."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Coroutine


def live(work: Coroutine[Any, Any, int]) -> int:
    """Run to the end as `asyncio.run` does, but do not wait for threads.

    A name that is being looked up holds its thread for as long as the resolver likes, and nothing
    ends that: whoever asked us to stop would kill us first.
    """
    return asyncio.new_event_loop().run_until_complete(work)


def leave(code: int) -> NoReturn:
    """End the process at once, with all that was said and logged."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
