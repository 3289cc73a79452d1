"""What a group's admins chose, kept to: who may ask there, where, when and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation.orders import balances
from generation.orders.balances import Period
from handlers.membership import is_group_admin
from storage import statistics
from storage.groups import Asking, Group

if TYPE_CHECKING:
    from handlers.context import Context, Services
    from handlers.identity import Sender
    from handlers.ordering.pictures import SentPicture

_GENERAL = 0


async def hindrance(
    context: Context, sender: Sender, picture: SentPicture | None = None
) -> str | None:
    """Say why somebody may not ask here; None where they may.

    Whether somebody is an admin is looked up only where it matters.
    """
    services, group = context.services, sender.group
    if group is None:
        return None
    used_up = await _is_used_up(services, sender, group)
    if group.asking is Asking.ADMINS and not await is_group_admin(context.bot, sender):
        return sender.translator.gettext(
            "In this group only admins ask for videos. Alone with me you can."
        )
    return _not_here_and_now(group, sender, services, used_up=used_up) or picture_hindrance(
        group, sender, picture
    )


def _not_here_and_now(
    group: Group, sender: Sender, services: Services, *, used_up: bool
) -> str | None:
    say, zone = sender.translator.gettext, services.terms.zone
    if group.thread_id is not None and group.thread_id != (sender.thread_id or _GENERAL):
        return say("In this group I work in one topic only, not in this one.")
    if group.is_quiet(zone, services.clock()):
        return say(
            "Quiet hours here until {hour}:00 ({zone}). Alone with me you can go on."
        ).format(hour=group.quiet_until, zone=zone.key)
    if used_up:
        return say("That was your last one in this group for today. Alone with me you can go on.")
    return None


def picture_hindrance(group: Group, sender: Sender, picture: SentPicture | None) -> str | None:
    """Say why a picture may not come alive in a group; None where it may, or there is none."""
    if picture is None or not group.own_pictures:
        return None
    # nobody can tell who an anonymous admin is, so no picture is surely theirs
    if sender.person is not None and picture.by == sender.person.id:
        return None
    return sender.translator.gettext(
        "In this group I bring to life only pictures you sent yourself."
    )


async def _is_used_up(services: Services, sender: Sender, group: Group) -> bool:
    if group.per_day is None:
        return False
    today = balances.began_at(Period.DAY, services.terms.zone, services.clock())
    async with services.db.reading() as connection:
        asked = await statistics.asked_since(
            connection, sender.account, sender.chat.id, since=today
        )
    return asked >= group.per_day
