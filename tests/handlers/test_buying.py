"""Credits for Stars: from /buy to the receipt, and what is paid with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.tasks import MAX_CONCURRENT_CHATS
from bot.updates.intake import origin_of
from handlers.replies.more_credits import MAX_STARS, Purchase, packages
from sandbox.aimlapi import Render
from sandbox.telegram import Fault
from sandbox.telegram.actors import ANONYMOUS_ADMIN
from sandbox.telegram.stars import StarPayment
from storage import chats, ledger, outages, people, statistics
from storage.ledger import Account, Pot
from storage.outages import Pause
from storage.people import Ban
from tests.handlers.shared import settled, until
from tests.harness import ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.telegram import Group, Message, Person, PrivateChat, TelegramSandbox
    from sandbox.telegram.actors import Topic
    from tests.harness import Harness

SELLING: dict[str, Any] = {"stars_per_credit": 10, "support_contact": "@owner"}


def says(words: str) -> Callable[[Message], bool]:
    """Whether a message says this."""
    return lambda one: words in (one.text or "")


async def bought(harness: Harness, owner: Person | PrivateChat | Group) -> int:
    """Return what was bought and not used: of a person, or of a group."""
    async with harness.db.reading() as connection:
        account = Account.person(owner.id)
        if owner.id < 0:
            known = await chats.by_telegram_id(connection, owner.id)
            account = Account.chat(known.id if known else 0)
        return await ledger.stored(connection, account, Pot.BOUGHT)


async def moves(harness: Harness) -> list[tuple[str, str, int]]:
    """Return the rows of the ledger: pot, kind, credits."""
    async with harness.db.reading() as connection:
        rows = await connection.fetch_all("SELECT pot, kind, credits FROM ledger ORDER BY id")
    return [(row["pot"], row["kind"], row["credits"]) for row in rows]


async def invoice(
    chat: PrivateChat | Group, person: Person, credits_: int = 50, topic: Topic | None = None
) -> Message:
    """Choose a package; returns its invoice."""
    before = len([one for one in chat.from_bot if "invoice" in one.extra])
    await chat.send(person, "/buy", topic=topic)
    shown = await chat.wait(lambda one: any("⭐" in b.text for r in one.buttons for b in r))
    await shown.press(f"{credits_} credits", by=person)
    sent = [one for one in chat.from_bot if "invoice" in one.extra]
    assert len(sent) == before + 1
    return sent[-1]


async def pay(
    chat: PrivateChat | Group, person: Person, credits_: int = 50, notices: int = 1
) -> None:
    """Buy a package and wait for the receipt."""
    answer = await chat.pay(await invoice(chat, person, credits_), person, notices=notices)
    assert answer["ok"], answer
    if notices:
        await chat.wait(says("Thank you!"))


@pytest.mark.parametrize(
    ("cost", "price", "sold"),
    [
        (9, 10, [50, 90, 230, 450]),
        (1, 10, [10, 30, 50]),
        (84, 10, [420, 840, 1000]),
        (9, 10_000, [1]),
    ],
)
def test_packages_are_a_few_usual_videos_each_and_never_over_what_telegram_takes(
    cost: int, price: int, sold: list[int]
) -> None:
    assert packages(cost, price) == sold
    assert all(credits_ * price <= MAX_STARS for credits_ in sold)


@pytest.mark.parametrize(
    "made",
    [
        Purchase(2**52, 1_000_000, 10_000),
        Purchase(-(2**52), 1_000_000, 10_000),
        Purchase(-1_002_003_004_005, 50, 500, thread_id=2**31),
    ],
)
def test_an_invoice_says_whose_it_is_what_it_sells_and_for_how_much(made: Purchase) -> None:
    assert Purchase.read(made.payload) == made
    assert len(made.payload.encode()) <= 128


@pytest.mark.parametrize(
    "payload",
    ["", "order-1", "credits:3:1:50:500", "credits:2:1:50:500", "credits:2:0:0:50:500",
     "credits:2:-1:0:50:500", "credits:2:1:x:50:500", "credits:1:1:50", "credits:1:1:50:500:9",
     "credits:1:01:50:500", "credits:1:1:-50:500", "credits:1:1:0:500", "credits:1:1:50:x",
     "credits:1:1:\u0665:500", f"credits:1:1:50:{'9' * 200}",
     f"credits:1:1:{10**19}:500"],
)  # fmt: skip
def test_what_is_no_invoice_of_ours_sells_nothing(payload: str) -> None:
    assert Purchase.read(payload) is None


async def test_a_video_is_paid_with_bought_credits_outside_of_the_budget(
    harness: Harness, chat: PrivateChat, place: PrivateChat | Group, ann: Person
) -> None:
    async with harness.running(free_credits=0, budget_usd=0, **SELLING):
        await place.send(ann, "/buy")
        shown = await place.wait(lambda one: bool(one.buttons))
        assert [row[0].text for row in shown.buttons] == [
            "50 credits, about 5 videos · 500 ⭐", "90 credits, about 10 videos · 900 ⭐",
            "230 credits, about 25 videos · 2,300 ⭐", "450 credits, about 50 videos · 4,500 ⭐",
        ]  # fmt: skip
        await pay(place, ann)
        told = await chat.wait(says("Thank you!"))
        what = "50 credits, about 5 videos" if place is chat else "50 credits for Film club"
        assert told.text == (
            f"Thank you! You bought {what}. They do not expire.\n"
            "Payment 1: 500 ⭐. Questions? /paysupport"
        )
        assert await bought(harness, place) == 50
        await place.send(ann, "/video a lighthouse")
        await place.wait(lambda one: one.video is not None)
        await settled(harness)
        async with harness.db.reading() as connection:
            assert await statistics.budget_used(connection, since=0.0) == 0
        assert await moves(harness) == [
            ("bought", "purchase", 50), ("bought", "hold", 9), ("bought", "capture", 9),
        ]  # fmt: skip


async def test_a_video_that_fails_gives_its_bought_credits_back(
    harness: Harness, place: PrivateChat | Group, ann: Person
) -> None:
    async with harness.running(free_credits=0, **SELLING):
        await pay(place, ann)
        harness.provider.next_render = Render.failed()
        await place.send(ann, "/video a lighthouse")
        await place.wait(says("9 credits are back"))
        assert await bought(harness, place) == 50
        assert (await moves(harness))[-1] == ("bought", "release", 9)


async def test_a_payment_told_twice_is_credited_once(
    harness: Harness, chat: PrivateChat, place: PrivateChat | Group, ann: Person
) -> None:
    async with harness.running(**SELLING):
        await pay(place, ann, notices=3)
        await place.send(ann, "/quota")
        await place.wait(says("You have 104 credits" if place is chat else "has 50 credits"))
    assert len([one for one in place.from_bot if "Thank you!" in (one.text or "")]) == 1


async def test_one_invoice_paid_twice_is_two_payments(
    harness: Harness, chat: PrivateChat, place: PrivateChat | Group, ann: Person
) -> None:
    async with harness.running(**SELLING):
        asked = await invoice(place, ann)
        for number in (1, 2):
            await place.pay(asked, ann)
            await chat.wait(says(f"Payment {number}:"))
        assert await bought(harness, place) == 100


async def test_a_payment_is_agreed_to_only_as_things_are_now(
    harness: Harness, chat: PrivateChat, ann: Person, bob: Person, telegram: TelegramSandbox
) -> None:
    async with harness.running(**SELLING):
        asked = await invoice(chat, ann)
        not_his = await chat.pay(asked, bob)
        assert "somebody else's" in not_his["error_message"]
        right, asked.payload = asked.payload, "order-1"
        assert "old" in (await chat.pay(asked, ann))["error_message"]
        asked.payload = f"credits:1:{ann.id}:5000:500"
        assert "price has changed" in (await chat.pay(asked, ann))["error_message"]
        asked.payload = right
        async with harness.db.transaction() as tx:
            await people.ban(tx, Ban(telegram_id=ann.id, by=ADMIN, at=0.0), cause="test")
        assert "cannot make videos" in (await chat.pay(asked, ann))["error_message"]
        async with harness.db.transaction() as tx:
            await people.unban(tx, ann.id)
            await outages.begin_pause(tx, Pause("moving house", None))
        assert "moving house" in (await chat.pay(asked, ann))["error_message"]
        async with harness.db.transaction() as tx:
            await outages.end_pause(tx)
    async with harness.running(**SELLING | {"stars_per_credit": 11}):
        assert "price has changed" in (await chat.pay(asked, ann))["error_message"]
    async with harness.running():
        assert "sells no credits" in (await chat.pay(asked, ann))["error_message"]
    async with harness.running(allowed_ids=frozenset({bob.id}), **SELLING):
        assert "private" in (await chat.pay(asked, ann))["error_message"]
    async with harness.running(allowed_ids=frozenset({ann.id}), **SELLING):
        assert (await chat.pay(asked, ann))["ok"]
        await chat.wait(says("Thank you!"))
    assert len(telegram.world.stars.payments) == 1


async def test_a_payment_is_agreed_to_while_every_slot_is_busy(
    harness: Harness, chat: PrivateChat, ann: Person, telegram: TelegramSandbox
) -> None:
    async with harness.running(**SELLING):
        asked, before = await invoice(chat, ann), len(telegram.calls_of("sendMessage"))
        stuck = telegram.faults.always("sendMessage", Fault.hang())
        for number in range(MAX_CONCURRENT_CHATS + 1):
            somebody = telegram.person(f"P{number}")
            await telegram.private(somebody).send(somebody, "/help")
        await telegram.wait_for_call("sendMessage", count=before + MAX_CONCURRENT_CHATS)
        assert (await chat.pay(asked, ann))["ok"]
        stuck.release()
        await chat.wait(says("Thank you!"))


async def test_a_payment_is_agreed_to_once_more_where_the_answer_is_lost(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(**SELLING):
        asked = await invoice(chat, ann)
        for fault in (Fault.dropped(), Fault.answer_lost(), Fault.bad_gateway()):
            harness.telegram.faults.next("answerPreCheckoutQuery", fault)
            assert (await chat.pay(asked, ann))["ok"], fault
        await chat.wait(says("Payment 3:"))


def test_a_payment_to_be_agreed_to_is_never_dropped_for_what_else_its_payer_sent() -> None:
    query = {"id": "1", "from": {"id": 7}, "invoice_payload": "x"}
    assert not origin_of({"update_id": 1, "pre_checkout_query": query}).is_bounded


async def test_what_a_shut_out_person_paid_for_is_theirs(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(**SELLING):
        asked = await invoice(chat, ann)
        async with harness.db.transaction() as tx:
            await people.ban(tx, Ban(telegram_id=ann.id, by=ADMIN, at=0.0), cause="test")
        telegram = harness.telegram
        charge = StarPayment("charge-x", ann, 500, asked.payload or "")
        chat.service(ann, successful_payment=charge.as_json())
        await chat.wait(says("Thank you!"))
        assert await bought(harness, ann) == 50
        # the program that had the bot's token before sold something else
        other = StarPayment("charge-y", ann, 70, "a hat")
        chat.service(ann, successful_payment=other.as_json())
        told = await chat.wait(says("cannot read what for"))
        assert "70 ⭐" in (told.text or "")
        assert await bought(harness, ann) == 50
        assert telegram.calls_of("refundStarPayment") == []


async def test_who_has_too_few_credits_is_led_to_buying_also_from_a_group(
    harness: Harness,
    chat: PrivateChat,
    club: Group,
    ann: Person,
    bob: Person,
    telegram: TelegramSandbox,
) -> None:
    async with harness.running(free_credits=0, **SELLING):
        await chat.send(ann, "/quota")
        await chat.wait(says("You get more with /buy"))
        await chat.send(ann, "/help")
        await chat.wait(says("A usual video costs 9 credits. You get some with /buy."))
        await chat.send(ann, "/video a cat")
        short = await chat.wait(lambda one: says("needs")(one) and bool(one.buttons))
        await short.press("⭐ Buy")
        await chat.wait(lambda one: any("50 credits" in b.text for r in one.buttons for b in r))
        await club.send(bob, "/video a cat")
        short = await club.wait(says("more than you have left"))
        await short.press("⭐ Buy", by=ann)
        await club.wait(says("⭐ Credits for all of Film club."))
        # where a forwarded copy of an invoice leads
        theirs = telegram.private(bob)
        await theirs.send(bob, "/start buy")
        await theirs.wait(lambda one: any("50 credits" in b.text for r in one.buttons for b in r))


@pytest.mark.parametrize("alone", [True, False])
async def test_whoever_pays_in_a_group_fills_it_for_all(
    harness: Harness,
    club: Group,
    ann: Person,
    bob: Person,
    telegram: TelegramSandbox,
    *,
    alone: bool,
) -> None:
    """Of a payment the bot is told where it is alone with the payer, or else in the group."""
    dan = telegram.person("Dan")
    club.members.append(dan)
    async with harness.running(free_credits=0, **SELLING):
        if alone:
            telegram.private(dan)
        asked = await invoice(club, ann)
        assert asked.extra["invoice"]["title"] == "50 credits for Film club"
        for one in [one for one in club.from_bot if says("⭐ Credits")(one)]:
            await club.wait_gone(one)  # it took their place
        copy = await telegram.private(bob).forward(bob, asked)
        with pytest.raises(AssertionError, match="forwarded copy"):
            await telegram.private(bob).pay(copy, bob)
        assert (await club.pay(asked, dan))["ok"]
        await club.wait(says("🎁 Dan bought 50 credits, about 5 videos for all of this group."))
        if alone:
            await telegram.private(dan).wait(says("You bought 50 credits for Film club."))
        await club.send(bob, "/video a lighthouse")
        await club.wait(lambda one: one.video is not None)
        await club.send(bob, "/quota")
        shown = await club.wait(says("This group has 41 credits, about 4 videos."))
        assert says("They do not expire.")(shown)
        assert [await bought(harness, one) for one in (club, ann, bob, dan)] == [41, 0, 0, 0]
        # as an admin who hides; the list of payments tells who it was
        hidden = StarPayment("charge-x", dan, 500, asked.payload or "")
        telegram.world.stars.record_payment(hidden, now=telegram.world.clock())
        club.service(ANONYMOUS_ADMIN, successful_payment=hidden.as_json())
        await club.wait(lambda one: says("🎁 Dan")(one) and one.message_id > shown.message_id)
        assert await bought(harness, club) == 91


async def test_a_groups_invoice_is_paid_only_as_things_are_there_now(
    harness: Harness, club: Group, ann: Person, bob: Person, telegram: TelegramSandbox
) -> None:
    async def refused(by: Person = bob) -> str:
        answer = await club.pay(asked, by)
        return str(answer.get("error_message", ""))

    async with harness.running(**SELLING):
        asked = await invoice(club, ann)
        right, asked.payload = asked.payload, (asked.payload or "").replace(":50:", ":5000:")
        assert "price has changed" in await refused()
        asked.payload = f"credits:2:{-club.id + 1}:0:50:500"
        assert "old" in await refused(), "it was a group before it became a supergroup"
        asked.payload = right
        for number, why in ((bob.id, "cannot make videos"), (club.id, "not work in that group")):
            async with harness.db.transaction() as tx:
                await people.ban(tx, Ban(telegram_id=number, by=ADMIN, at=0.0), cause=f"{number}")
            assert why in await refused()
            async with harness.db.transaction() as tx:
                await people.unban(tx, number)
        await club.send(ann, "/settings")
        await (await club.wait(lambda one: "Off here" in one.labels)).press("Off here", by=ann)
        assert "not work in that group" in await refused()
        await (await club.wait(lambda one: "Everyone" in one.labels)).press("Everyone", by=ann)
    async with harness.running(allowed_ids=frozenset({ADMIN}), **SELLING):
        assert "not work in that group" in await refused()
        await club.send(bob, "/buy")
        await club.wait(says("Ask its owner to allow this group."))
    async with harness.running(allowed_ids=frozenset({club.id}), **SELLING):
        club.kick_bot()
        await until(harness, lambda tx: tx.exists("SELECT 1 FROM chats WHERE NOT reachable"))
        assert "not work in that group" in await refused()
    assert telegram.world.stars.payments == {}


async def test_what_is_paid_for_a_group_nobody_knows_is_the_payers(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(**SELLING):
        await chat.send(ann, "/buy")
        await chat.wait(lambda one: bool(one.buttons))
        charge = StarPayment("charge-x", ann, 500, "credits:2:100777:0:50:500")
        chat.service(ann, successful_payment=charge.as_json())
        await chat.wait(says("You bought 50 credits, about 5 videos."))
        assert await bought(harness, ann) == 50


async def test_what_was_agreed_to_before_a_group_became_a_supergroup_is_the_supergroups(
    harness: Harness, ann: Person, telegram: TelegramSandbox
) -> None:
    group, world = telegram.group("Old club", [ann], kind="group"), telegram.world
    async with harness.running(free_credits=0, **SELLING):
        charge = StarPayment("charge-x", ann, 500, (await invoice(group, ann)).payload or "")
        new = group.migrate()
        await until(harness, lambda tx: tx.exists("SELECT 1 FROM chats WHERE moved_at > 0"))
        world.stars.record_payment(charge, now=world.clock())
        telegram.private(ann).service(ann, successful_payment=charge.as_json())
        await new.wait(says("🎁 Ann bought 50 credits"))
        assert [await bought(harness, one) for one in (new, ann)] == [50, 0]
        await new.send(ann, "/video a lighthouse")
        await new.wait(lambda one: one.video is not None)
        assert await bought(harness, new) == 41


async def test_nobody_buys_for_a_group_who_may_not_ask_there(
    harness: Harness, ann: Person, bob: Person, telegram: TelegramSandbox
) -> None:
    async with harness.running(**SELLING):
        forum = telegram.group("Film club", [ann, bob], forum=True)
        films, talk = forum.topic("Films"), forum.topic("Talk")
        await forum.send(ann, "/settings", topic=films)
        shown = await forum.wait(lambda one: "Only this topic" in one.labels)
        await shown.press("Only this topic", by=ann)
        await forum.send(bob, "/buy", topic=talk)
        await forum.wait(says("only in the topic “Films”"))
        asked = await invoice(forum, bob, topic=films)
        assert asked.topic is films
        await forum.pay(asked, bob)
        told = await forum.wait(says("🎁 Bob"))
        assert told.topic is films
