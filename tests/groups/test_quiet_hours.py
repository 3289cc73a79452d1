"""Quiet hours of a group: by the operator's clock, at no cost, and only there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from storage.chats import Group as Choices
from tests.flows.predicates import says, shows_video
from tests.groups.actions import made, settings_of, spent
from tests.handlers.shared import settled

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Person, TelegramSandbox
    from tests.harness import Harness

NIGHT, NOON = 3, 12


def zone_where_it_is(hour: int) -> ZoneInfo:
    """Return a zone whose clocks show this hour now."""
    ahead = (hour - datetime.now(UTC).hour + 11) % 24 - 11
    # Etc/GMT-2 is two hours ahead of Greenwich
    return ZoneInfo(f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT")


async def test_in_quiet_hours_an_order_is_answered_with_until_when_and_costs_nothing(
    harness: Harness,
    telegram: TelegramSandbox,
    club: Group,
    ann: Person,
    bob: Person,
    provider: AimlApiSandbox,
) -> None:
    zone = zone_where_it_is(NIGHT)
    async with harness.running(timezone=zone):
        await (await settings_of(club, ann)).press("22–7", by=ann)
        await club.wait(says(f"Quiet hours: 22–7 ({zone.key})"))
        for sender in (ann, bob):
            asked = await club.send(sender, "/video a boat")
            answer = await club.wait(says("Quiet hours", to=asked.message_id))
            assert answer.text == (
                f"Quiet hours here until 7:00 ({zone.key}). You can go on in our private chat."
            )
        assert provider.submissions == []
        assert await spent(harness, bob) == 0
        await made(harness, telegram.private(bob), bob, "alone a boat")


async def test_outside_of_them_everything_is_as_ever_and_rings(
    harness: Harness, club: Group, ann: Person, bob: Person
) -> None:
    async with harness.running(timezone=zone_where_it_is(NOON)):
        await (await settings_of(club, ann)).press("22–7", by=ann)
        await club.wait(says("Quiet hours: 22–7"))
        video = await made(harness, club, bob, "a boat")
        assert not video.silent


async def test_a_video_that_was_ordered_before_still_comes_without_a_sound(
    harness: Harness, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 1.0
    async with harness.running(timezone=zone_where_it_is(NIGHT)):
        await club.send(bob, "/video a boat")
        await provider.wait_for_submissions(1)
        await (await settings_of(club, ann)).press("0–6", by=ann)
        await club.wait(says("Quiet hours: 0–6"))
        video = await club.wait(shows_video("a boat"))
        assert video.silent
        await settled(harness)


async def test_they_can_be_switched_off_again(
    harness: Harness, club: Group, ann: Person, bob: Person
) -> None:
    async with harness.running(timezone=zone_where_it_is(NIGHT)):
        settings = await settings_of(club, ann)
        await settings.press("23–8", by=ann)
        await club.wait(says("Quiet hours: 23–8"))
        assert settings.button("✓ 23–8").text == "✓ 23–8"
        await settings.press("🌙 Off", by=ann)
        await club.wait(says("Quiet hours: none"))
        assert settings.button("✓ 🌙 Off").text == "✓ 🌙 Off"
        await made(harness, club, bob, "a boat")


@pytest.mark.parametrize(
    ("hours", "loud", "silent"),
    [
        ((22, 7), (7, 12, 21), (22, 23, 0, 6)),
        ((0, 6), (6, 23), (0, 5)),
        ((9, 17), (8, 17, 0), (9, 16)),
    ],
)
def test_they_begin_and_end_with_the_hour_also_around_midnight(
    hours: tuple[int, int], loud: tuple[int, ...], silent: tuple[int, ...]
) -> None:
    zone = ZoneInfo("Europe/Berlin")
    group = Choices(1, quiet_from=hours[0], quiet_until=hours[1])
    for hour in (*loud, *silent):
        for minute in (0, 59):
            now = datetime(2026, 10, 3, hour, minute, tzinfo=zone).timestamp()
            assert group.is_quiet(zone, now) is (hour in silent), (hour, minute)


def test_a_group_that_chose_none_is_never_quiet() -> None:
    assert not any(Choices(1).is_quiet(ZoneInfo("UTC"), hour * 3600.0) for hour in range(24))
