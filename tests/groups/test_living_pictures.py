"""/animate as an answer to anything with a picture in it, and what albums become."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING

import av
import pytest
from av import VideoStream
from PIL import Image

from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.sandbox.telegram.clips import clip

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.app import Bot
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Group, Message, Person, PrivateChat, TelegramSandbox


def two_colours(container: str = "mp4", codec: str = "libx264") -> bytes:
    """A second of red, then a second of blue."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        video = file.add_stream(codec, rate=10)
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        for colour in ("red", "blue"):
            picture = Image.new("RGB", (320, 180), colour)
            frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call] # PyAV leaves it out
            for _ in range(10):
                frame.pts = None
                file.mux(video.encode(frame))
        file.mux(video.encode())
    return out.getvalue()


SENDS: dict[str, Callable[[Group, Person], Awaitable[Message]]] = {
    "photo": lambda group, by: group.send_photo(by, photo()),
    "image file": lambda group, by: group.send_document(by, photo(), "boat.jpg", "image/jpeg"),
    "album item": lambda group, by: group.send_photo(by, photo(), album="a1"),
    "static sticker": lambda group, by: group.send_sticker(by, photo(512, 288, "WEBP"), height=288),
    "video sticker": lambda group, by: group.send_sticker(
        by, two_colours("webm", "libvpx-vp9"), moves=True, height=288
    ),
    "GIF": lambda group, by: group.send_animation(by, clip(sound=False, width=320, height=180)),
    "video": lambda group, by: group.send_video(by, clip(width=320, height=180)),
}


@pytest.mark.parametrize("kind", SENDS)
async def test_animate_as_an_answer_brings_it_to_life(
    bot: Bot, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox, kind: str
) -> None:
    sent = await SENDS[kind](club, bob)
    asked = await club.send(ann, "/animate let it rain", reply_to=sent)
    video = await club.wait(shows_video("let it rain"))
    assert video.reply_to == asked.message_id
    assert len(provider.submissions) == 1
    assert provider.submissions[0].model.endswith("i2v")
    assert provider.violations == []


@pytest.mark.parametrize("kind", SENDS)
async def test_a_mention_as_an_answer_does_the_same(
    bot: Bot,
    telegram: TelegramSandbox,
    club: Group,
    ann: Person,
    bob: Person,
    provider: AimlApiSandbox,
    kind: str,
) -> None:
    telegram.privacy_mode(on=False)
    sent = await SENDS[kind](club, bob)
    await club.send(ann, f"@{telegram.bot.username} let it rain", reply_to=sent)
    await club.wait(shows_video("let it rain"))
    assert provider.submissions[0].model.endswith("i2v")


def seen(video: Message) -> tuple[int, int, int]:
    """Return the light of the three colours in a video's first frame: it begins as its picture."""
    assert video.video is not None
    with av.open(str(video.video.path)) as file:
        frame: Image.Image = next(file.decode(video=0)).to_image()  # type: ignore[no-untyped-call] # PyAV leaves it out
    light = frame.resize((1, 1)).convert("RGB").getpixel((0, 0))
    assert isinstance(light, tuple)
    red, green, blue = light
    return int(red), int(green), int(blue)


@pytest.mark.parametrize(("words", "colour"), [("rain", "red"), ("rain --last", "blue"),
                                               ("—last rain", "blue")])  # fmt: skip
async def test_of_a_video_it_is_the_first_frame_or_with_last_the_last(
    bot: Bot,
    club: Group,
    ann: Person,
    provider: AimlApiSandbox,
    words: str,
    colour: str,
) -> None:
    sent = await club.send_video(ann, two_colours())
    await club.send(ann, f"/animate {words}", reply_to=sent)
    red, _, blue = seen(await club.wait(shows_video("rain")))
    assert (red > blue) is (colour == "red")
    assert provider.submissions[0].body["prompt"] == "rain"


async def test_a_text_without_a_picture_is_explained(
    bot: Bot, club: Group, ann: Person, bob: Person, provider: AimlApiSandbox
) -> None:
    words = await club.send(bob, "what a nice day")
    asked = await club.send(ann, "/animate", reply_to=words)
    await club.wait(says("Reply /animate to a photo", to=asked.message_id))
    assert provider.submissions == []


async def test_a_video_alone_with_the_bot_is_asked_about(
    bot: Bot, chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    await chat.send_video(ann, two_colours())
    card = await chat.wait(says("Animate its first frame?"))
    assert provider.submissions == []
    await card.press("Gentle movement")
    red, _, blue = seen(await chat.wait(lambda m: m.sender is not ann and m.video is not None))
    assert red > blue


async def test_an_album_in_a_group_is_one_card_for_the_picture_with_the_words(
    bot: Bot, club: Group, ann: Person, provider: AimlApiSandbox
) -> None:
    for n in range(10):
        caption = "/animate let it rain" if n == 0 else None
        await club.send_photo(ann, photo(), caption=caption, album="holiday")
    card = await club.wait(says("Make a video of this?"))
    await card.press("Make it", by=ann)
    await club.wait(shows_video("let it rain"))
    assert len(provider.submissions) == 1
    assert len([m for m in club.from_bot if says("Make a video")(m)]) <= 1


@pytest.mark.parametrize("with_words", [None, 0, 3])
async def test_an_album_alone_with_the_bot_is_one_card(
    bot: Bot,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    ann: Person,
    provider: AimlApiSandbox,
    with_words: int | None,
) -> None:
    for n in range(10):
        caption = "let it rain" if n == with_words else None
        await chat.send_photo(ann, photo(), caption=caption, album="holiday")
    words = "Nice! What should happen?" if with_words is None else "let it rain"
    card = await chat.wait(says(words))
    await chat.send(ann, "/help")
    await chat.wait(says("/video"))
    await chat.wait_gone(card)
    asked = [call for call in telegram.calls_of("sendMessage") if "reply_markup" in call.params]
    assert len(asked) == 1, "never ten orders"
    assert provider.submissions == []


async def test_an_album_without_words_in_a_group_is_talk(
    bot: Bot, telegram: TelegramSandbox, club: Group, ann: Person
) -> None:
    telegram.privacy_mode(on=False)
    await asyncio.gather(*(club.send_photo(ann, photo(), album="holiday") for _ in range(4)))
    await club.send(ann, "/help")
    await club.wait(says("/video"))
    assert len(club.from_bot) == 1
