"""/stats, /allow and /deny: admins only, in private only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from generation.orders.balances import Period
from handlers.admin.access import budget, read_who
from tests.handlers.commons import SPEECH, settled, terms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.house import House

SOMEBODY_LET_IN = 4711


@pytest.fixture
async def admin(house: House, ann: Person, chat: PrivateChat) -> AsyncIterator[PrivateChat]:
    """Ann, who runs a bot for a few, alone with it."""
    allowed = frozenset({SOMEBODY_LET_IN})
    async with house.running(admin_ids=frozenset({ann.id}), allowed_ids=allowed):
        yield chat


@pytest.mark.parametrize(
    ("typed", "number"),
    [("7", 7), ("-1001234567890", -1001234567890)],
)
def test_an_id_is_read(typed: str, number: int) -> None:
    assert read_who(typed) == number


@pytest.mark.parametrize("typed", ["", "0", "-0", "ann", "@", "--7", "7.0", "9" * 19])
def test_what_is_no_id_and_no_name_is_refused(typed: str) -> None:
    assert read_who(typed) is None


def test_a_budget_says_what_is_left_and_when_it_is_whole_again() -> None:
    assert budget(4_000_000, terms(), SPEECH, now=0.0) == (
        "Budget: $4.00 of $10.00 left, whole again in 1 day."
    )
    assert "no ceiling" in budget(None, terms(budget_usd=None), SPEECH, now=0.0)
    assert "$0.00 of" in budget(-5, terms(budget_period=Period.WEEK), SPEECH, now=0.0)


async def test_stats_count_videos_people_and_money(
    house: House, admin: PrivateChat, ann: Person
) -> None:
    await admin.send(ann, "/video a cat")
    await admin.wait(lambda message: message.video is not None)
    await settled(house)
    await admin.send(ann, "/stats")
    shown = await admin.wait(lambda message: "Today" in (message.text or ""))
    assert "1 delivered" in (shown.text or "")
    assert "$0.84" in (shown.text or "")
    assert "Budget: no ceiling" in (shown.text or "")


async def test_an_allowed_person_may_ask_until_denied(
    admin: PrivateChat, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    theirs = telegram.private(bob)
    await theirs.send(bob, "/start")
    await theirs.wait(lambda message: "This bot is private" in (message.text or ""))
    await admin.send(ann, "/allow @bob")
    await admin.wait(lambda message: message.text == f"{bob.id} may use this bot.")
    await theirs.send(bob, "/video a cat")
    await theirs.wait(lambda message: message.video is not None)
    await admin.send(ann, f"/deny {bob.id}")
    await admin.wait(lambda message: "any more" in (message.text or ""))
    await theirs.send(bob, "/video a dog")
    await theirs.wait(lambda message: message is theirs.last and "private" in (message.text or ""))


async def test_an_allowed_group_counts_in_that_group_only(
    admin: PrivateChat, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    group = telegram.group("Film club", [ann, bob])
    await admin.send(ann, f"/allow {group.id}")
    await admin.wait(lambda message: message.text == f"{group.id} may use this bot.")
    await group.send(bob, f"/video@{telegram.bot.username} a cat")
    await group.wait(lambda message: message.video is not None)
    theirs = telegram.private(bob)
    await theirs.send(bob, "/start")
    await theirs.wait(lambda message: "This bot is private" in (message.text or ""))


async def test_what_the_settings_allow_cannot_be_denied_here(
    admin: PrivateChat, ann: Person
) -> None:
    await admin.send(ann, f"/deny {SOMEBODY_LET_IN}")
    await admin.wait(lambda message: "take it out there" in (message.text or ""))
    await admin.send(ann, f"/allow {SOMEBODY_LET_IN}")
    await admin.wait(lambda message: "already" in (message.text or ""))


async def test_denying_somebody_never_allowed_says_so(admin: PrivateChat, ann: Person) -> None:
    await admin.send(ann, "/deny 99")
    await admin.wait(lambda message: "nothing changed" in (message.text or ""))


@pytest.mark.parametrize("command", ["/allow", "/allow ann", "/deny", "/deny everybody"])
async def test_a_slip_is_answered_with_how_it_is_written(
    admin: PrivateChat, ann: Person, command: str
) -> None:
    await admin.send(ann, command)
    answer = await admin.wait(lambda message: message.text is not None)
    assert (answer.text or "").startswith(f"Write {command.split(maxsplit=1)[0]}")


async def test_where_everyone_may_ask_allow_says_so(
    house: House, chat: PrivateChat, ann: Person
) -> None:
    async with house.running(admin_ids=frozenset({ann.id})):
        await chat.send(ann, "/allow 99")
        await chat.wait(lambda message: "everyone may use this bot" in (message.text or ""))


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("command", ["/stats", "/grant 5 5", "/allow 5", "/deny 5"])
async def test_for_anybody_else_there_is_no_such_command(
    chat: PrivateChat, ann: Person, command: str
) -> None:
    await chat.send(ann, command)
    answer = await chat.wait(lambda message: message.text is not None)
    assert answer.text == f"I don't know {command.split(maxsplit=1)[0]}. /help shows what I can do."


async def test_in_a_group_even_an_admin_is_not_answered(
    admin: PrivateChat, telegram: TelegramSandbox, ann: Person
) -> None:
    group = telegram.group("Film club", [ann])
    await group.send(ann, f"/stats@{telegram.bot.username}")
    await group.send(ann, f"/help@{telegram.bot.username}")
    await group.wait(lambda message: "/video" in (message.text or ""))
    assert len(group.from_bot) == 1
    assert admin.from_bot == []
