"""/paysupport and /terms: a question reaches the owner, and the answer comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.account.support import MAX_QUESTIONS_A_DAY
from sandbox.aimlapi import Render
from storage import notices
from tests.handlers.test_buying import SELLING, pay, says

if TYPE_CHECKING:
    import pytest

    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


async def test_a_question_reaches_the_owner_with_the_payments_and_the_answer_comes_back(
    harness: Harness,
    chat: PrivateChat,
    ann: Person,
    bob: Person,
    office: PrivateChat,
    owner: Person,
) -> None:
    async with harness.running(**SELLING):
        await pay(chat, ann)
        harness.provider.next_render = Render.failed()
        await chat.send(ann, "/video a lighthouse")
        await chat.wait(says("9 credits are back"))
        await chat.send(ann, "/paysupport")
        told = await chat.wait(says("Payment 1: 50 credits, 500 ⭐"))
        assert "Questions? @owner" in (told.text or "")
        await chat.send(ann, "/paysupport my video\nnever came @bob")
        await chat.wait(says("I passed that on"))
        asked = await office.wait(says("🛟 Ann"))
        assert "asks: my video never came @\u200bbob" in (asked.text or "")
        assert "/refund 1 · 50 credits, 500 ⭐" in (asked.text or "")
        assert "Videos that failed last: 1 (" in (asked.text or "")
        how = await asked.press("Answer")
        assert how.alert
        await office.send(owner, "Sorry! Look again.", reply_to=asked)
        await office.wait(says("I pass it on to Ann"))
        back = await chat.wait(says("The owner of this bot answers"))
        assert (back.text or "").splitlines()[1] == "Sorry! Look again."
        assert (await back.press("Write back")).alert
        await chat.send(ann, "Found it, thank you!", reply_to=back)
        await office.wait(says("asks: Found it, thank you!"))
        assert not harness.telegram.calls_of("sendVideo"), "an answer is no order"
        # a message that only looks like it carries nothing of ours
        theirs = harness.telegram.private(bob)
        forged = await theirs.send(bob, "hello")
        await theirs.send(bob, "tell Ann", reply_to=forged)
        await theirs.wait(lambda one: bool(one.buttons))
        assert len([one for one in chat.from_bot if says("answers")(one)]) == 1


async def test_who_is_banned_is_still_heard_about_what_they_paid(
    harness: Harness,
    chat: PrivateChat,
    ann: Person,
    bob: Person,
    office: PrivateChat,
    owner: Person,
) -> None:
    async with harness.running(**SELLING):
        await pay(chat, ann)
        theirs = harness.telegram.private(bob)
        await theirs.send(bob, "/start")
        await theirs.wait(lambda one: bool(one.buttons))
        for one in (ann, bob):
            await office.send(owner, f"/ban {one.id} rude")
            await office.wait(says(f"{one.id} is banned."))
        await chat.send(ann, "/video a boat")
        await chat.wait(says("The reason: rude. Questions? @owner About a payment, write /paysup"))
        await chat.send(ann, "/terms")
        await chat.wait(says("For a refund, write /paysupport."))
        await chat.send(ann, "/paysupport give it back")
        asked = await office.wait(says("asks: give it back"))
        await office.send(owner, "Of course.", reply_to=asked)
        back = await chat.wait(says("Of course."))
        await chat.send(ann, "Thank you", reply_to=back)
        await office.wait(says("asks: Thank you"))
        await theirs.send(bob, "/paysupport let me in")
        await theirs.wait(says("You cannot make videos with this bot any more. The reason: rude."))
        assert not [one for one in office.from_bot if says("let me in")(one)], "never paid"


async def test_nobody_floods_the_owner(
    harness: Harness, chat: PrivateChat, ann: Person, office: PrivateChat
) -> None:
    async with harness.running(**SELLING):
        for number in range(MAX_QUESTIONS_A_DAY + 1):
            await chat.send(ann, f"/paysupport {number} {'x' * 3000}")
        await chat.wait(says("You asked often today"))
        await office.wait(says(f"asks: {MAX_QUESTIONS_A_DAY - 1} x"))
    wanted = [one for one in office.from_bot if says("🛟")(one)]
    assert len(wanted) == MAX_QUESTIONS_A_DAY
    assert all(len(one.text or "") < 2000 for one in wanted)


async def test_a_crowd_does_not_flood_the_owner_and_who_paid_is_heard_all_the_same(
    harness: Harness, chat: PrivateChat, ann: Person, bob: Person, office: PrivateChat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(notices, "MOST_ASKING_A_DAY", 1)
    cleo, telegram = harness.telegram.person("Cleo"), harness.telegram
    async with harness.running(**SELLING):
        await pay(chat, ann)
        for place, one, answer in (
            (telegram.private(bob), bob, "I passed that on"),
            (telegram.private(cleo), cleo, "Many people ask today."),
            (chat, ann, "I passed that on"),
        ):
            await place.send(one, "/paysupport hello")
            await place.wait(says(answer))
        await office.wait(says("🛟 Ann"))
    assert not [one for one in office.from_bot if says("🛟 Cleo")(one)]


async def test_terms_say_what_holds(
    harness: Harness, chat: PrivateChat, ann: Person, bob: Person, telegram: TelegramSandbox
) -> None:
    async with harness.running(terms_url="https://example.com/terms", **SELLING):
        await chat.send(ann, "/terms")
        told = await chat.wait(says("Our terms: https://example.com/terms"))
        assert "They do not expire" in (told.text or "")
        assert "Questions? @owner" in (told.text or "")
        club = telegram.group("Film club", [ann, bob])
        await club.send(bob, "/paysupport")
        asked = await club.wait(lambda one: bool(one.buttons))
        assert (asked.buttons[0][0].url or "").endswith("?start=paysupport")
    async with harness.running():
        await chat.send(ann, "/terms")
        await chat.wait(says("This bot sells nothing"))
        await chat.send(ann, "/buy")
        await chat.wait(says("This bot sells no credits."))
