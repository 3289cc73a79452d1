"""Inline mode: one's own videos in any chat, nobody else's ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage import generations, people
from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.groups.actions import made, spent
from tests.handlers.shared import settled
from tests.storage.requests import request, rows

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Person, PrivateChat, TelegramSandbox
    from sandbox.telegram.files import StoredFile
    from tests.harness import Harness


async def delivered(harness: Harness, person: Person, prompts: list[str], file_id: str) -> None:
    """Write finished videos into the database, as if they had been made."""
    async with harness.db.transaction() as tx:
        await people.upsert(
            tx, person.id, name=person.first_name, username=None, language="en", now=1.0
        )
        for number, prompt in enumerate(prompts):
            wish = request(f"made up:{number}", person=person.id, prompt=prompt)
            video = await generations.insert(tx, wish, now=1.0)
            await tx.execute(
                "UPDATE generations SET state = 'delivered', file_id = ?, file_kind = 'video'"
                " WHERE id = ?",
                (file_id, video.id),
            )


async def test_share_takes_the_very_video_to_a_chat_somebody_picks(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    club: Group,
    ann: Person,
) -> None:
    await made(harness, chat, ann, "a train")
    video = await made(harness, chat, ann, "a boat in the bath")
    share = video.button("Share").share
    assert share is not None
    results = await telegram.inline(ann, share)
    assert [result["title"] for result in results] == ["a boat in the bath"]
    sent = await club.send_inline(ann, results[0])
    assert sent.caption == "a boat in the bath"
    assert sent.media is video.media, "nothing is uploaded twice"


async def test_the_bots_name_alone_lists_ones_videos_newest_first_and_for_oneself_only(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    await made(harness, chat, ann, "a boat")
    await made(harness, chat, ann, "a train")
    results = await telegram.inline(ann, "")
    assert [result["title"] for result in results] == ["a train", "a boat"]
    assert {result["type"] for result in results} == {"video"}
    assert results.is_personal
    assert results.cache_time <= 10
    assert results.next_offset == ""


@pytest.mark.parametrize(
    ("words", "titles"),
    [("BOAT", ["a Boat at dawn"]), ("кот", ["Кот на лодке"]), ("at boat", ["a Boat at dawn"]),
     ("boat train", []), ("#999", [])],
)  # fmt: skip
async def test_words_search_ones_prompts(
    harness: Harness,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    ann: Person,
    words: str,
    titles: list[str],
) -> None:
    async with harness.running():
        file_id = (await _some_file(harness, chat, ann)).file_id
        await delivered(harness, ann, ["a Boat at dawn", "a train", "Кот на лодке"], file_id)
        results = await telegram.inline(ann, words)
        assert [result["title"] for result in results] == titles


async def test_fifty_at_a_time_and_each_once(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    file_id = (await _some_file(harness, chat, ann)).file_id
    await delivered(harness, ann, [f"boat {n}" for n in range(120)], file_id)
    titles, offset = [], ""
    for _ in range(3):
        page = await telegram.inline(ann, "boat", offset)
        assert len(page) <= 50
        titles += [result["title"] for result in page]
        offset = page.next_offset
    assert offset == "", "nothing follows the third page"
    assert titles == [f"boat {n}" for n in reversed(range(120))]


async def test_somebody_elses_videos_are_never_listed(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    club: Group,
    ann: Person,
    bob: Person,
) -> None:
    private = await made(harness, chat, ann, "a secret boat")
    await made(harness, club, ann, "a public boat")
    share = private.button("Share").share or ""
    for query in ("", "boat", share, "#1", "#2"):
        results = await telegram.inline(bob, query)
        assert len(results) == 0, f"{query!r} shows Bob what is Ann's"
    nothing = await telegram.inline(bob, "")
    assert nothing.button is not None
    assert nothing.button["start_parameter"] == "make"


async def test_a_video_brought_back_to_the_bot_costs_nothing_and_can_be_answered(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    provider: AimlApiSandbox,
    chat: PrivateChat,
    ann: Person,
) -> None:
    video = await made(harness, chat, ann, "a boat")
    before, [result] = await spent(harness, ann), await telegram.inline(ann, "boat")
    back = await chat.send_inline(ann, result)
    await chat.wait(says("finished video", to=back.message_id))
    again = await chat.send(ann, "/video a boat", via_bot=telegram.bot)
    await chat.wait(says("I see no picture there", to=again.message_id))
    assert len(provider.submissions) == 1
    assert await spent(harness, ann) == before
    answer = await chat.send(ann, "it sinks", reply_to=back)
    card = await chat.wait(lambda m: m.reply_to == answer.message_id and bool(m.buttons))
    await card.press("Make it")
    await chat.wait(shows_video("it sinks", to=answer.message_id))
    assert video.media is back.media


@pytest.mark.parametrize(
    "words", ["a boat", "/video a boat", "/settings", "@film_maker_bot a boat"]
)
async def test_a_video_brought_to_a_group_is_no_order_whatever_its_prompt_says(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    club: Group,
    ann: Person,
    words: str,
) -> None:
    file_id = (await _some_file(harness, chat, ann)).file_id
    await club.send_inline(ann, {"id": "1", "video_file_id": file_id, "caption": words})
    await club.send(ann, "/models")
    await club.wait(says("Sora 2"))
    assert len(club.from_bot) == 1, "only what was asked for is answered"
    assert len(await rows(harness.db, "SELECT 1 FROM generations")) == 1


async def _some_file(harness: Harness, chat: PrivateChat, ann: Person) -> StoredFile:
    video = await made(harness, chat, ann, "a first one")
    assert video.media is not None
    return video.media


LIVE = "look @bob at https://evil.example/x or t.me/spam, #now, /start@film_maker_bot, a@b.com"
QUIET = {"mention", "url", "hashtag", "bot_command", "email", "text_link"}


async def test_nothing_somebody_wrote_is_a_link_or_a_name_in_what_the_bot_says(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, provider: AimlApiSandbox
) -> None:
    mallory = telegram.person("t.me/spam @bob")
    club.join(mallory)
    asked = await club.send(mallory, f"/video {LIVE}")
    first = await club.wait(says("Make a video of this?", to=asked.message_id))
    await first.press("🎬", by=mallory)
    video = await club.wait(shows_video())
    await settled(harness)
    assert (video.caption or "").replace("\u200b", "") == LIVE
    [result] = await telegram.inline(mallory, "")
    shared = await club.send_inline(mallory, result)
    await club.send(mallory, f"/video {LIVE} --seconds 12 --model sora-2-pro")
    card = await club.wait(says("Make a video of this?", after=first))
    await club.send(mallory, "/video a cat --model evil.example")
    wrong = await club.wait(says("There is no model"))
    for said in (video, shared, first, card, wrong):
        assert {one["type"] for one in said.entities} & QUIET == set(), said
    asked = await club.send(mallory, f"/video {video.caption}")
    copied = await club.wait(says("Make a video of this?", to=asked.message_id))
    await copied.press("🎬", by=mallory)
    await provider.wait_for_submissions(2)
    assert [one.body["prompt"] for one in provider.submissions] == [LIVE, LIVE]


async def test_whoever_is_sent_a_video_may_make_one_like_it(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, provider: AimlApiSandbox,
    chat: PrivateChat, club: Group, ann: Person, bob: Person,
) -> None:  # fmt: skip
    await made(harness, chat, ann, "a boat --seconds 8 --vertical", "a boat")
    [result] = await telegram.inline(ann, "boat")
    shared = await club.send_inline(ann, result)
    payload = (shared.button("Make one like this").url or "").partition("?start=")[2]
    private = telegram.private(bob)
    await private.send(bob, f"/start {payload}")
    card = await private.wait(says("“a boat”\n\n8 seconds · 9:16 · 720p · Sora 2\n17 of your 54"))
    assert await spent(harness, bob) == 0
    await card.press("Make it · 17")
    await private.wait(shows_video("a boat"))
    await chat.send_photo(ann, photo(1280, 720), caption="waves roll in")
    await chat.wait(shows_video("waves roll in"))
    await settled(harness)
    [result] = await telegram.inline(ann, "waves")
    shared = await club.send_inline(ann, result)
    payload = (shared.button("Make one like this").url or "").partition("?start=")[2]
    await private.send(bob, f"/start {payload}")
    asked = await private.wait(says("“waves roll in”\n\nWhich photo of yours"))
    await private.send_photo(bob, photo(720, 1280), reply_to=asked)
    await private.wait(shows_video("waves roll in"))
    await settled(harness)
    last = provider.submissions[-1]
    assert (last.body["prompt"], last.body["aspect_ratio"]) == ("waves roll in", "9:16")
    assert await spent(harness, bob) == 26
    await private.send(bob, "/start like-nothing")
    await private.wait(says("I do not know that video any more."))
