"""How patient the bot is with others; tests of what goes wrong are less so."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.updates.telegram_request import TelegramTimes
from bot.updates.watchdog import Patience
from generation.jobs.outages import PROBE_SECONDS
from generation.provider.client import ProviderTimes


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """All time-outs, each in seconds; the defaults are what operators get."""

    telegram: TelegramTimes = field(default_factory=TelegramTimes)
    provider: ProviderTimes = field(default_factory=ProviderTimes)
    updates: Patience = field(default_factory=Patience)
    checkup: float = 10.0
    """How long after a start the checks of `doctor` begin: first come those who wait.

    `inf` is never.
    """
    probe: float = PROBE_SECONDS
    """How often to look whether a provider that refuses everything serves again."""
    limits_second: float = 1.0
    """How long a second of Telegram's flood limits is; shorter where nobody keeps them."""
