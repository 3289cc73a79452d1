"""/export: a month's rows as a CSV file, for the books."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from generation.models import pricing
from handlers.routing import Router
from storage import payments

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from zoneinfo import ZoneInfo

    from handlers.context import Services
    from handlers.senders import Sender

router = Router()

Rows: TypeAlias = "list[dict[str, object]]"
_MONTH = re.compile(r"(2\d{3})-(0[1-9]|1[0-2])", re.ASCII)


async def payment_rows(services: Services, since: float, until: float) -> Rows:
    """Return the payments of a time, each with what became of it."""
    zone = services.terms.zone
    async with services.db.reading(aside=True) as connection:
        paid = await payments.between(connection, since, until)
    return [
        {
            "payment": one.id,
            "charge_id": one.charge_id,
            "paid_at": moment(one.paid_at, zone),
            "person": one.person,
            "stars": one.stars,
            "credits": one.credits,
            "credit_usd": pricing.from_micros(one.credit_micros),
            "went_back_at": "" if one.ended_at is None else moment(one.ended_at, zone),
            "taken_back_by_telegram": int(one.taken_back),
        }
        for one in paid
    ]


EXPORTS: dict[str, Callable[[Services, float, float], Awaitable[Rows]]] = {"payments": payment_rows}
"""What can be exported, and what returns its rows of a time."""


def moment(at: float, zone: ZoneInfo) -> str:
    """Write a moment the way programs read it."""
    return datetime.fromtimestamp(at, zone).isoformat(timespec="seconds")


def month_of(text: str, zone: ZoneInfo) -> tuple[float, float] | None:
    """Read `2026-10`: when that month begins and ends; None where it is none."""
    found = _MONTH.fullmatch(text)
    if found is None:
        return None
    year, month = int(found[1]), int(found[2])
    following = (year, month + 1) if month < 12 else (year + 1, 1)  # noqa: PLR2004 - December
    begins, ends = (datetime(*first, 1, tzinfo=zone) for first in ((year, month), following))
    return begins.timestamp(), ends.timestamp()


def written(rows: Sequence[dict[str, object]]) -> bytes:
    """Write rows as CSV, with their names first."""
    out = io.StringIO()
    if rows:
        table = csv.DictWriter(out, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return out.getvalue().encode(errors="replace")


@router.command("export")
async def export(sender: Sender, words: Sequence[str], services: Services) -> None:
    """Send an admin a month's rows."""
    translator, zone = sender.translator, services.terms.zone
    what, month = (*words, "", "")[:2]
    month = month or datetime.fromtimestamp(services.clock(), zone).strftime("%Y-%m")
    rows_of, time = EXPORTS.get(what), month_of(month, zone)
    if rows_of is None or time is None:
        text = translator.gettext("Write /export WHAT MONTH\nWHAT: {kinds}\nMONTH: such as {month}")
        now = datetime.fromtimestamp(services.clock(), zone).strftime("%Y-%m")
        await sender.reply(text.format(kinds=", ".join(EXPORTS), month=now))
        return
    rows = await rows_of(services, *time)
    if not rows:
        await sender.reply(translator.gettext("There is nothing of {month}.").format(month=month))
        return
    content = await asyncio.to_thread(written, rows)
    lines = translator.ngettext("{count} line", "{count} lines", len(rows))
    await sender.outbox.send_made(
        sender.chat,
        f"{what}-{month}.csv",
        content,
        lines.format(count=translator.number(len(rows))),
        thread_id=sender.thread_id,
    )
