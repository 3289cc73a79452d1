"""The methods of the Bot API this server has, one module per family."""

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
from sandbox.telegram.methods.placing import Params
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
