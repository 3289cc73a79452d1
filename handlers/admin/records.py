"""/audit lists what admins did, newest first; /export sends a table for a spreadsheet."""

from __future__ import annotations

import csv
import re
import tempfile
from dataclasses import dataclass
from datetime import datetime
from io import TextIOWrapper
from math import inf
from typing import TYPE_CHECKING, Any, BinaryIO

from generation.models import pricing
from generation.models.pricing import Period
from handlers.commands import BY_NAME
from handlers.replies.keyboards import CallbackData, clamp_page, home_row, page_buttons
from handlers.replies.texts import sanitize, truncate
from handlers.routing import Router
from storage import audit, chats, payments, people, statistics
from storage.generations import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from sqlite3 import Row
    from zoneinfo import ZoneInfo

    from handlers.context import Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.audit import AuditEntry
    from storage.database import Connection
    from storage.payments import Payment

router = Router()

PER_PAGE = 10
"""Entries on a page."""
MAX_NAME_LENGTH, MAX_DETAILS_LENGTH = 40, 200
"""Characters of a name and of an entry's details, so that a page fits a message."""


class ShowAudit(CallbackData, prefix="audit"):
    """Show a page of the audit log; the first is 0."""

    page: int


def _audit_text(
    entries: Iterable[AuditEntry], names: Mapping[int, str], translator: Translator, zone: ZoneInfo
) -> str:
    """Write entries, each as the command that did it, which is the same in every language."""
    lines = []
    for entry in entries:
        when = translator.format_time(datetime.fromtimestamp(entry.at, zone), "short")
        who = names.get(entry.admin, str(entry.admin))
        whom = "" if entry.whom is None else names.get(entry.whom, str(entry.whom))
        details = truncate(entry.details, MAX_DETAILS_LENGTH)
        command = " ".join(word for word in (f"/{entry.act}", whom, details) if word)
        lines.append(f"{when} · {sanitize(who)}: {sanitize(command)}")
    return "\n".join(lines)


async def _read_names(tx: Connection, entries: Iterable[AuditEntry]) -> dict[int, str]:
    """Return the names of the admins, people and chats in the entries, by Telegram id."""
    names = {}
    for number in {n for entry in entries for n in (entry.admin, entry.whom) if n is not None}:
        if number > 0:
            names[number] = await people.name_and_id(tx, number)
        elif (chat := await chats.by_telegram_id(tx, number)) is not None:
            names[number] = f"{truncate(chat.title, MAX_NAME_LENGTH)} ({number})"
    return names


async def record(
    tx: Connection, services: Services, admin: Sender, cause: str, act: str,
    *, whom: int | None = None, details: str = "",
) -> bool:  # fmt: skip
    """Add an entry to the audit log; False if the same cause added it before."""
    by, now = admin.account.id, services.clock()
    return await audit.record(tx, act, by=by, cause=cause, now=now, whom=whom, details=details)


@router.command("audit")
@router.button(ShowAudit, admins=True)
async def show_audit(
    sender: Sender, services: Services, press: ShowAudit | None = None, shown: int | None = None
) -> None:
    """Show an admin the newest page of the audit log, or another one."""
    await sender.answer()
    async with services.db.reading() as tx:
        number, pages = clamp_page(press.page if press else 0, await audit.count(tx), PER_PAGE)
        entries = await audit.page(tx, limit=PER_PAGE, skip=number * PER_PAGE)
        names = await _read_names(tx, entries)
    text = _audit_text(entries, names, sender.translator, services.terms.zone)
    text = text or sender.translator.gettext("No admin has done anything here yet.")
    rows = [page_buttons(number, pages, ShowAudit), home_row(sender.translator)]
    await sender.show(text, rows, shown)


