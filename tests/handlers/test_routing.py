"""What every handler is wrapped in: who is met, who is turned away, how a press is answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from telegram import Update

from handlers import presses
from handlers.account.model_choice import ShowPage
from handlers.account.settings import SetDefault
from handlers.account.welcome import OrderIdea
from handlers.commands import COMMANDS
from handlers.replies.keyboards import Again, CallbackData, Cancel
from handlers.replies.notices import Resend
from handlers.routing import Router
from sandbox.telegram.actors import Person
from sandbox.telegram.messages import Button
from storage import people, videos
from storage.ledger import Account
from storage.people import Ban
from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.groups.actions import made, settings_of, spent

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.app import Bot
    from handlers.context import Context
    from handlers.senders import Sender
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, PrivateChat, TelegramSandbox
    from tests.harness import Harness

BANNED = "You cannot make videos with this bot any more."
STRANGER = "This bot is private."
OLD = "This button is old. Send me the idea again."

OTHER_BOT = Person(5_000_001, "Helper", "helper_bot", is_bot=True)


async def ban(harness: Harness, person: Person) -> None:
    """Shut somebody out."""
    shut_out = Ban(telegram_id=person.id, by=1, at=0.0)
    async with harness.db.transaction() as tx:
        await people.ban(tx, shut_out, cause="a test")


# ---- what is handed over


class Poke(CallbackData, prefix="poke"):
    """What a test's button carries."""


async def misnamed(sender: Sender, speech: str) -> None:
    """Ask for what there is not."""


async def mistyped(sender: Sender, message: Poke) -> None:
    """Ask for a message under a wrong type."""


@pytest.mark.parametrize("answer", [misnamed, mistyped])
def test_a_handler_that_asks_for_what_there_is_not_is_refused_at_the_start(
    answer: Callable[..., Coroutine[Any, Any, None]],
) -> None:
    with pytest.raises(TypeError, match=answer.__name__):
        Router().button(Poke)(answer)


def test_a_command_that_is_not_in_the_table_cannot_be_registered() -> None:
    with pytest.raises(KeyError):
        Router().command("pay")


