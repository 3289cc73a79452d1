"""How long the provider may take, in seconds: one value, so that nobody has to wait in a test."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTimes:
    """Seconds for one step of an exchange, and for all of it (`…_in_all`).

    A submission may carry a picture up a slow line; a video may come down one.
    """

    connect: float = 10.0
    pool: float = 5.0
    submit: float = 60.0
    submit_in_all: float = 150.0
    ask: float = 30.0
    ask_in_all: float = 45.0
    fetch_in_all: float = 600.0
