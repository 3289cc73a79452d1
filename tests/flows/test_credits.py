"""What people spend, and what comes back."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.aimlapi import Fault, Render
from sandbox.telegram.messages import Button
from storage import ledger, notices
from storage.ledger import Account, Pot
from tests.flows.predicates import answers, says, shows_video
from tests.groups.actions import spent

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Message, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


async def quota(chat: PrivateChat, by: Person) -> str:
    """Ask /quota and return what it says."""
    asked = await chat.send(by, "/quota")
    answer = await chat.wait(says("credit", after=asked))
    return answer.text or ""


async def test_thirty_requests_at_once_on_an_allowance_for_six_make_six_submissions(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(max_pending_per_user=30):
        await asyncio.gather(*(chat.send(ann, f"/video boat number {n}") for n in range(30)))
        await provider.wait_for_submissions(6)
        asked = [message.message_id for message in chat.messages if message.sender == ann]
        first = [await chat.wait(answers(to), timeout=30) for to in asked]
        assert len([one for one in first if says("This one needs 9 credits")(one)]) == 24
        for submission in provider.submissions:
            await chat.wait(shows_video(str(submission.body["prompt"])), timeout=30)
        assert len(provider.submissions) == 6
        assert await spent(harness, ann) == 54
        assert "0 credits" in await quota(chat, ann)


async def test_a_refusal_at_submission_gives_the_credits_back_and_says_what_to_change(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.faults.next("submit", Fault.moderation())
    asked = await chat.send(ann, "/video something that is not allowed")
    answer = await chat.wait(says("refused this one"))
    assert answer.reply_to == asked.message_id
    assert "Try other words" in (answer.text or "")
    assert "9 credits are back" in (answer.text or "")
    assert await spent(harness, ann) == 0
    assert "54 credits" in await quota(chat, ann)


async def test_a_refusal_while_it_is_made_gives_the_credits_back(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.next_render = Render.refused("Your request was blocked by our moderation system.")
    await chat.send(ann, "/video something that is not allowed")
    await chat.wait(says("refused this one"))
    assert await spent(harness, ann) == 0
    assert provider.spent_usd == 0


async def test_the_status_message_is_silent_and_goes_when_the_video_comes(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 0.5
    asked = await chat.send(ann, "/video a slow boat")
    status = await chat.wait(says("Expected in about"))
    assert status.silent
    assert status.reply_to == asked.message_id
    video = await chat.wait(shows_video())
    assert not video.silent
    await chat.wait_gone(status)


async def test_a_fourth_request_at_a_time_is_refused_and_costs_nothing(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 30
    for n in range(3):
        await chat.send(ann, f"/video boat {n}")
    await provider.wait_for_submissions(3)
    await chat.send(ann, "/video one too many")
    await chat.wait(says("3 videos of yours"))
    assert await spent(harness, ann) == 27


@pytest.mark.parametrize(
    ("render", "said"),
    [(Render.never(), "Try again in a few minutes"), (Render.works(), "order again in")],
)
async def test_a_full_budget_says_whether_there_may_be_room_soon(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person,
    provider: AimlApiSandbox, render: Render, said: str,
) -> None:  # fmt: skip
    """Ann has what she was granted, which is the operator's money as an allowance is."""
    provider.next_render = render
    async with harness.running(budget_usd=Decimal(1), free_credits=0):
        await chat.send(ann, "/start")
        theirs = telegram.private(bob)
        await theirs.send(bob, "/start")
        async with harness.db.transaction() as tx:
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


class Day:
    """A clock for the bot and for Telegram that can be put forward."""

    def __init__(self, telegram: TelegramSandbox) -> None:
        self.ahead = 0.0
        telegram.world.clock = self.read

    def read(self) -> float:
        return time.time() + self.ahead

    def pass_on(self) -> None:
        """Let a day pass."""
        self.ahead += 24 * 3600


async def short_of_credits(chat: PrivateChat, person: Person) -> Message:
    """Order once more than somebody can pay for; return what is said."""
    await chat.send(person, "/video a boat")
    await chat.wait(shows_video("a boat"))
    asked = await chat.send(person, "/video a train")
    return await chat.wait(says("This one needs 9 credits, you have 0", to=asked.message_id))


async def test_who_wants_it_is_told_once_when_their_credits_renew_also_by_the_next_start(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    day = Day(telegram)
    async with harness.running(free_credits=9, clock=day.read):
        told = await short_of_credits(chat, ann)
        for _ in range(2):
            answer = await told.press("Remind me")
            assert answer.text.startswith("I will tell you in ")
        assert "54" not in await quota(chat, ann)
        assert chat.last.button("Remind me").data == "remind"
    day.pass_on()
    for _ in range(2):
        async with harness.running(free_credits=9, clock=day.read):
            await chat.wait(says("Your credits are back: 9 credits, about 1 video."))
            await chat.send(ann, "/help")
            await chat.wait(lambda one: says("/video")(one) and one is chat.last)
    assert len([one for one in chat.from_bot if says("Your credits are back")(one)]) == 1


async def test_a_crowd_that_asks_for_credits_does_not_flood_the_owner(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(notices, "MOST_ASKING_A_DAY", 1)
    async with harness.running(free_credits=9, admin_ids=frozenset({telegram.person("Olga").id})):
        told = await short_of_credits(chat, ann)
        assert "I asked the owner" in (await told.press("Ask the owner")).text
        told = await short_of_credits(telegram.private(bob), bob)
        assert "Many people ask today" in (await told.press("Ask the owner", by=bob)).text


async def test_the_owner_is_asked_once_a_day_and_the_first_admins_answer_counts(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    day = Day(telegram)
    owners = [telegram.person("Olga"), telegram.person("Omar")]
    desks = [telegram.private(owner) for owner in owners]
    settings: dict[str, Any] = {
        "free_credits": 9,
        "admin_ids": frozenset(owner.id for owner in owners),
    }
    async with harness.running(clock=day.read, **settings):
        for desk, owner in zip(desks, owners, strict=True):
            await desk.send(owner, "/help")
        told = await short_of_credits(chat, ann)
        assert "I asked the owner" in (await told.press("Ask the owner")).text
        assert "I asked today already" in (await told.press("Ask the owner")).text
        cards = [await desk.wait(says("🙋 Ann")) for desk in desks]
    async with harness.running(clock=day.read, **settings):
        await cards[0].press("Grant 50")
        await chat.wait(says("You were given 50 credits, about 5 videos."))
        await desks[0].wait(lambda one: one is cards[0] and "50 credits more" in (one.text or ""))
        async with harness.db.transaction() as tx:
            # as with who deletes their data, or by RETENTION_DAYS
            await tx.execute("DELETE FROM notices WHERE kind = 'granted'")
        assert "was answered already" in (await cards[1].press("No")).text
        await desks[1].wait(lambda one: one is cards[1] and not one.buttons)
        assert "You have 50 credits" in await quota(chat, ann)
        day.pass_on()
        assert "I asked the owner" in (await told.press("Ask the owner")).text
        again = await desks[1].wait(lambda one: says("🙋 Ann")(one) and one is not cards[1])
        await again.press("No")
        await chat.wait(says("The owner of this bot gives no more credits for now."))
        forged = Button("?", f"answer:{ann.id}:0:1000")
        refused = await telegram.world.press(told, forged, by=ann, timeout=5)
        assert refused.text == "This button is not for you."
        assert "You have 59 credits" in await quota(chat, ann)
    assert all(len([m for m in desk.from_bot if says("🙋 Ann")(m)]) <= 2 for desk in desks)
