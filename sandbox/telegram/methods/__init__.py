"""The supported methods of the Bot API, grouped by module."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.telegram.methods import (
    answering,
    chatting,
    editing,
    forwarding,
    payments,
    profile,
    receiving,
    sending,
)
from sandbox.telegram.methods.posting import Params
from sandbox.telegram.world import World

Method = Callable[[World, Params], Awaitable[Any]]

METHODS: dict[str, Method] = {
    **receiving.METHODS,
    **sending.METHODS,
    **editing.METHODS,
    **forwarding.METHODS,
    **answering.METHODS,
    **payments.METHODS,
    **chatting.METHODS,
    **profile.METHODS,
}
