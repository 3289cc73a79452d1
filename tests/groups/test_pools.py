"""A group's credits: the pool first, up to each one's share, then one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handlers.admin.limits import Limit, read_limit
from sandbox.aimlapi import Fault
from storage import chats, ledger
from storage.ledger import Account, Pot
from tests.flows.predicates import says, shows_video
from tests.groups.actions import made, settings_of, spent
from tests.groups.test_manners import operator
from tests.handlers.shared import settled
from tests.handlers.test_buying import SELLING, invoice

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


async def pooled(harness: Harness, group: Group) -> int:
    """Return the credits drawn from a group's pool."""
    async with harness.db.reading() as connection:
        chat = await chats.by_telegram_id(connection, group.id)
        assert chat is not None
        return await ledger.drawn(connection, Account.chat(chat.id), Pot.POOL, since=0)


async def give(telegram: TelegramSandbox, club: Group, member: Person, words: str) -> PrivateChat:
    """Let the operator give a group a pool; the bot must have met it."""
    await club.send(member, "/help")
    await club.wait(says("/video"))
    owner, private = operator(telegram)
    await private.send(owner, f"/limit {club.id} {words}")
    await private.wait(says("has a pool of"))
    return private


async def test_the_pool_pays_first_up_to_the_share_then_ones_own(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person, bob: Person
) -> None:
    await give(telegram, club, ann, "100 15")
    await made(harness, club, ann, "boat one")
    assert (await pooled(harness, club), await spent(harness, ann)) == (9, 0)
    await made(harness, club, ann, "boat two")
    assert (await pooled(harness, club), await spent(harness, ann)) == (15, 3), (
        "6 of the share, 3 own"
    )
    await made(harness, club, bob, "train")
    assert (await pooled(harness, club), await spent(harness, bob)) == (24, 0), (
        "Bob has a share too"
    )


async def test_an_empty_pool_leaves_ones_own(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person, bob: Person
) -> None:
    await give(telegram, club, ann, "12")
    await made(harness, club, ann, "boat")
    await made(harness, club, bob, "train")
    assert (await pooled(harness, club), await spent(harness, bob)) == (12, 6)


async def test_what_fails_goes_back_to_where_it_came_from(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    club: Group,
    ann: Person,
    provider: AimlApiSandbox,
) -> None:
    await give(telegram, club, ann, "100 5")
    provider.faults.next("submit", Fault.moderation())
    await club.send(ann, "/video something that is not allowed")
    await club.wait(says("was refused"))
    assert (await pooled(harness, club), await spent(harness, ann)) == (0, 0)


async def test_the_pool_counts_in_its_group_only(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    club: Group,
    chat: PrivateChat,
    ann: Person,
) -> None:
    await give(telegram, club, ann, "100")
    await made(harness, chat, ann, "boat")
    assert (await pooled(harness, club), await spent(harness, ann)) == (0, 9)


async def test_who_writes_as_the_group_draws_on_its_pool_and_has_no_allowance(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person
) -> None:
    asked = await club.send(ann, "/video too early", sender_chat=club)
    await club.wait(says("more than is left", to=asked.message_id))
    await give(telegram, club, ann, "100 10")
    await club.send(ann, "/video a boat", sender_chat=club)
    await club.wait(shows_video("a boat"))
    await settled(harness)
    assert await pooled(harness, club) == 9


async def test_quota_in_a_group_shows_the_pool_and_nothing_of_anybody(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person, bob: Person
) -> None:
    await give(telegram, club, ann, "100 20")
    await made(harness, club, ann, "boat")
    await club.send(bob, "/quota")
    shown = await club.wait(says("This group has 91 credits"))
    assert "of 100 left" in (shown.text or "")
    assert "Each member may use 20" in (shown.text or "")
    assert "54" not in (shown.text or "")
    assert "start=quota" in (shown.button("Open in private").url or "")


async def test_limit_shows_all_pools_and_takes_one_away(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person
) -> None:
    private = await give(telegram, club, ann, "100 20")
    owner = private.members[0]
    await private.send(owner, "/limit")
    await private.wait(
        says(f"Film club ({club.id}): 100 of 100 credits left. Each member may use 20")
    )
    await private.send(owner, f"/limit {club.id} 0")
    await private.wait(says("has no pool any more"))
    await made(harness, club, ann, "boat")
    assert (await pooled(harness, club), await spent(harness, ann)) == (0, 9)


async def test_limit_is_for_who_runs_the_bot_in_private_only(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    club: Group,
    chat: PrivateChat,
    ann: Person,
) -> None:
    await chat.send(ann, f"/limit {club.id} 1000")
    await chat.wait(says("don't know /limit"))
    owner, _ = operator(telegram)
    club.join(owner)
    await club.send(owner, f"/limit {club.id} 1000")
    await club.send(owner, "/help")
    await club.wait(says("/video"))
    assert await _pool_of(harness, club) == 0