async def test_a_button_is_handed_what_it_asks_for_and_answered_where_its_handler_forgot(
    bot: Bot, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    router, heard = Router(), []

    @router.button(Poke)
    async def poked(sender: Sender, press: Poke, cause: str, context: Context) -> None:
        heard.append((sender.name, press, cause.partition(":")[0], context.services))

    bot.app.add_handler(presses.handler([router]), group=-1)
    await chat.send(ann, "/help")
    shown = await chat.wait(says("/video"))
    answer = await telegram.world.press(shown, Button("?", "poke"), by=ann, timeout=5)
    assert heard == [("Ann", Poke(), "update", bot.services)]
    assert not answer.text


# ---- presses


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("data", ["v1:old", "resend:007", "set:1:family", "cancel:", "::::", "🎬"])
async def test_an_old_or_made_up_button_is_answered_once(
    telegram: TelegramSandbox, chat: PrivateChat, ann: Person, data: str
) -> None:
    await chat.send(ann, "/help")
    shown = await chat.wait(says("/video"))
    answer = await telegram.world.press(shown, Button("?", data), by=ann, timeout=5)
    assert answer.text == OLD
    assert len(telegram.calls_of("answerCallbackQuery")) == 1


def pressed(press: CallbackData, by: Person, **where: Any) -> dict[str, Any]:
    """Return what Telegram tells of a press."""
    query = {"id": "1", "from": by.as_json(), "chat_instance": "1", "data": press.encode()}
    return {"update_id": 1, "callback_query": query | where}


@pytest.mark.parametrize(
    "press",
    [Cancel(1), Resend(1), SetDefault(1_000_001, "seconds", "8"), ShowPage(0), OrderIdea(0, 9)],
    ids=lambda press: press.prefix,
)
async def test_a_press_without_a_chat_is_answered_and_does_nothing(
    bot: Bot, telegram: TelegramSandbox, ann: Person, press: CallbackData
) -> None:
    told = pressed(press, ann, inline_message_id="made-up")
    await bot.app.process_update(Update.de_json(told, bot.app.bot))
    assert len(telegram.calls_of("answerCallbackQuery")) == 1
    assert telegram.calls_of("sendMessage") == []


async def test_a_press_whose_handler_breaks_is_answered_once_and_says_so(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person
) -> None:
    router = Router()

    @router.button(Poke)
    async def breaks(sender: Sender) -> None:
        raise ZeroDivisionError(sender.name)

    bot.app.add_handler(presses.handler([router]), group=-1)
    harness.errors.expect("broke its handler")
    await club.send(ann, "/help")
    shown = await club.wait(says("/video"))
    answer = await telegram.world.press(shown, Button("?", "poke"), by=ann, timeout=5)
    assert answer.text == "Something broke on my side. Please try that again."
    assert len(telegram.calls_of("answerCallbackQuery")) == 1
    assert len(club.from_bot) == 1


# ---- the banned


async def test_a_banned_person_gets_one_answer_to_whatever_they_send_in_private(
    bot: Bot, harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await ban(harness, ann)
    listed = [f"/{name}" for one in COMMANDS if not one.when_banned for name in one.names]
    for count, words in enumerate([*listed, "/teleport", "a boat", "/start quota"], start=1):
        asked = await chat.send(ann, words)
        await chat.wait(says(BANNED, to=asked.message_id))
        assert len(chat.from_bot) == count, words
    said = len(chat.from_bot)
    await chat.send_photo(ann, photo(300, 200))
    await chat.send_voice(ann, b"OggS")
    await chat.wait(lambda message: chat.from_bot.index(message) == said + 1)
    assert {message.text for message in chat.from_bot} == {BANNED}
    assert provider.submissions == []


async def test_in_a_group_a_banned_person_meets_silence_whatever_they_say(
    bot: Bot, harness: Harness, club: Group, ann: Person, bob: Person
) -> None:
    video = await made(harness, club, ann, "a boat")
    await ban(harness, bob)
    said = len(club.from_bot)
    for command in COMMANDS:
        await club.send(bob, f"/{command.name}")
    await club.send(bob, "/report rude", reply_to=video)
    await club.send(ann, "/help")
    await club.wait(says("/report"))
    assert len(club.from_bot) == said + 1
    assert (
        harness.telegram.private(harness.telegram.person("Admin", user_id=900_001)).from_bot == []
    )


async def test_a_banned_person_takes_nothing_anywhere_by_presses_or_inline(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, chat: PrivateChat,
    ann: Person,
    bob: Person,
) -> None:  # fmt: skip
    video = await made(harness, chat, ann, "a boat")
    [own] = await videos.finished_of(harness.db, Account.person(ann.id), limit=5)
    await club.send(bob, "/help")
    shown = await club.wait(says("/video"))
    await ban(harness, ann)
    said = (len(club.from_bot), len(chat.from_bot))
    for data in (Resend(own.id), Again(own.id), Cancel(own.id), ShowPage(0), OrderIdea(0, 9)):
        for place in (shown, video):
            button = Button("?", data.encode())
            answer = await telegram.world.press(place, button, by=ann, timeout=5)
            assert answer.text == BANNED, data
    assert (len(club.from_bot), len(chat.from_bot)) == said
    assert len(await telegram.inline(ann, "")) == 0


async def test_a_video_is_not_sent_again_into_a_group_by_a_forged_press(
    bot: Bot,
    harness: Harness,
    telegram: TelegramSandbox,
    club: Group,
    chat: PrivateChat,
    ann: Person,
) -> None:
    await made(harness, chat, ann, "a boat")
    [own] = await videos.finished_of(harness.db, Account.person(ann.id), limit=5)
    await club.send(ann, "/help")
    shown = await club.wait(says("/video"))
    button = Button("?", Resend(own.id).encode())
    answer = await telegram.world.press(shown, button, by=ann, timeout=5)
    assert answer.text == "This is not your video, so you cannot send it."
    assert len(club.from_bot) == 1


# ---- strangers


async def test_a_stranger_orders_nothing_and_may_look_around(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    async with harness.running(allowed_ids=frozenset({1})):
        for words in ("/video a boat", "/video", "/animate", "a boat", "/start"):
            asked = await chat.send(ann, words)
            answer = await chat.wait(says(STRANGER, to=asked.message_id))
            assert str(ann.id) in (answer.text or "")
        for words, shown in (
            ("/help", "What I can do"), ("/models", "Sora 2"), ("/quota", "You have"),
            ("/history", "No videos yet"), ("/cancel", "Nothing is under way"),
            ("/settings", "Your usual video"),
        ):  # fmt: skip
            await chat.send(ann, words)
            await chat.wait(says(shown))
        assert provider.submissions == []
        async with harness.db.transaction() as tx:
            await people.allow(tx, ann.id, cause="a test", by=1, now=0.0)
        await chat.send(ann, "/video a boat")
        await chat.wait(shows_video("a boat"))


async def test_a_strangers_talk_in_a_group_is_left_alone(
    harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person, bob: Person
) -> None:
    telegram.privacy_mode(on=False)
    async with harness.running(allowed_ids=frozenset({ann.id})):
        video = await made(harness, club, ann, "a boat")
        said = len(club.from_bot)
        await club.send(bob, "lovely!", reply_to=video)
        asked = await club.send(bob, "/video a train")
        await club.wait(says(STRANGER, to=asked.message_id))
        assert len(club.from_bot) == said + 1


# ---- bots, and whoever writes as the group


async def test_another_bots_commands_and_presses_are_nobodys(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, club: Group, ann: Person,
    provider: AimlApiSandbox,
) -> None:  # fmt: skip
    name = telegram.bot.username
    for words in ("/video a boat", "/settings", "/help", "/quota", "/cancel"):
        command, _, rest = words.partition(" ")
        await club.send(OTHER_BOT, f"{command}@{name} {rest}")
    await club.send(ann, "/help")
    shown = await club.wait(says("/video"))
    assert len(club.from_bot) == 1
    told = pressed(ShowPage(0), OTHER_BOT, message=shown.as_json())
    await bot.app.process_update(Update.de_json(told, bot.app.bot))
    assert len(club.from_bot) == 1
    assert provider.submissions == []


async def test_a_channels_post_in_the_group_of_its_comments_is_nobodys(
    bot: Bot, telegram: TelegramSandbox, club: Group, ann: Person
) -> None:
    channel = telegram.group("News", [ann])
    message = {
        "message_id": 77, "date": 4_000_000_000, "chat": club.as_json(),
        "from": {"id": 777000, "is_bot": False, "first_name": "Telegram"},
        "sender_chat": channel.as_json(), "is_automatic_forward": True, "text": "/help",
        "entities": [{"type": "bot_command", "offset": 0, "length": 5}],
    }  # fmt: skip
    update = Update.de_json({"update_id": 1, "message": message}, bot.app.bot)
    await bot.app.process_update(update)
    await club.send(ann, "/help")
    await club.wait(says("/video"))
    assert len(club.from_bot) == 1


@pytest.mark.parametrize("words", ["/help", "/video a boat", "a boat"])
async def test_what_is_written_to_a_channel_is_not_answered_and_not_charged(
    bot: Bot, harness: Harness, telegram: TelegramSandbox, ann: Person, provider: AimlApiSandbox,
    words: str,
) -> None:  # fmt: skip
    club = telegram.group("News", [ann])
    message = {
        "message_id": 77, "date": 4_000_000_000, "from": ann.as_json(), "text": words,
        "chat": club.as_json() | {"is_direct_messages": True},
        "entities": [{"type": "bot_command", "offset": 0, "length": words.find(" ") + 1 or 5}]
        if words.startswith("/") else [],
    }  # fmt: skip
    update = Update.de_json({"update_id": 1, "message": message}, bot.app.bot)
    await bot.app.process_update(update)
    assert club.from_bot == []
    assert await spent(harness, ann) == 0
    assert provider.submissions == []


# ---- groups that are off


async def test_presses_are_turned_away_too_where_the_group_is_off(
    bot: Bot, harness: Harness, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    video = await made(harness, club, ann, "a boat")
    await (await settings_of(club, ann)).press("Off here", by=ann)
    await club.wait(says("I am switched off here."))
    said = len(club.from_bot)
    for _ in range(2):
        assert (await video.press("Again", by=bob)).text == "I am switched off here."
    assert len(club.from_bot) == said
    assert len(provider.submissions) == 1


# ---- what is written


async def test_somebody_known_is_met_without_a_write_and_a_new_name_goes_with_the_next(
    bot: Bot, harness: Harness, ann: Person
) -> None:
    def update(name: str) -> Update:
        user = ann.as_json() | {"first_name": name}
        place = {"id": ann.id, "type": "private", "first_name": name}
        message = {
            "message_id": 5, "date": 4_000_000_000, "chat": place, "from": user, "text": "/models",
            "entities": [{"type": "bot_command", "offset": 0, "length": 7}],
        }  # fmt: skip
        return Update.de_json({"update_id": 1, "message": message}, bot.app.bot)

    async def changes() -> int:
        async with harness.db.reading() as connection:
            return await connection.fetch_int("SELECT total_changes()")

    # what a start does besides writes too
    beside = {one for one in asyncio.all_tasks() if one.get_name() in {"pruning", "the catalogue"}}
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    wrote = []
    for name in ("Ann", "Ann", "Anna", "Anna"):
        before = await changes()
        await bot.app.process_update(update(name))
        wrote.append(await changes() > before)
    assert wrote == [True, False, False, False]
    async with harness.db.transaction() as tx:
        renamed = await people.find(tx, ann.id)
    assert renamed is not None
    assert renamed.name == "Anna"
