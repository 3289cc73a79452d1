"""What a group's admins choose for it, and what stays between one person and the bot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handlers.groups.group_settings import buttons, change_for
from handlers.replies.texts import Languages
from sandbox.aimlapi import Fault
from sandbox.telegram import Fault as TelegramFault
from storage.chats import Asking
from storage.chats import Group as GroupChoices
from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.groups.actions import made, settings_of, spent
from tests.groups.test_pools import give
from tests.handlers.shared import SPEECH, settled

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness


async def silence_after(group: Group, by: Person, words: str) -> bool:
    """Say something, and tell whether the bot said nothing to it."""
    before = len(group.from_bot)
    await group.send(by, words)
    asked = await group.send(by, "/help")
    help_ = await group.wait(says("I am switched off here.", to=asked.message_id))
    assert "/video" not in (help_.text or "")
    return len(group.from_bot) == before + 1


async def test_only_admins_may_ask_where_they_chose_so(
    bot: Bot, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    settings = await settings_of(club, ann)
    await settings.press("Admins", by=ann)
    await club.wait(says("Only admins may ask"))
    asked = await club.send(bob, "/video a boat")
    await club.wait(says("only admins can order videos", to=asked.message_id))
    assert provider.submissions == []
    await made_by_admin(club, ann)


async def made_by_admin(club: Group, ann: Person) -> None:
    await club.send(ann, "/video a train")
    await club.wait(shows_video("a train"))


async def test_switched_off_it_is_silent_but_for_help_and_settings(
    bot: Bot,
    telegram: TelegramSandbox,
    club: Group,
    ann: Person,
    bob: Person,
    provider: AimlApiSandbox,
) -> None:
    telegram.privacy_mode(on=False)
    await (await settings_of(club, ann)).press("Off here", by=ann)
    await club.wait(says("I am switched off here."))
    for words in (
        *("/video a boat", "/video", "/animate", f"@{telegram.bot.username} a boat"),
        *("/models", "/cancel", "/quota", "/history", "/start"),
    ):
        assert await silence_after(club, bob, words), f"{words} was answered"
    assert provider.submissions == []
    await (await settings_of(club, ann)).press("Everyone", by=ann)
    await club.send(bob, "/video a boat")
    await club.wait(shows_video("a boat"))


async def test_switched_off_in_one_group_it_speaks_elsewhere(
    bot: Bot, telegram: TelegramSandbox, club: Group, ann: Person, chat: PrivateChat
) -> None:
    await (await settings_of(club, ann)).press("Off here", by=ann)
    await club.wait(says("I am switched off here."))
    other = telegram.group("Other club", [ann])
    for place in (chat, other):
        await place.send(ann, "/models")
        await place.wait(says("Sora 2"))


async def test_a_group_that_is_off_stays_off_when_it_becomes_a_supergroup(
    bot: Bot, telegram: TelegramSandbox, ann: Person
) -> None:
    group = telegram.group("Old club", [ann], kind="group")
    await (await settings_of(group, ann)).press("Off here", by=ann)
    await group.wait(says("I am switched off here."))
    new = group.migrate()
    assert await silence_after(new, ann, "/models")


async def test_it_works_in_one_topic_only_where_they_chose_so(
    bot: Bot, telegram: TelegramSandbox, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    forum = telegram.group("Forum", [ann, bob], forum=True)
    films, talk = forum.topic("Films"), forum.topic("Talk")
    await (await settings_of(forum, ann, films)).press("Only this topic", by=ann)
    await forum.wait(says("I work in the topic “Films” only."))
    for elsewhere in (talk, None):
        asked = await forum.send(bob, "/video a boat", topic=elsewhere)
        await forum.wait(says("only in the topic “Films”", to=asked.message_id))
    assert provider.submissions == []
    await forum.send(bob, "/video a boat", topic=films)
    video = await forum.wait(shows_video("a boat"))
    assert video.topic is films
    forum.rename(talk, "Chatter")
    forum.rename(films, "Cinema")
    asked = await forum.send(bob, "/video a boat", topic=talk)
    await forum.wait(says("only in the topic “Cinema”", to=asked.message_id))


async def test_only_this_topic_is_ticked_in_that_topic_alone_and_general_is_one(
    bot: Bot, telegram: TelegramSandbox, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    forum = telegram.group("Forum", [ann, bob], forum=True)
    films = forum.topic("Films")
    general = await settings_of(forum, ann)
    await general.press("Only this topic", by=ann)
    await forum.wait(lambda m: m is general and "the topic “General” only" in (m.text or ""))
    assert general.button("✓ Only this topic").data
    elsewhere = await settings_of(forum, ann, films)
    labels = elsewhere.labels
    assert "Only this topic" in labels
    assert "Every topic" in labels
    asked = await forum.send(bob, "/video a boat", topic=films)
    await forum.wait(says("only in the topic “General”", to=asked.message_id))
    await elsewhere.press("Admins", by=ann)
    await elsewhere.press("Only this topic", by=ann)
    await forum.wait(lambda m: m is elsewhere and "the topic “Films” only" in (m.text or ""))
    await elsewhere.press("Every topic", by=ann)
    await forum.wait(lambda m: m is elsewhere and "topic" not in (m.text or ""))
    assert provider.submissions == []


async def test_where_there_are_no_topics_there_is_none_to_choose(
    bot: Bot, club: Group, ann: Person
) -> None:
    settings = await settings_of(club, ann)
    assert not any("topic" in label for label in settings.labels)


def test_a_group_that_has_topics_no_more_can_be_left_to_work_everywhere() -> None:
    rows = buttons(GroupChoices(1, thread_id=7), SPEECH, None, None, Languages())
    assert [button.text for button in rows[-1]] == ["Every topic"]


async def test_so_many_per_member_and_day(
    bot: Bot, harness: Harness, club: Group, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    await (await settings_of(club, ann)).press("1 a day", by=ann)
    await club.wait(says("Each member gets 1 video a day."))
    await made(harness, club, bob, "a boat")
    asked = await club.send(bob, "/video another")
    await club.wait(says("your last video in this group for today", to=asked.message_id))
    await made(harness, club, ann, "a train")
    await made(harness, chat, ann, "alone a plane")


async def test_the_channels_somebody_writes_as_count_as_one_member(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person,
    provider: AimlApiSandbox,
) -> None:  # fmt: skip
    await give(telegram, club, ann, "100")
    await (await settings_of(club, ann)).press("1 a day", by=ann)
    await club.wait(says("Each member gets 1 video a day."))
    for number in range(3):
        channel = telegram.group(f"Channel {number}", [ann])
        asked = await club.send(ann, f"/video boat {number}", sender_chat=channel)
        if number:
            await club.wait(says("your last video in this group", to=asked.message_id))
        else:
            await club.wait(shows_video("boat 0"))
    await settled(harness)
    assert len(provider.submissions) == 1


async def test_videos_are_blurred_where_they_chose_so_and_nowhere_else(
    bot: Bot, harness: Harness, club: Group, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    settings = await settings_of(club, ann)
    await settings.press("Blur videos", by=ann)
    await club.wait(says("Videos are hidden until somebody taps them."))
    assert (await made(harness, club, bob, "a boat")).spoiler
    assert not (await made(harness, chat, ann, "alone a train")).spoiler
    await settings.press("✓ Blur videos", by=ann)
    await club.wait(lambda m: m is settings and "covered" not in (m.text or ""))
    assert not (await made(harness, club, bob, "a plane")).spoiler


async def test_a_video_is_blurred_if_they_chose_so_while_it_was_made(
    bot: Bot, harness: Harness, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 1.0
    await club.send(bob, "/video a boat")
    await provider.wait_for_submissions(1)
    await (await settings_of(club, ann)).press("Blur videos", by=ann)
    assert (await club.wait(shows_video("a boat"))).spoiler
    await settled(harness)


async def test_a_blurred_video_that_telegram_takes_only_as_a_document_comes_as_one(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person, bob: Person
) -> None:
    await (await settings_of(club, ann)).press("Blur videos", by=ann)
    telegram.faults.next("sendVideo", TelegramFault.error(400, "Bad Request: wrong file"))
    await club.send(bob, "/video a boat")
    await club.wait(lambda m: m.caption == "a boat")
    await settled(harness)
    assert telegram.calls_of("sendDocument")


async def test_only_own_pictures_come_alive_where_they_chose_so(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    club: Group,
    ann: Person,
    bob: Person,
    provider: AimlApiSandbox,
) -> None:
    telegram.privacy_mode(on=False)
    await (await settings_of(club, ann)).press("Own pictures only", by=ann)
    await club.wait(says("only photos that they sent themselves"))
    anns = await club.send_photo(ann, photo())
    for words in ("/animate let it rain", f"@{telegram.bot.username} let it rain"):
        asked = await club.send(bob, words, reply_to=anns)
        await club.wait(says("only photos that you sent yourself", to=asked.message_id))
    assert provider.submissions == []
    assert await spent(harness, bob) == 0
    bobs = await club.send_photo(bob, photo(), caption="/animate let it snow")
    await club.wait(shows_video("let it snow", to=bobs.message_id))
    asked = await club.send(ann, "/animate let it shine", reply_to=anns)
    video = await club.wait(shows_video("let it shine", to=asked.message_id))
    await settled(harness)
    await video.press("Again", by=bob)
    assert "only photos that you sent yourself" in (await video.press("Again", by=bob)).text
    await made(harness, club, bob, "words alone are free")


async def test_in_private_any_picture_comes_alive(
    bot: Bot, harness: Harness, club: Group, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    await (await settings_of(club, ann)).press("Own pictures only", by=ann)
    sent = await chat.send_photo(ann, photo(), caption="let it rain")
    await chat.wait(shows_video("let it rain", to=sent.message_id))
    await settled(harness)


async def test_only_the_groups_admins_choose(
    bot: Bot, telegram: TelegramSandbox, club: Group, ann: Person, bob: Person
) -> None:
    settings = await settings_of(club, ann)
    shown = settings.reply_markup
    for row in settings.buttons:
        for button in row:
            answer = await settings.press(button.text, by=bob)
            assert answer.text == "Only admins of this group can change that."
    assert settings.reply_markup == shown
    asked = await club.send(bob, "/settings")
    await club.wait(says("only in our private chat", to=asked.message_id))


async def test_an_anonymous_admin_sees_the_groups_settings_and_presses_as_themselves(
    bot: Bot, club: Group, ann: Person
) -> None:
    asked = await club.send(ann, "/settings", sender_chat=club)
    settings = await club.wait(lambda m: m.reply_to == asked.message_id and bool(m.buttons))
    assert (await settings.press("Admins", by=ann)).text == "Saved."


async def test_a_refusal_in_a_group_quotes_nothing_and_tells_why_in_private_to_its_asker_only(
    bot: Bot,
    telegram: TelegramSandbox,
    club: Group,
    chat: PrivateChat,
    ann: Person,
    bob: Person,
    provider: AimlApiSandbox,
) -> None:
    provider.faults.next("submit", Fault.moderation())
    asked = await club.send(ann, "/video something embarrassing")
    refusal = await club.wait(says("Ann, this one was refused.", to=asked.message_id))
    assert "embarrassing" not in (refusal.text or "")
    link = refusal.button("See why").url or ""
    payload = link.partition("?start=")[2]
    assert payload.startswith("why-")
    await chat.send(ann, f"/start {payload}")
    await chat.wait(says("Try other words"))
    theirs = telegram.private(bob)
    await theirs.send(bob, f"/start {payload}")
    await theirs.wait(says("nothing to tell you"))


async def test_how_many_credits_somebody_has_is_not_said_in_a_group(
    harness: Harness, club: Group, ann: Person
) -> None:
    async with harness.running(free_credits=5):
        asked = await club.send(ann, "/video a boat")
        refusal = await club.wait(says("more than you have left", to=asked.message_id))
        assert "Ann, this costs 9 credits" in (refusal.text or "")
        assert "5" not in (refusal.text or "")
        assert "start=quota" in (refusal.button("Open in private").url or "")


@pytest.mark.parametrize(
    ("field", "value", "thread", "change"),
    [
        ("asking", "admins", None, {"asking": Asking.ADMINS}),
        ("asking", "bots", None, None),
        ("where", "here", 7, {"thread_id": 7}),
        ("where", "here", None, {"thread_id": 0}),
        ("where", "anywhere", 7, {"thread_id": None}),
        ("perday", "3", None, {"per_day": 3}),
        ("perday", "0", None, {"per_day": None}),
        ("perday", "4", None, None),
        ("quiet", "22–7", None, {"quiet_from": 22, "quiet_until": 7}),
        ("quiet", "off", None, {"quiet_from": None, "quiet_until": None}),
        ("quiet", "1–2", None, None),
        ("blurred", "on", None, {"blurred": True}),
        ("blurred", "off", None, {"blurred": False}),
        ("blurred", "1", None, None),
        ("own_pictures", "on", None, {"own_pictures": True}),
        ("pool", "100", None, None),
    ],
)
def test_a_press_chooses_only_what_is_on_offer(
    field: str, value: str, thread: int | None, change: dict[str, object] | None
) -> None:
    assert change_for(field, value, thread) == change


async def test_what_admins_chose_for_the_groups_videos_counts_before_a_members_own(
    harness: Harness, club: Group, ann: Person, bob: Person, telegram: TelegramSandbox,
    provider: AimlApiSandbox,
) -> None:  # fmt: skip
    async with harness.running():
        own = telegram.private(bob)
        await own.send(bob, "/settings")
        await (await own.wait(says("Your usual video"))).press("12 sec")
        await (await settings_of(club, ann)).press("Model, length, shape", by=ann)
        shown = await club.wait(says("A video in this group"))
        refused = await shown.press("8 sec", by=bob)
        assert refused.text == "Only admins of this group can change that."
        await shown.press("8 sec", by=ann)
        await club.wait(says("8 seconds · 16:9"))
    async with harness.running(free_credits=1000):
        await shown.press("9:16", by=ann)
        await club.wait(says("8 seconds · 9:16"))
        ideas = ((club, "a boat"), (own, "a train"), (club, "a kite --seconds 4"))
        for count, (place, words) in enumerate(ideas, start=1):
            await place.send(bob, f"/video {words}")
            await provider.wait_for_submissions(count)
            await settled(harness)
        asked = [(one.body["duration"], one.body["aspect_ratio"]) for one in provider.submissions]
        assert asked == [(8, "9:16"), (12, "16:9"), (4, "9:16")]
        await shown.press("✓ 8 sec", by=ann)
        await club.wait(lambda message: message is shown and "✓ 8" not in str(message.buttons))
        await club.send(bob, "/video a cloud")
        await provider.wait_for_submissions(4)
    assert provider.submissions[3].body["duration"] == 12, "it is each member's own again"