MAX_FILE_BYTES = 45_000_000
"""Bytes of an exported file: Telegram takes 50 MB."""
PAYMENTS = "payments"
_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
_FORMULA = re.compile(r"((?:^|[;\t\r\n])[^\S\t\r\n]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""The start of a cell that a spreadsheet evaluates as a formula; some also do after blanks.

In locales with a decimal comma, a spreadsheet splits cells at semicolons, even within quotes.
"""

VIDEO_COLUMNS = (
    "number", "asked_at", "state", "reason", "person_id", "name", "username", "chat_id", "chat",
    "model", "made_of", "seconds", "shape", "resolution", "credits", "price_usd", "spent_usd",
    "minutes_to_chat", "prompt",
)  # fmt: skip
PAYMENT_COLUMNS = (
    "payment", "charge_id", "paid_at", "person", "name", "stars", "credits", "credit_usd",
    "went_back_at", "taken_back_by_telegram", "for_group",
)  # fmt: skip
"""Names of the columns; they are for programs, so they are not translated."""


@dataclass(frozen=True, slots=True)
class Export:
    """The arguments of /export: payments or videos, of a month or of all time."""

    of_payments: bool
    month: str = ""

    @property
    def file(self) -> str:
        """The name of the file."""
        parts = (PAYMENTS if self.of_payments else "videos", self.month)
        return "-".join(filter(None, parts)) + ".csv"

    def interval(self, zone: ZoneInfo) -> tuple[float, float]:
        """Return the begin and end, in seconds since 1970."""
        if not self.month:
            return 0.0, inf
        begins = datetime.fromisoformat(f"{self.month}-01").replace(tzinfo=zone).timestamp()
        return begins, pricing.ends_at(Period.MONTH, zone, begins) or inf


def read_export(words: Sequence[str]) -> Export | None:
    """Read `[payments] [YYYY-MM]`; None if it is something else."""
    of_payments = bool(words) and words[0].lower() == PAYMENTS
    rest = [*words][of_payments:]
    if not rest:
        return Export(of_payments)
    return Export(of_payments, rest[0]) if len(rest) == 1 and _MONTH.fullmatch(rest[0]) else None


def safe_cell(cell: Any) -> Any:
    """Escape a cell so that a spreadsheet does not evaluate it as a formula."""
    return _FORMULA.sub(r"\1'", cell) if isinstance(cell, str) else cell


@router.command("export")
async def export(sender: Sender, words: Sequence[str], cause: str, services: Services) -> None:
    """Send an admin a table of videos or payments."""
    _, wanted, zone = sender.translator.gettext, read_export(words), services.terms.zone
    if wanted is None:
        usage = _("Write {command}\nFor example: /export 2026-10, or /export payments 2026-10")
        await sender.reply(usage.format(command=f"/export {BY_NAME['export'].arguments}"))
        return
    async with services.db.transaction() as tx:
        await record(tx, services, sender, cause, "export", details=" ".join(words))
    since, until = wanted.interval(zone)
    if wanted.of_payments:
        columns: Sequence[str] = PAYMENT_COLUMNS
        paid = payments.between(services.db, since, until)
        rows = (_payment_row(one, name, zone) async for page in paid for one, name in page)
    else:
        columns = VIDEO_COLUMNS
        asked = statistics.export(services.db, since=since, until=until)
        rows = (_video_row(row, zone) async for page in asked for row in page)
    with tempfile.TemporaryFile() as file:
        count, is_whole = await _write_table(file, columns, rows)
        if not count:
            await sender.reply(_("There is nothing in that time."))
            return
        file.seek(0)
        caption = sender.translator.ngettext("{count} row", "{count} rows", count)
        if not is_whole or (not wanted.of_payments and count >= statistics.MOST_EXPORTED):
            caption = _("{rows}; not all fit. Ask for one month: /export 2026-10").format(
                rows=caption
            )
        await sender.outbox.send_document(sender.chat, wanted.file, file, caption)


async def _write_table(
    file: BinaryIO, head: Sequence[str], rows: AsyncIterator[Sequence[object]]
) -> tuple[int, bool]:
    """Write a table; return the number of rows and whether they are all."""
    # spreadsheets read the file as UTF-8 because of the byte order mark
    text = TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
    table, count, is_whole = csv.writer(text), 0, True
    table.writerow(head)
    async for row in rows:
        table.writerow([safe_cell(cell) for cell in row])
        count += 1
        if file.tell() > MAX_FILE_BYTES:
            is_whole = False
            break
    text.flush()
    text.detach()
    return count, is_whole


def _video_row(row: Row, zone: ZoneInfo) -> Sequence[object]:
    took = None
    if row["state"] == State.DELIVERED:
        took = round((row["changed_at"] - row["created_at"]) / 60, 1)
    return (
        row["id"], _time(row["created_at"], zone), row["state"], row["reason"],
        row["account_id"] if row["account_kind"] == "person" else None,
        row["person"], row["username"], row["telegram_id"], row["title"],
        row["family"], {"t2v": "text", "i2v": "picture"}[row["kind"]], row["seconds"],
        row["aspect_ratio"], row["resolution"], row["credits"],
        _usd(0 if row["uncharged"] else row["price_micros"]), _usd(row["spent_micros"]),
        took, row["prompt"],
    )  # fmt: skip


def _payment_row(one: Payment, name: str | None, zone: ZoneInfo) -> Sequence[object]:
    return (
        one.id, one.charge_id, _time(one.paid_at, zone), one.person, name,
        one.stars, one.credits, _usd(one.credit_micros),
        None if one.ended_at is None else _time(one.ended_at, zone), int(one.taken_back),
        one.title,
    )  # fmt: skip


def _time(at: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M:%S")


def _usd(micros: int | None) -> str | None:
    return None if micros is None else f"{pricing.from_micros(micros):f}"
