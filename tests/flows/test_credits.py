"""What people spend, and what comes back."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from sandbox.aimlapi import Fault, Render
from storage import ledger
from storage.ledger import Account, Pot
from tests.flows.looks import answers, says, shows_video

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.house import House


async def spent(house: House, person: Person) -> int:
    """Return the credits of a person's allowance that are held or captured."""
    async with house.db.reading() as connection:
        return await ledger.drawn(connection, Account.person(person.id), Pot.ALLOWANCE, since=0)


async def quota(chat: PrivateChat, by: Person) -> str:
    """Ask /quota and return what it says."""
    asked = await chat.send(by, "/quota")
    answer = await chat.wait(
        lambda message: message.message_id > asked.message_id and "credit" in (message.text or "")
    )
    return answer.text or ""


async def test_thirty_requests_at_once_on_an_allowance_for_six_make_six_submissions(
    house: House, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with house.running(max_pending_per_user=30):
        await asyncio.gather(*(chat.send(ann, f"/video boat number {n}") for n in range(30)))
        await provider.wait_for_submissions(6)
        asked = [message.message_id for message in chat.messages if message.sender == ann]
        first = [await chat.wait(answers(to), timeout=30) for to in asked]
        assert len([one for one in first if says("This one needs 9 credits")(one)]) == 24
        for submission in provider.submissions:
            await chat.wait(shows_video(str(submission.body["prompt"])), timeout=30)
        assert len(provider.submissions) == 6
        assert await spent(house, ann) == 54
        assert "0 credits" in await quota(chat, ann)


async def test_a_refusal_at_submission_gives_the_credits_back_and_says_what_to_change(
    bot: Bot, house: House, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.faults.next("submit", Fault.moderation())
    asked = await chat.send(ann, "/video something that is not allowed")
    answer = await chat.wait(says("refused this one"))
    assert answer.reply_to == asked.message_id
    assert "Try other words" in (answer.text or "")
    assert "9 credits are back" in (answer.text or "")
    assert await spent(house, ann) == 0
    assert "54 credits" in await quota(chat, ann)


async def test_a_refusal_while_it_is_made_gives_the_credits_back(
    bot: Bot, house: House, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.next_render = Render.refused("Your request was blocked by our moderation system.")
    await chat.send(ann, "/video something that is not allowed")
    await chat.wait(says("refused this one"))
    assert await spent(house, ann) == 0
    assert provider.spent_usd == 0


async def test_the_status_message_is_silent_and_goes_when_the_video_comes(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 0.5
    asked = await chat.send(ann, "/video a slow boat")
    status = await chat.wait(says("Ready in about"))
    assert status.silent
    assert status.reply_to == asked.message_id
    video = await chat.wait(shows_video())
    assert not video.silent
    await chat.wait_gone(status)


async def test_a_fourth_request_at_a_time_is_refused_and_costs_nothing(
    bot: Bot, house: House, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 30
    for n in range(3):
        await chat.send(ann, f"/video boat {n}")
    await provider.wait_for_submissions(3)
    await chat.send(ann, "/video one too many")
    await chat.wait(says("3 videos of yours"))
    assert await spent(house, ann) == 27


@pytest.mark.parametrize(
    ("render", "said"),
    [(Render.never(), "Try again in a few minutes"), (Render.works(), "order again in")],
)
async def test_a_full_budget_says_whether_there_may_be_room_soon(
    house: House, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person,
    provider: AimlApiSandbox, render: Render, said: str,
) -> None:  # fmt: skip
    """Ann has what she was granted, which is the operator's money as an allowance is."""
    provider.next_render = render
    async with house.running(budget_usd=Decimal(1), free_credits=0):
        await chat.send(ann, "/start")
        theirs = telegram.private(bob)
        await theirs.send(bob, "/start")
        async with house.db.transaction() as tx:
            for person in (ann, bob):
                account = Account.person(person.id)
                await ledger.grant(
                    tx, account, Pot.GRANTED, 20, cause=f"g{person.id}", note=None, now=0.0
                )
        await chat.send(ann, "/video a boat")
        await provider.wait_for_submissions(1)
        if said == "order again in":
            await chat.wait(shows_video("a boat"))
        await theirs.send(bob, "/video a kite")
        await theirs.wait(says(said))
    assert len(provider.submissions) == 1