async def _pool_of(harness: Harness, club: Group) -> int:
    async with harness.db.reading() as connection:
        chat = await chats.by_telegram_id(connection, club.id)
        assert chat is not None
        return (await chats.group_of(connection, chat.id)).pool


async def test_a_supergroup_keeps_the_pool_of_the_group_it_was(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, ann: Person
) -> None:
    group = telegram.group("Old club", [ann], kind="group")
    await give(telegram, group, ann, "100 20")
    await made(harness, group, ann, "boat")
    new = group.migrate()
    await new.send(ann, "/quota")
    await new.wait(says("This group has 91 credits"))


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        ("-100123 50", Limit(-100123, 50, None)),
        ("-100123 50 9", Limit(-100123, 50, 9)),
        ("-100123 0", Limit(-100123, 0, None)),
        ("123 50", Limit(123, 50)),
        ("@ann 50", Limit("ann", 50)),
        ("123 50 9", None),
        ("@ann 50 9", None),
        ("-100123", None),
        ("-100123 -5", None),
        ("-100123 50 x", None),
        ("-100123 5000000", None),
        ("-100123 50 9 9", None),
        ("ann 50", None),
    ],
)
def test_limit_reads_who_credits_and_a_groups_share(words: str, limit: Limit | None) -> None:
    assert read_limit(words.split()) == limit


async def test_a_card_in_a_group_tells_the_pool_and_nobodys_credits(
    bot: Bot, telegram: TelegramSandbox, club: Group, ann: Person
) -> None:
    dear = "/video a boat --model sora-2-pro --seconds 12"
    await club.send(ann, dear)
    card = await club.wait(says("Make a video of this?"))
    assert (card.text or "").splitlines()[-1] == "38 credits"
    await give(telegram, club, ann, "100")
    await club.send(ann, dear)
    await club.wait(says("38 of the group's 100 credits"))


async def test_what_is_cheaper_counts_the_pool(
    harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person
) -> None:
    async with harness.running(free_credits=2):
        await give(telegram, club, ann, "5")
        await club.send(ann, "/video a boat")
        refusal = await club.wait(says("more than you have left"))
        assert any("Veo" in label for label in refusal.labels)


async def test_who_writes_as_the_group_starts_a_dear_one_by_saying_it_again(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    club: Group,
    ann: Person,
    provider: AimlApiSandbox,
) -> None:
    await give(telegram, club, ann, "100")
    dear = "/video a boat --model sora-2-pro --seconds 12"
    await club.send(ann, dear, sender_chat=club)
    card = await club.wait(says("Send the command again to start it."))
    assert provider.submissions == []
    await club.send(ann, dear, sender_chat=club)
    await club.wait(shows_video("a boat"))
    await club.wait_gone(card)
    await settled(harness)
    assert len(provider.submissions) == 1
    assert await pooled(harness, club) == 38


async def test_what_one_buys_for_a_group_another_spends_and_all_are_told_when_it_goes_back(
    harness: Harness, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    carl, group = telegram.person("Carl"), telegram.group("Old club", [ann, bob], kind="group")
    group.members.append(carl)
    async with harness.running(free_credits=10, **SELLING):
        owner = await give(telegram, group, ann, "5 30")
        asked = await invoice(group, ann, 50)
        assert (await group.pay(asked, bob))["ok"]
        await group.wait(says("🎁 Bob bought 50 credits, about 5 videos for all of this group."))
        await made(harness, group, carl, "a boat")
        assert (await pooled(harness, group), await spent(harness, carl)) == (5, 0)
        await group.send(carl, "/quota")
        told = (await group.wait(says("This group has 46 credits, about 5 videos."))).text or ""
        assert "They do not expire. Each member may use 30 of them. It gets 5 free" in told
        settings = await settings_of(group, ann)
        assert "This group has 46 credits" in (settings.text or "")
        # the group grows up, and what it has goes with it; of its old invoice nobody pays any more
        new = group.migrate()
        await made(harness, new, ann, "a train")
        assert await spent(harness, ann) == 0
        assert "old" in (await group.pay(asked, bob))["error_message"]
        office = owner.members[0]
        await owner.send(office, "/admin")
        await (await owner.wait(lambda one: bool(one.buttons))).press("Groups")
        await owner.wait(says("2 videos, pool: 0 of 5 credits left, 37 bought"))
        await owner.send(office, "/refund 1")
        card = await owner.wait(says("13 of the credits are used."))
        await card.press("Give 500 ⭐ back")
        gone = await new.wait(says("A payment for this group went back"))
        assert "13 of them were used: the next credits bought" in (gone.text or "")
        await new.send(carl, "/quota")
        await new.wait(says("What is bought next first pays 13 credits"))
        await made(harness, new, carl, "a lake")
        assert await spent(harness, carl) == 9, "the group's debt is not its members'"
