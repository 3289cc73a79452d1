"""AI_LABEL: the words stand under a video wherever the bot sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.flows.predicates import shows_video

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

LABELLED = "a paper boat\nMade with AI"


async def test_the_label_stands_under_a_video_sent_sent_again_and_shared(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    telegram.inline_mode(on=True)
    async with harness.running(ai_label=True):
        await chat.send(ann, "/video a paper boat")
        await chat.wait(shows_video(LABELLED))
        await chat.send(ann, "/history")
        listed = await chat.wait(lambda m: m.buttons and m.photo)
        await listed.press(listed.buttons[0][0].text, by=ann)
        again = await chat.wait(lambda m: m.video and m.message_id > listed.message_id)
        assert again.caption == LABELLED
        shared = await telegram.inline(ann, "")
        assert [one["caption"] for one in shared.results] == [LABELLED]
