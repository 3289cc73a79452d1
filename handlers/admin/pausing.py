"""/pause and /resume: stop taking orders, and take them again."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from handlers.admin.records import record
from handlers.replies.keyboards import CallbackData
from handlers.replies.texts import pause_text, truncate
from handlers.routing import Router
from storage import DAY_SECONDS, HOUR_SECONDS, audit, generations, outages
from storage.generations import AT_PROVIDER, State
from storage.outages import Pause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handlers.context import Services
    from handlers.senders import Sender

router = Router()

MAX_REASON_LENGTH = 200
"""Characters of a pause's reason that are stored."""
MAX_PAUSE_SECONDS = 30 * DAY_SECONDS
"""The longest pause with an end, in seconds."""
_UNITS = {"m": 60.0, "h": HOUR_SECONDS, "d": DAY_SECONDS}
_PART = r"(\d{1,4}) ?(m(?:in(?:ute)?s?)?|h(?:ours?)?|d(?:ays?)?)"
_DURATION = re.compile(rf"(?:{_PART} ?)+(?!\S)", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d\S*")


def read_pause(words: Sequence[str], now: float) -> Pause | None:
    """Read `[TIME] [REASON]`, with a TIME such as 30m, 2 hours or 1d12h.

    None if TIME is too long or another number: it would be taken for a pause without an end.
    """
    ends_at, reason = None, " ".join(words)
    if (duration := _DURATION.match(reason)) is not None:
        parts = re.findall(_PART, duration[0].lower())
        seconds = sum(int(count) * _UNITS[unit[0]] for count, unit in parts)
        if not 0 < seconds <= MAX_PAUSE_SECONDS:
            return None
        ends_at, reason = now + seconds, reason[duration.end() :].strip()
    elif words and _NUMBER.fullmatch(words[0]):
        return None
    return Pause(truncate(reason, MAX_REASON_LENGTH), ends_at)


class SwitchPause(CallbackData, prefix="pause"):
    """Pause the bot without a reason, or end the pause if `pauses` is 0."""

    pauses: int


@router.button(SwitchPause, admins=True)
async def switch_pause(sender: Sender, press: SwitchPause, cause: str, services: Services) -> None:
    """Pause or resume by a button."""
    if press.pauses:
        await pause(sender, (), cause, services)
    else:
        await resume(sender, cause, services)


@router.command("pause")
async def pause(sender: Sender, words: Sequence[str], cause: str, services: Services) -> None:
    """Stop taking orders; queued requests wait, submitted ones are delivered."""
    translator, now = sender.translator, services.clock()
    wanted = read_pause(words, now)
    if wanted is None:
        await sender.reply(
            translator.gettext(
                "Write /pause [TIME] [REASON]\n"
                "TIME: such as 30m, 2h or 1d, at most 30d. Without it, /resume ends the pause."
            )
        )
        return
    async with services.db.transaction() as tx:
        details = " ".join(words)[:MAX_REASON_LENGTH]
        if await record(tx, services, sender, cause, "pause", details=details):
            await outages.begin_pause(tx, wanted)
        present = await outages.paused(tx, now=now)
        waiting = len(await generations.in_states(tx, {State.QUEUED}))
        running = len(await generations.in_states(tx, AT_PROVIDER))
    _apply_pause(services, present)
    text = translator.gettext(
        "Paused: I take no orders now. On the way: {running}, delivered as usual. Waiting: "
        "{waiting}. Whoever asks is told:\n\n{told}\n\n/resume ends the pause."
    )
    told = pause_text(wanted, translator, now)
    await sender.reply(text.format(running=running, waiting=waiting, told=told))


@router.command("resume")
async def resume(sender: Sender, cause: str, services: Services) -> None:
    """End a pause."""
    _, now = sender.translator.gettext, services.clock()
    async with services.db.transaction() as tx:
        before = await outages.paused(tx, now=now)
        if before is not None and await record(tx, services, sender, cause, "resume"):
            await outages.end_pause(tx)
        is_ended = await audit.did(tx, cause)
        present = await outages.paused(tx, now=now)
    _apply_pause(services, present)
    await sender.reply(
        _("I take orders again, and what waited goes on.")
        if is_ended
        else _("I was not paused. Nothing changed.")
    )


def _apply_pause(services: Services, pause: Pause | None) -> None:
    """Tell the scheduler until when to submit nothing."""
    ends_at = 0.0 if pause is None else pause.ends_at
    services.pause(math.inf if ends_at is None else ends_at)
