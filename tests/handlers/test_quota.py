"""/quota: credits as videos, what is set aside, when there will be more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from generation.models.pricing import Period
from generation.orders.balances import Balance
from handlers.account import quota
from tests.generation.orders.defaults import terms
from tests.handlers.shared import SPEECH

if TYPE_CHECKING:
    from generation.orders.balances import Terms
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox

HOURS = 3600.0


def written(
    *,
    allowance: int = 54,
    bought: int = 0,
    granted: int = 0,
    held: int = 0,
    pending: int = 0,
    renews_at: float | None = 5 * HOURS,
    given: Terms | None = None,
) -> str:
    balance = Balance(
        allowance=allowance, granted=granted, bought=bought, held=held, renews_at=renews_at
    )
    return quota.text(
        balance, pending=pending, cost=9, terms=given or terms(), translator=SPEECH, now=0.0
    )


def test_credits_are_said_as_videos() -> None:
    assert written().startswith("You have 54 credits, about 6 videos.")


def test_too_few_for_a_video_is_said_as_what_is_missing() -> None:
    assert written(allowance=5).startswith("You have 5 credits. A usual video costs 9.")


def test_renewal_is_said_from_now() -> None:
    assert "renews in 5 hours: 54 credits, about 6 videos." in written()


def test_what_is_set_aside_is_said() -> None:
    text = written(allowance=36, held=18, pending=2)
    assert "18 credits are set aside for 2 videos being made." in text


def test_bought_credits_are_told_apart() -> None:
    assert "20 of them do not expire" in written(bought=20)
    assert "They do not expire. You bought those." in written(allowance=0, bought=20)
    assert "20 of them do not expire. You bought 15 of those." in written(bought=15, granted=5)
    assert "bought" not in written(granted=5)


def test_what_is_owed_for_a_payment_that_went_back_is_said() -> None:
    text = written(bought=-9)
    assert text.startswith("You have 45 credits, about 5 videos.\n9 credits are taken off: ")


def test_a_video_dearer_than_the_allowance_does_not_say_come_back_tomorrow() -> None:
    text = written(allowance=5, given=terms(free_credits=5))
    assert "more than your whole allowance. Ask the owner" in text


def test_an_allowance_for_life_does_not_renew() -> None:
    text = written(renews_at=None, given=terms(period=Period.LIFETIME))
    assert "given once" in text
    assert "renews" not in text


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("command", ["/quota", "/credits", "/QUOTA"])
async def test_quota_answers_in_private(chat: PrivateChat, ann: Person, command: str) -> None:
    await chat.send(ann, command)
    answer = await chat.wait(lambda message: message.text is not None)
    assert (answer.text or "").startswith("You have 54 credits, about 6 videos.")


@pytest.mark.usefixtures("bot")
async def test_quota_counts_what_is_being_made_and_what_was(
    chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 60.0
    await chat.send(ann, "/video a cat")
    await provider.wait_for_submissions(1)
    await chat.send(ann, "/quota")
    answer = await chat.wait(lambda message: "You have" in (message.text or ""))
    assert "You have 45 credits, about 5 videos." in (answer.text or "")
    assert "9 credits are set aside for 1 video being made." in (answer.text or "")


@pytest.mark.usefixtures("bot")
async def test_a_group_learns_nothing_about_a_persons_credits(
    telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    group = telegram.group("Film club", [ann, bob])
    for command in ("quota", "history", "settings"):
        await group.send(bob, f"/{command}@{telegram.bot.username}")
        link = f"https://t.me/{telegram.bot.username}?start={command}"
        answer = await group.wait(lambda message, link=link: link in str(message.buttons))  # type: ignore[misc]
        assert "credits" not in (answer.text or "")
        assert answer.button("Open in private").url == link


@pytest.mark.usefixtures("bot")
async def test_an_edited_command_is_not_answered_again(chat: PrivateChat, ann: Person) -> None:
    asked = await chat.send(ann, "/quota")
    await chat.wait(lambda message: "You have" in (message.text or ""))
    await chat.edit(asked, "/quota please")
    await chat.send(ann, "/help")
    await chat.wait(lambda message: "/video" in (message.text or ""))
    assert len(chat.from_bot) == 2
