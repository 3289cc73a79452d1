"""/people: who uses the bot, the most active first, and what an admin can do about each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from handlers.admin.access import shut_out
from handlers.admin.audit_log import turning
from handlers.admin.grants import GrantTo
from handlers.admin.limits import LimitTo
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.texts import N_, unlinked, videos
from handlers.routing import Router
from storage import statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handlers.context import Context, Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.statistics import Activity

router = Router()

PER_PAGE = 8
"""People on a page."""


@dataclass(frozen=True, slots=True)
class ShowPeople(CallbackData):
    """Show a page of people; the first is 0."""

    prefix: ClassVar[str] = "people"
    page: int


@dataclass(frozen=True, slots=True)
class BanPerson(CallbackData):
    """Shut a person out."""

    prefix: ClassVar[str] = "banperson"
    person: int


def listed(page: Sequence[Activity], first: int, translator: Translator) -> str:
    """List people with the numbers that commands take; `first` is the place of the first."""
    _, lines = translator.gettext, []
    for place, one in enumerate(page, start=first):
        line = (
            _("{place}. {name} ({number}): {videos}, banned")
            if one.is_banned
            else _("{place}. {name} ({number}): {videos}")
        )
        name = f"@{one.username}" if one.username else unlinked(one.name)
        lines.append(
            line.format(
                place=place, name=name, number=one.person, videos=videos(translator, one.asked)
            )
        )
    return "\n".join(lines)


def people_buttons(
    page: Sequence[Activity], number: int, pages: int, translator: Translator
) -> list[list[Button]]:
    """Return what can be done for or against each of a page, and the ways to the other pages."""
    _, rows = translator.gettext, []
    for place, one in enumerate(page, start=number * PER_PAGE + 1):
        row = [
            Button(_("{place} · Grant").format(place=place), GrantTo(one.person)),
            Button(_("{place} · Limit").format(place=place), LimitTo(one.person)),
        ]
        if not one.is_banned:
            row.append(Button(_("{place} · Ban").format(place=place), BanPerson(one.person)))
        rows.append(row)
    return [*rows, turning(number, pages, ShowPeople)]


@router.command("people")
async def list_people(sender: Sender, services: Services) -> None:
    """Show an admin who uses the bot, the most active first."""
    await _show_people(services, sender, 0, None)


@router.button(ShowPeople, admins=True)
async def turn_people(
    sender: Sender, press: ShowPeople, shown: int | None, services: Services
) -> None:
    """Turn to another page of people."""
    await sender.answer()
    await _show_people(services, sender, press.page, shown)


async def _show_people(services: Services, sender: Sender, number: int, shown: int | None) -> None:
    skip = number * PER_PAGE
    page, all_ = await statistics.most_active(services.db, limit=PER_PAGE, skip=skip)
    pages = -(-all_ // PER_PAGE)
    text = listed(page, skip + 1, sender.translator)
    await sender.show(text, people_buttons(page, number, pages, sender.translator), shown)


@router.button(BanPerson, admins=True, asks=N_("Yes, ban"))
async def ban_person(sender: Sender, press: BanPerson, cause: str, context: Context) -> None:
    """Shut out somebody of the list of people."""
    await sender.answer(await shut_out(context, sender, press.person, cause), alert=True)
