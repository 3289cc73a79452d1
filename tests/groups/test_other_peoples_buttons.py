"""Bob presses all that is Ann's: nothing of hers changes, and each press is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.aimlapi import Fault
from sandbox.telegram.messages import Button
from storage import generations, ledger, people, videos
from storage.ledger import Account, Pot
from tests.flows.predicates import says
from tests.groups.actions import made
from tests.groups.test_pools import give

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Chat, Group, Message, Person, TelegramSandbox
    from tests.harness import Harness


async def test_bob_pressing_all_of_anns_buttons_changes_nothing_of_hers(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    club: Group,
    ann: Person,
    bob: Person,
    provider: AimlApiSandbox,
) -> None:
    private = telegram.private(ann)
    await made(harness, private, ann, "a secret boat")
    await private.send(ann, "/settings")
    await private.wait(says("Your usual video"))
    await private.send(ann, "/history")
    await private.wait(says("Tap a number"))
    await private.send(ann, "a boat to confirm")
    await private.wait(says("Make a video of this?"))
    provider.render_seconds = 30
    waiting = await private.send(ann, "/video a waiting boat")
    await provider.wait_for_submissions(2)
    await private.send(ann, "/cancel")
    await private.wait(says("Too late"))
    theirs = [
        (message, button)
        for message in private.from_bot
        for row in message.buttons
        for button in row
        if button.data is not None
    ]
    assert len(theirs) > 8
    before = await _hers(harness, ann)
    shown = _looks(private, waiting)
    for _, button in theirs:
        # Bob has no way to Ann's messages: he makes the presses up under one in their group
        stage = await _stage(club, bob)
        answer = await telegram.world.press(
            stage, Button("made up", data=button.data), by=bob, timeout=10
        )
        assert answer is not None
    assert telegram.unanswered_callbacks == []
    assert [c for c in telegram.calls_of("answerCallbackQuery") if c.error] == []
    assert await _hers(harness, ann) == before
    assert _looks(private, waiting) == shown


async def test_bob_pressing_all_buttons_under_anns_video_in_the_group_changes_nothing_of_hers(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    ann: Person,
    bob: Person,
    provider: AimlApiSandbox,
) -> None:
    club = telegram.group("Film club", [telegram.person("Owner"), ann, bob])
    video = await made(harness, club, ann, "a public boat")
    before, pressed = await _hers(harness, ann), 0
    for unfolded in (False, True):
        if unfolded:
            await video.press("More…", by=ann)
            pressed += 1
            await club.wait(lambda m: m is video and "Longer" in str(m))
        shown = (video.caption, video.reply_markup)
        # backwards then: none is tapped twice in a row
        for row in video.buttons[:: -1 if unfolded else 1]:
            for button in row:
                answer = await video.press(button.text, by=bob)
                asks = "Continue" in button.text
                assert answer.text or asks, "each press is answered with a note, or a question"
                pressed += 1
    assert pressed == 4 + 1 + 8
    assert telegram.unanswered_callbacks == []
    assert len(telegram.calls_of("answerCallbackQuery")) == pressed
    assert await _hers(harness, ann) == before
    assert not video.deleted
    assert (video.caption, video.reply_markup) == shown
    assert len(provider.submissions) == 1, "one tap costs nobody anything"


async def _stage(club: Group, bob: Person) -> Message:
    """A message of the bot in the group, for presses that are made up."""
    if not club.from_bot:
        await club.send(bob, "/help")
        await club.wait(says("/video"))
    return club.from_bot[0]


def _looks(chat: Chat, waiting: Message) -> object:
    """How the messages of a chat look, but the status of what is made: that goes on meanwhile."""
    return [
        (one.message_id, one.text, one.caption, one.reply_markup)
        for one in chat.messages
        if one.reply_to != waiting.message_id
    ]


async def _hers(harness: Harness, ann: Person) -> object:
    """Everything that is Ann's: credits, settings, requests, as far as she caused it."""
    account = Account.person(ann.id)
    done = await videos.finished_of(harness.db, account, limit=100)
    async with harness.db.reading() as connection:
        person = await people.find(connection, ann.id)
        pending = await generations.pending_of(connection, account)
        allowance = await ledger.drawn(connection, account, Pot.ALLOWANCE, since=0)
        wished = [one.cancel_wanted for one in pending]
    return person, [one.id for one in pending + done], wished, allowance


async def test_a_forged_no_takes_nobodys_message_out_of_a_group(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person, bob: Person
) -> None:
    video = await made(harness, club, ann, "a boat")
    await club.send(bob, "/video a train --model sora-2-pro --seconds 12")
    card = await club.wait(says("Make a video of this?"))
    drop = next(b.data for row in card.buttons for b in row if b.text == "No")
    forged = Button("No", data=drop)
    await telegram.world.press(video, forged, by=bob, timeout=5)
    assert not video.deleted


async def test_an_anonymous_admin_is_shown_no_buttons_that_nobody_can_press(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    club: Group,
    ann: Person,
    provider: AimlApiSandbox,
) -> None:
    await give(telegram, club, ann, "100")
    provider.faults.next("submit", Fault.http(500))
    await club.send(ann, "/video a boat", sender_chat=club)
    failed = await club.wait(says("Something broke"))
    assert failed.buttons == []
    await club.send(ann, "/video a boat --model sora-2-pro --seconds 12", sender_chat=club)
    card = await club.wait(says("Make a video of this?"))
    assert "Send the command again to start it." in (card.text or "")
    assert card.buttons == []
    wrong = await club.send(ann, "/video a boat --seconds 7", sender_chat=club)
    assert (await club.wait(says("you can write", to=wrong.message_id))).buttons == []
    provider.faults.next("submit", Fault.moderation())
    refused = await club.send(ann, "/video a boat that is turned down", sender_chat=club)
    told = await club.wait(says("Try other words", to=refused.message_id))
    assert told.buttons == [], "nobody could read why elsewhere"
