"""The buttons under a video: whoever presses pays, the rest is for whom it belongs to."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from handlers.replies.keyboards import Continue
from handlers.videos import results
from sandbox.aimlapi import Fault
from storage import chats, generations
from storage.chats import Asking
from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.groups.actions import confirmed, made, spent
from tests.handlers.shared import settled
from tests.storage.requests import rows

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Message, Person, PrivateChat, TelegramSandbox
    from sandbox.telegram.queries import Answer
    from tests.harness import Harness


async def twice(video: Message, label: str, by: Person) -> Answer:
    """Tap a button and tap it again."""
    first = await video.press(label, by=by)
    assert "Tap again to start." in first.text
    return await video.press(label, by=by)


async def test_in_a_group_whoever_presses_again_pays_at_the_second_tap(
    bot: Bot, harness: Harness, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    video = await made(harness, club, ann, "a boat in the bath")
    first = await video.press("Again", by=bob)
    assert first.text == "Costs 9 of your 54 credits. Tap again to start."
    assert len(provider.submissions) == 1
    await video.press("Again", by=bob)
    again = await club.wait(lambda m: m.video is not None and m is not video)
    assert again.caption == "a boat in the bath"
    assert again.reply_to == video.message_id
    assert (await spent(harness, ann), await spent(harness, bob)) == (9, 9)


async def test_a_second_tap_after_ten_seconds_is_a_first_one(
    bot: Bot, harness: Harness, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    video = await made(harness, club, ann, "a boat in the bath")
    await video.press("Again", by=bob)
    taps = bot.app.user_data[bob.id]
    cause, credits_, at = taps["first tap"]
    taps["first tap"] = (cause, credits_, at - 11)
    late = await video.press("Again", by=bob)
    assert "Tap again to start." in late.text
    assert len(provider.submissions) == 1


async def test_alone_with_the_bot_ones_own_video_is_made_again_by_one_tap(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    video = await made(harness, chat, ann, "a boat in the bath")
    answer = await video.press("🔁 Again · 9")
    assert answer.text == ""
    await chat.wait(lambda m: m.video is not None and m is not video)
    assert await spent(harness, ann) == 18


async def test_a_second_order_of_the_same_is_already_on_its_way(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    video = await made(harness, chat, ann, "a boat in the bath")
    provider.render_seconds = 30
    await video.press("Again")
    await provider.wait_for_submissions(2)
    assert (await video.press("Again")).text == "That one is already on its way."
    assert await spent(harness, ann) == 18


async def test_the_last_frame_comes_alive(
    bot: Bot, harness: Harness, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    video = await made(harness, club, ann, "a boat in the bath")
    await video.press("Continue", by=bob)
    question = await club.wait(says("What happens next?", to=video.message_id))
    assert (await question.press("Just go on · 9", by=ann)).text.startswith("This one is somebody")
    await question.press("Just go on · 9", by=bob)
    onward = await club.wait(lambda m: m.video is not None and m is not video)
    assert onward.reply_to == video.message_id
    submission = provider.submissions[-1]
    assert submission.model.endswith("i2v")
    assert submission.accepted, "the frame is exactly as large as the model asks"
    assert submission.body["prompt"] == "a boat in the bath"
    assert await spent(harness, bob) > 0
    assert await spent(harness, ann) == 9


async def test_without_credits_the_pop_up_says_so_and_nothing_is_said_in_the_group(
    harness: Harness, club: Group, ann: Person, bob: Person
) -> None:
    async with harness.running(free_credits=9):
        video = await made(harness, club, ann, "a boat in the bath")
        before = len(club.messages)
        answer = await video.press("Again", by=ann)
        assert answer.text == "This one needs 9, you have 0 credits. /quota tells more."
        assert answer.alert
        assert len(club.messages) == before


async def test_each_press_that_cannot_be_paid_offers_something_cheaper_anew(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(free_credits=29):
        video = await made(harness, chat, ann, "a boat --seconds 8", "a boat")
        provider.faults.next("submit", Fault.moderation())
        for turn in ("refused this one", "Expected in about"):
            await video.press("Again")
            offer = await chat.wait(lambda m: says("This one needs")(m) and "4 seconds" in str(m))
            assert (await offer.press("4 seconds")).text == ""
            await chat.wait(says(turn))
            await settled(harness)
            await chat.delete_message(offer)


async def test_change_asks_for_other_words_and_keeps_the_rest_whatever_restarts_between(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running():
        await chat.send(ann, "/video a boat in the bath --seconds 8 --vertical")
        video = await chat.wait(shows_video("a boat in the bath"))
        await settled(harness)
    async with harness.running():
        await video.press("Change")
        question = await chat.wait(says("What should be different?"))
        assert question.buttons[-1][0].text == "Cancel"
    async with harness.running():
        await chat.send(ann, "a train in the bath", reply_to=question)
        card = await chat.wait(says("“a train in the bath”"))
    async with harness.running():
        await card.press("Make it", by=ann)
        await chat.wait(shows_video("a train in the bath"))
    body = provider.submissions[-1].body
    assert (body["duration"], body["aspect_ratio"]) == (8, "9:16")


async def test_more_unfolds_what_is_needed_less(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    video = await made(harness, chat, ann, "a boat in the bath")
    assert [[b.text for b in row] for row in video.buttons] == [
        ["🔁 Again · 9", "✏️ Change", "↗️ Share"],
        ["More…"],
    ]
    await video.press("More…")
    await chat.wait(lambda m: any("Delete" in label for label in m.labels))
    assert [[b.text for b in row] for row in video.buttons][1:] == [
        ["🎞 Continue · 9"], ["⏱ Longer: 8 seconds · 17"],
        ["📐 9:16 · 9"], ["✨ HD 1080p, Sora 2 Pro · 21"], ["With Sora 2 Pro · 13"],
        ["With Veo 3.1 Fast · 4"], ["🗑 Delete"],
    ], "a long label has a row of its own"  # fmt: skip
    await confirmed(chat, video, "Delete")
    await chat.wait_gone(video)


async def test_what_else_can_be_made_of_a_video_is_one_tap_each_and_outlives_restarts(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    ways = {
        "Longer": ("openai/sora-2-t2v", 8, "16:9", "720p"),
        "📐": ("openai/sora-2-t2v", 4, "9:16", "720p"),
        "HD": ("openai/sora-2-pro-t2v", 4, "16:9", "1080p"),
        "With Veo": ("google/veo-3.1-t2v-fast", 4, "16:9", "720p"),
    }
    async with harness.running(free_credits=100):
        video = await made(harness, chat, ann, "a boat in the bath")
    async with harness.running(free_credits=100):
        await video.press("More…")
        await chat.wait(lambda m: m is video and "With Veo" in str(m))
    provider.render_seconds = 60
    async with harness.running(free_credits=100, max_pending_per_user=9):
        for way in ways:
            assert (await video.press(way)).text == ""
            assert (await video.press(way)).text == "That one is already on its way."
        await provider.wait_for_submissions(5)
        bodies = [one.body for one in provider.submissions[1:]]
        told = [
            (one["model"], one["duration"], one["aspect_ratio"], one["resolution"])
            for one in bodies
        ]
        assert sorted(told) == sorted(ways.values())
        assert {one["prompt"] for one in bodies} == {"a boat in the bath"}
        assert await spent(harness, ann) == 9 + 17 + 9 + 21 + 4


async def test_what_costs_more_than_its_button_says_asks_for_a_second_tap(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running():
        video = await made(harness, chat, ann, "a boat in the bath")
        await video.press("More…")
        await chat.wait(lambda m: m is video and "With Veo" in str(m))
    async with harness.running(credit_usd=Decimal("0.08")):
        answer = await video.press("Longer: 8 seconds · 17")
        assert answer.text == "Costs 21 of your 45 credits. Tap again to start."
        assert len(provider.submissions) == 1


async def test_in_a_group_others_order_what_else_its_requester_unfolded_by_two_taps_of_their_own(
    bot: Bot, harness: Harness, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    video = await made(harness, club, ann, "a boat in the bath")
    assert "somebody else's" in (await video.press("More…", by=bob)).text
    await video.press("More…", by=ann)
    await club.wait(lambda m: m is video and "With Veo" in str(m))
    await twice(video, "📐 9:16", bob)
    again = await club.wait(lambda m: m.video is not None and m is not video)
    assert again.reply_to == video.message_id
    assert provider.submissions[-1].body["aspect_ratio"] == "9:16"
    assert (await spent(harness, ann), await spent(harness, bob)) == (9, 9)


async def test_another_shape_of_a_photos_video_cuts_nothing_of_the_photo(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    await chat.send_photo(ann, photo(1280, 720), caption="waves roll in")
    video = await chat.wait(shows_video("waves roll in"))
    await settled(harness)
    await video.press("More…")
    await chat.wait(lambda m: m is video and "With Veo" in str(m))
    await video.press("📐 9:16")
    await chat.wait(lambda m: m.video is not None and m is not video)
    newest = "SELECT aspect_ratio, fit FROM generations ORDER BY id DESC"
    assert (await rows(harness.db, newest))[0] == ("9:16", "pad")


async def test_there_is_no_share_without_inline_mode(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    telegram.inline_mode(on=False)
    async with harness.running():
        video = await made(harness, chat, ann, "a boat in the bath")
        assert not any("Share" in label for label in video.labels)


async def test_the_requester_and_the_groups_admins_may_delete(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person, bob: Person
) -> None:
    cleo = telegram.person("Cleo")
    club.join(cleo)
    by_bob = await made(harness, club, bob, "a boat in the bath")
    assert "somebody else's" in (await by_bob.press("Delete", by=cleo)).text
    assert not by_bob.deleted
    await confirmed(club, by_bob, "Delete", by=bob)
    await club.wait_gone(by_bob)
    another = await made(harness, club, bob, "a train in the bath")
    await confirmed(club, another, "Delete", by=ann)
    await club.wait_gone(another)


async def test_delete_is_asked_of_those_who_may_and_keep_keeps_the_video(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, bob: Person
) -> None:
    cleo = telegram.person("Cleo")
    club.join(cleo)
    video = await made(harness, club, bob, "a boat in the bath")
    before = [[b.text for b in row] for row in video.buttons]
    assert "somebody else's" in (await video.press("Delete", by=cleo)).text
    assert [[b.text for b in row] for row in video.buttons] == before
    await video.press("Delete", by=bob)
    await club.wait(lambda m: m is video and len(m.buttons) == len(before) + 1)
    assert "somebody else's" in (await video.press("Yes, delete", by=cleo)).text
    await video.press("Keep", by=bob)
    await club.wait(lambda m: m is video and len(m.buttons) == len(before))
    assert not video.deleted


async def test_the_author_of_the_picture_may_delete_what_was_made_of_it(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    club = telegram.group("Film club", [telegram.person("Owner"), ann, bob])
    sent = await club.send_photo(bob, photo())
    await club.send(ann, "/animate let it rain", reply_to=sent)
    video = await club.wait(shows_video("let it rain"))
    await settled(harness)
    await confirmed(club, video, "Delete", by=bob)
    await club.wait_gone(video)


async def test_a_photo_its_author_took_back_is_used_no_more(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person,
    bob: Person,
    provider: AimlApiSandbox,
) -> None:  # fmt: skip
    owner = telegram.person("Owner")
    club = telegram.group("Film club", [owner, ann, bob])
    sent = await club.send_photo(bob, photo())
    await club.send(ann, "/animate let it rain", reply_to=sent)
    video = await club.wait(shows_video("let it rain"))
    await settled(harness)
    await confirmed(club, video, "Delete", by=bob)
    await club.wait_gone(video)
    for label in ("Again", "Continue"):
        for by, words in ((owner, "This button is old."), (ann, "took it back")):
            assert words in (await video.press(label, by=by)).text
    await chat.send(ann, "/history")
    await (await chat.wait(says("Tap a number"))).press("1")
    own = await chat.wait(lambda m: m.video is not None)
    for label in ("Again", "Change"):
        assert "took it back" in (await own.press(label, by=ann)).text
    assert len(provider.submissions) == 1


async def test_a_press_made_up_under_another_message_deletes_nothing(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, chat: PrivateChat,
    ann: Person,
    bob: Person,
) -> None:  # fmt: skip
    """In two groups a message may have the same number, and so may a request."""
    other = telegram.group("Other club", [ann, bob])
    own = await made(harness, club, bob, "a boat")
    while other.last_id < own.message_id - 2:
        await other.send(ann, "chat")
    theirs = await made(harness, other, ann, "a train")
    assert theirs.message_id == own.message_id
    forged = own.button("Delete")
    assert (await telegram.world.press(theirs, forged, by=bob, timeout=5)).text == (
        "This button is old."
    )
    await chat.send(ann, "/help")
    shown = await chat.wait(says("/video"))
    forged = theirs.button("Delete")
    assert "old" in (await telegram.world.press(shown, forged, by=ann, timeout=5)).text
    assert not any(message.deleted for message in (own, theirs, shown))


async def test_what_history_sends_again_has_the_same_buttons(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    video = await made(harness, chat, ann, "a boat in the bath")
    await chat.send(ann, "/history")
    listed = await chat.wait(says("Tap a number"))
    await listed.press("1")
    again = await chat.wait(lambda m: m.video is not None and m is not video)
    assert again.buttons == video.buttons


async def test_buttons_outlive_a_restart(
    harness: Harness, club: Group, ann: Person, bob: Person
) -> None:
    async with harness.running():
        video = await made(harness, club, ann, "a boat in the bath")
    async with harness.running():
        await twice(video, "Again", bob)
        await club.wait(lambda m: m.video is not None and m is not video)


async def test_a_press_is_answered_with_why_where_the_group_does_not_want_it(
    bot: Bot, harness: Harness, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    video = await made(harness, club, ann, "a boat in the bath")
    said = len(club.from_bot)
    async with harness.db.reading() as connection:
        chat = await chats.by_telegram_id(connection, club.id)
    assert chat is not None
    for asking, words in (
        (Asking.ADMINS, "only admins can order"),
        (Asking.NOBODY, "switched off"),
    ):
        async with harness.db.transaction() as tx:
            await chats.choose(tx, chat.id, asking=asking)
        answer = await video.press("Again", by=bob)
        assert words in (answer.text or "")
    assert len(club.from_bot) == said, "nothing is said in the group"
    assert len(provider.submissions) == 1


async def test_a_second_tap_that_is_refused_says_why_and_not_that_it_is_on_its_way(
    harness: Harness, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(max_pending_per_user=1):
        video = await made(harness, club, ann, "a boat in the bath")
        provider.render_seconds = 30
        await club.send(bob, "/video a train")
        await provider.wait_for_submissions(2)
        await video.press("Again", by=bob)
        answer = await video.press("Again", by=bob)
        assert answer.text == (
            "1 video of yours is on the way. One more once it is done, or /cancel it."
        )


async def test_the_last_frame_of_what_no_bot_may_fetch_is_not_offered(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person,
    provider: AimlApiSandbox,
) -> None:  # fmt: skip
    video = await made(harness, chat, ann, "a boat in the bath")
    assert video.media is not None
    data = Continue(1).encode()
    video.media = replace(video.media, size=20_000_001)
    await video.press("More…")
    await chat.wait(lambda m: any("Delete" in label for label in m.labels))
    assert not any("Continue" in label for label in video.labels)
    # as it was offered before its size was looked at
    video.reply_markup = {"inline_keyboard": [[{"text": "🎞", "callback_data": data}]]}
    answer = await video.press("🎞")
    assert "over 20 MB" in (answer.text or "")
    assert len(provider.submissions) == 1


async def test_a_large_video_goes_to_a_group_without_that_button(
    bot: Bot, harness: Harness, club: Group, ann: Person
) -> None:
    await made(harness, club, ann, "a boat in the bath")
    async with harness.db.reading() as connection:
        video = await generations.find(connection, 1)
    assert video is not None
    layout, translator = results.layout(bot.services), bot.services.languages.translator("en")

    def offered(size: int) -> bool:
        rows = layout.under(video, translator, in_private=False, size=size)
        return any("Continue" in button.text for row in rows for button in row)

    assert offered(20_000_000)
    assert not offered(20_000_001)
