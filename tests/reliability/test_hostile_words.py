"""Words of any kind and length, in prompts and in names: answered, and never taken for markup."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from handlers.replies.texts import sanitize
from tests.reliability.hostile_input import answer_to, assert_alive

if TYPE_CHECKING:
    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Message, Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

PLAIN = {"url", "mention", "bot_command", "hashtag", "email", "date_time"}
"""What Telegram itself finds in a plain text, and when a video is expected."""
PROMPTS = {
    "HTML": "<b>a boat</b> <script>alert(1)</script> &amp; <a href='tg://user?id=1'>you</a>",
    "Markdown": "*a* _boat_ [here](https://example.org) `x` ||y|| \\",
    "right to left": "قارب شراعي على البحر \u202e\u2066 abc \u2069",
    "emoji": "⛵️👨‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿🌊" * 20,
    "combining marks": "b" + "\u0301" * 500,
    "control characters": "a\x00b\x07o\x1ba\x7ft\u2028 sails",
    "braces": "{} {0} {credits} %s %(name)s ${HOME}",
    "SQL": "boat'); DROP TABLE generations; --",
    "one astral letter": "\U0001f6f6",
}


@pytest.mark.parametrize("what", PROMPTS)
async def test_a_prompt_of_any_letters_comes_back_as_a_video_or_an_answer(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, what: str
) -> None:
    asked = await chat.send(ann, f"/video {PROMPTS[what]}")
    await chat.wait(
        lambda message: (
            message.reply_to == asked.message_id
            and (message.video or "Expected in" not in (message.text or ""))
        ),
        timeout=30,
    )
    for message in chat.from_bot:
        assert {entity["type"] for entity in message.entities} <= PLAIN
    assert provider.violations == []


@pytest.mark.parametrize("letter", ["a", "я", "🌊", "<", "\u0301"])
async def test_a_prompt_as_long_as_telegram_takes_is_answered(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, letter: str
) -> None:
    units = len(letter.encode("utf-16-le")) // 2
    asked = await chat.send(ann, "/video " + letter * ((4096 - len("/video ")) // units))
    await chat.wait(
        lambda message: (
            message.reply_to == asked.message_id
            and (message.video or "Expected in" not in (message.text or ""))
        ),
        timeout=30,
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ann", "Ann"),
        ("\u202eBob\u2066", "Bob"),
        ("علي", "\u2068علي\u2069"),
        ("\u2067/ban علي @ann", "\u2068/\u200bban علي @\u200bann\u2069"),
    ],
)
def test_whichever_way_a_name_is_written_nothing_around_it_turns(name: str, shown: str) -> None:
    assert sanitize(name) == sanitize(sanitize(name)) == shown


def _is_newer(than: int, message: Message) -> bool:
    return message.message_id > than


@pytest.mark.parametrize("name", ["<b>Ann</b>", "{credits}", "A" * 64, "\u202eann", "&lt;", "🌊"])
async def test_a_name_is_shown_as_it_is(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, provider: AimlApiSandbox, name: str
) -> None:
    somebody = telegram.person(name)
    group = telegram.group("<i>Club</i> & {friends}", [somebody])
    asked = await group.send(somebody, "/video")
    await answer_to(group, asked)
    for command in ("/start", "/quota", "/history"):
        private = telegram.private(somebody)
        newest = (await private.send(somebody, command)).message_id
        await private.wait(partial(_is_newer, newest))
    await assert_alive(harness, telegram.private(somebody), somebody)
    for message in [*group.from_bot, *telegram.private(somebody).from_bot]:
        shown = message.text or message.caption or ""
        assert "\u202e" not in shown, "what follows would be read backwards"
        for entity in message.entities:
            words = shown[entity["offset"] : entity["offset"] + entity["length"]]
            assert name not in words or entity["type"] == "text_mention"
