"""Every other kind of message is answered with what to send instead; groups are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from telegram import Message

from handlers.attachments import advice
from tests.flows.media_files import photo
from tests.flows.predicates import says
from tests.handlers.shared import SPEECH

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

FILE = {"file_id": "f", "file_unique_id": "u"}
MOVES = {**FILE, "width": 4, "height": 4, "duration": 1}
PLACE = {"latitude": 1.0, "longitude": 2.0}
POLL = {
    "id": "1", "question": "?", "options": [], "total_voter_count": 0, "is_closed": False,
    "is_anonymous": True, "type": "regular",
    "allows_multiple_answers": False, "allows_revoting": True, "members_only": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"voice": {**FILE, "duration": 1}}, "can't listen"),
        ({"audio": {**FILE, "duration": 1}}, "can't hear music"),
        ({"animation": MOVES, "document": FILE}, "moves already"),
        ({"document": {**FILE, "mime_type": "application/pdf"}}, "can't use this file"),
        ({"document": {**FILE, "file_size": 20_000_001}}, "over 20 MB"),
        ({"contact": {"phone_number": "1", "first_name": "Cleo"}}, "contacts"),
        ({"location": PLACE}, "places on a map"),
        ({"venue": {"location": PLACE, "title": "Bar", "address": "1"}}, "places on a map"),
        ({"poll": POLL}, "don't vote"),
        ({"dice": {"emoji": "🎲", "value": 3}}, "play games"),
        ({"story": {"id": 1, "chat": {"id": 5, "type": "private"}}}, "from an idea or a photo"),
    ],
)
def test_each_kind_has_its_answer(content: dict[str, Any], words: str) -> None:
    message = Message.de_json(
        {"message_id": 1, "date": 0, "chat": {"id": 5, "type": "private"}, **content}, None
    )
    assert words in advice(message, SPEECH)


@pytest.mark.usefixtures("bot")
async def test_a_voice_message_is_answered_once(chat: PrivateChat, ann: Person) -> None:
    sent = await chat.send_voice(ann, b"OggS")
    answer = await chat.wait(lambda message: message.text is not None)
    assert answer.text == "I can't listen. Write me what we should see."
    assert answer.reply_to == sent.message_id


@pytest.mark.usefixtures("bot")
async def test_a_gif_a_pdf_and_a_sticker_are_answered(chat: PrivateChat, ann: Person) -> None:
    await chat.send_animation(ann, b"gif")
    await chat.wait(lambda message: "moves already" in (message.text or ""))
    await chat.send_document(ann, b"%PDF-1.7", "story.pdf", "application/pdf")
    await chat.wait(lambda message: "can't use this file" in (message.text or ""))
    await chat.send_sticker(ann, b"RIFF")
    await chat.wait(lambda message: "Nice one" in (message.text or ""))


@pytest.mark.usefixtures("bot")
async def test_an_unknown_command_is_named(chat: PrivateChat, ann: Person) -> None:
    await chat.send(ann, "/teleport me")
    answer = await chat.wait(lambda message: message.text is not None)
    assert answer.text == "I don't know /teleport. /help shows what I can do."


@pytest.mark.usefixtures("bot")
async def test_a_group_is_left_alone(telegram: TelegramSandbox, ann: Person) -> None:
    telegram.privacy_mode(on=False)
    group = telegram.group("Film club", [ann])
    await group.send_voice(ann, b"OggS")
    await group.send_sticker(ann, b"RIFF")
    await group.send(ann, "/teleport")
    await group.send(ann, f"/help@{telegram.bot.username}")
    await group.wait(lambda message: "/video" in (message.text or ""))
    assert len(group.from_bot) == 1


@pytest.mark.usefixtures("bot")
async def test_an_album_is_answered_once(chat: PrivateChat, ann: Person) -> None:
    for name in ("one.pdf", "two.pdf", "three.pdf"):
        await chat.send_document(ann, b"%PDF-1.7", name, "application/pdf", album="trip")
    await chat.send(ann, "/help")
    await chat.wait(lambda message: "/video" in (message.text or ""))
    assert len(chat.from_bot) == 2


async def test_an_album_of_a_picture_and_a_file_is_answered_once(
    harness: Harness, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(allowed_ids=frozenset({1})):
        await chat.send_photo(ann, photo(900, 700), caption="waves", album="trip")
        await chat.wait(says("This bot is private"))
        await chat.send_document(ann, b"%PDF-1.7", "two.pdf", "application/pdf", album="trip")
        await chat.send(ann, "/help")
        await chat.wait(says("/video"))
        assert len(chat.from_bot) == 2
