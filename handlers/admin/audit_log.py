"""/audit: what admins did, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from babel.dates import format_datetime

from handlers.replies.keyboards import CallbackData, home_row, turning
from handlers.replies.texts import shortened, unlinked
from handlers.routing import Router
from storage import audit, chats, people

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from zoneinfo import ZoneInfo

    from handlers.context import Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.audit import AuditEntry
    from storage.database import Connection

router = Router()

PER_PAGE = 10
"""Entries on a page."""
LONGEST_NAME, LONGEST_DETAILS = 40, 200
"""Characters of a name and of what was said with an act: a page is one message."""


class ShowAudit(CallbackData, prefix="audit"):
    """Show a page of the audit log; the first is 0."""

    page: int


def in_words(
    entries: Iterable[AuditEntry], names: Mapping[int, str], translator: Translator, zone: ZoneInfo
) -> str:
    """Write entries, each as the command that does it: they read alike in every language."""
    lines = []
    for entry in entries:
        when = format_datetime(
            datetime.fromtimestamp(entry.at, zone), "short", locale=translator.locale
        )
        who = names.get(entry.admin, str(entry.admin))
        whom = "" if entry.whom is None else names.get(entry.whom, str(entry.whom))
        details = shortened(entry.details, LONGEST_DETAILS)
        did = " ".join(word for word in (f"/{entry.act}", whom, details) if word)
        lines.append(f"{when} · {unlinked(who)}: {unlinked(did)}")
    return "\n".join(lines)


async def _names(tx: Connection, entries: Iterable[AuditEntry]) -> dict[int, str]:
    """Return what those are called who did something, or whom it was done to."""
    names = {}
    for number in {n for entry in entries for n in (entry.admin, entry.whom) if n is not None}:
        if number > 0:
            names[number] = await people.called(tx, number)
        elif (chat := await chats.by_telegram_id(tx, number)) is not None:
            names[number] = f"{shortened(chat.title, LONGEST_NAME)} ({number})"
    return names


async def record(
    tx: Connection, services: Services, admin: Sender, cause: str, act: str,
    *, whom: int | None = None, details: str = "",
) -> bool:  # fmt: skip
    """Write down what an admin does; False where the same cause did it already."""
    by, now = admin.account.id, services.clock()
    return await audit.record(tx, act, by=by, cause=cause, now=now, whom=whom, details=details)


@router.command("audit")
@router.button(ShowAudit, admins=True)
async def show(
    sender: Sender, services: Services, press: ShowAudit | None = None, shown: int | None = None
) -> None:
    """Show an admin what was done last, or turn to another page of it."""
    await sender.answer()
    async with services.db.reading() as tx:
        pages = -(-await audit.count(tx) // PER_PAGE)
        number = min(press.page if press else 0, max(0, pages - 1))
        entries = await audit.page(tx, limit=PER_PAGE, skip=number * PER_PAGE)
        names = await _names(tx, entries)
    text = in_words(entries, names, sender.translator, services.terms.zone)
    text = text or sender.translator.gettext("No admin has done anything here yet.")
    rows = [turning(number, pages, ShowAudit), home_row(sender.translator)]
    await sender.show(text, rows, shown)
