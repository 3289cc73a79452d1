"""/limit: one person's free allowance in place of everybody's (for pools see tests/groups)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.flows.predicates import says
from tests.groups.actions import made

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


async def test_one_persons_allowance_counts_in_place_of_everybodys_until_it_is_the_usual_again(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    theirs = telegram.private(bob)
    async with harness.running(admin_ids=frozenset({ann.id})):
        await chat.send(ann, f"/limit {bob.id} 10")
        await chat.wait(says(f"I don't know {bob.id}: they have never written to me."))
        await made(harness, theirs, bob, "a boat")
        await chat.send(ann, "/limit")
        await chat.wait(says("Everybody has the same allowance, and no group a pool."))
        await chat.send(ann, "/limit @bob 10")
        await chat.wait(says("The free allowance of Bob is 10 credits, about 1 video now."))
        await chat.send(ann, "/limit")
        await chat.wait(says(f"Bob ({bob.id}): 1 of 10 credits left."))
        await theirs.send(bob, "/video a train")
        refused = await theirs.wait(says("This one needs 9 credits, you have 1."))
        assert "Your allowance renews" in (refused.text or "")
        await theirs.send(bob, "/quota")
        await theirs.wait(says(": 10 credits, about 1 video."))
        forwarded = await chat.send(ann, "please", forwarded_from=bob)
        await chat.send(ann, "/limit 0", reply_to=forwarded)
        await chat.wait(says("The free allowance of Bob is 0 credits now."))
        await theirs.send(bob, "/help")
        await theirs.wait(says("A usual video costs 9 credits. The owner of this bot can give you"))
        await chat.send(ann, "/grant @bob 9")
        await theirs.wait(says("You were given 9 credits"))
        await made(harness, theirs, bob, "a train")
        await chat.send(ann, "/limit @bob 54")
        await chat.wait(says("is as everybody's: 54 credits, about 6 videos."))
        await theirs.send(bob, "/quota")
        await theirs.wait(says("You have 45 credits"))


async def test_an_allowance_is_chosen_by_buttons(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    theirs = telegram.private(bob)
    async with harness.running(admin_ids=frozenset({ann.id})):
        await made(harness, theirs, bob, "a boat")
        await chat.send(ann, "/people")
        shown = await chat.wait(says("1. @bob"))
        await shown.press("1 · Limit", by=ann)
        asked = await chat.wait(says(f"for Bob ({bob.id})? Everybody has 54."))
        assert [row[0].text for row in asked.buttons] == [
            "0 credits", "9 credits, about 1 video", "✓ 54 credits, about 6 videos",
            "108 credits, about 12 videos", "270 credits, about 30 videos",
        ]  # fmt: skip
        button = asked.button("108 credits")
        assert (await asked.press("108 credits", by=bob)).text == "This button is not for you."
        await asked.press("108 credits", by=ann)
        await chat.wait(lambda m: m is asked and "is 108 credits, about 12" in (m.text or ""))
        await telegram.world.press(asked, button, by=ann, timeout=5)
        await theirs.send(bob, "/quota")
        await theirs.wait(says("You have 99 credits"))
