"""Videos, photos and documents go through python-telegram-bot, there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from telegram import Bot, InputMediaVideo
from telegram.error import BadRequest

from tests.sandbox.telegram.clips import clip, picture

if TYPE_CHECKING:
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox


async def test_a_video_arrives_as_it_was_described(bot: Bot, chat: PrivateChat) -> None:
    film = clip(width=64, height=48)
    sent = await bot.send_video(
        chat.id,
        film,
        filename="film.mp4",
        width=640,
        height=480,
        duration=4,
        thumbnail=picture(320, 180),
        supports_streaming=True,
        caption="a <i>cat</i>",
        parse_mode="HTML",
        has_spoiler=True,
        disable_notification=True,
    )

    message = chat.last
    video = message.video
    assert video is not None
    assert video.actual is not None
    assert (video.width, video.height, video.duration, video.streaming) == (640, 480, 4, True)
    assert (video.actual.width, video.actual.height, video.actual.moov_first) == (64, 48, True)
    assert (video.actual.video_codec, video.actual.audio_codec) == ("h264", "aac")
    assert video.thumbnail is not None
    assert video.thumbnail.width == 320
    assert (message.caption, message.html()) == ("a cat", "a <i>cat</i>")
    assert (message.silent, message.spoiler) == (True, True)
    assert sent.video is not None
    assert sent.video.file_id == video.file_id
    assert video.bytes() == film


async def test_a_silent_video_becomes_an_animation(bot: Bot, chat: PrivateChat) -> None:
    sent = await bot.send_video(chat.id, clip(sound=False), filename="film.mp4")

    assert sent.video is None
    assert sent.animation is not None
    assert chat.last.video is None
    assert chat.last.animation is not None


async def test_what_is_no_mp4_becomes_a_document(bot: Bot, chat: PrivateChat) -> None:
    sent = await bot.send_video(chat.id, b"\x1aE\xdf\xa3 not a film", filename="film.webm")

    assert sent.video is None
    assert chat.last.document is not None
    assert chat.last.document.file_name == "film.webm"


async def test_a_file_is_sent_again_by_its_id(bot: Bot, chat: PrivateChat) -> None:
    first = await bot.send_video(chat.id, clip(), caption="first")
    assert first.video is not None

    again = await bot.send_video(chat.id, first.video.file_id, caption="again")

    assert again.video == first.video
    assert [m.caption for m in chat.from_bot] == ["first", "again"]


async def test_a_photo_is_downloaded(bot: Bot, chat: PrivateChat, ann: Person) -> None:
    photo = (await chat.send_photo(ann, picture(2000, 1000), caption="our garden")).photo[-1]

    file = await bot.get_file(photo.file_id)
    data = bytes(await file.download_as_bytearray())

    assert (photo.width, photo.height) == (1280, 640)
    assert data == photo.bytes()


async def test_a_document_keeps_every_byte(bot: Bot, chat: PrivateChat, ann: Person) -> None:
    data = picture(3000, 2000, "PNG")
    sent = await chat.send_document(ann, data, "garden.png", "image/png")
    assert sent.document is not None

    file = await bot.get_file(sent.document.file_id)

    assert bytes(await file.download_as_bytearray()) == data


async def test_media_and_caption_are_edited(bot: Bot, chat: PrivateChat) -> None:
    message = await bot.send_photo(chat.id, picture(), caption="wait")

    await bot.edit_message_media(InputMediaVideo(clip(), caption="done"), chat.id, message.id)
    assert chat.last.video is not None
    assert (chat.last.photo, chat.last.caption) == ([], "done")

    await bot.edit_message_caption(chat.id, message.id, caption="done!")
    assert chat.last.caption == "done!"
    with pytest.raises(BadRequest, match="not modified"):
        await bot.edit_message_caption(chat.id, message.id, caption="done!")


async def test_copies_and_forwards_carry_the_film(
    bot: Bot, telegram: TelegramSandbox, chat: PrivateChat, bob: Person
) -> None:
    other = telegram.private(bob)
    film = await bot.send_video(chat.id, clip(), caption="a cat")
    await bot.copy_message(other.id, chat.id, film.id, caption="for you")
    forwarded = await bot.forward_message(other.id, chat.id, film.id)

    copy, _ = other.from_bot
    assert (copy.caption, copy.forward_origin) == ("for you", None)
    assert forwarded.forward_origin is not None
    assert [m.video.file_id for m in other.from_bot if m.video] == [film.video.file_id] * 2  # type: ignore[union-attr]
