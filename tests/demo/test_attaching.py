"""Photos and files on their way into a chat: chosen, pasted, dropped, taken from the tray."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.async_api import expect
from pytest_asyncio import fixture

from sandbox.aimlapi.clips import Clip, make

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.page import ChatPage
    from sandbox.telegram import Chat
    from tests.demo.browser import Visitor

GIVE = """async ([selector, kind, files]) => {
    const carried = new DataTransfer();
    for (const [name, type, base64] of files) {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        carried.items.add(new File([bytes], name, {type}));
    }
    const target = document.querySelector(selector);
    const options = {bubbles: true, cancelable: true};
    target.dispatchEvent(kind === "paste"
        ? new ClipboardEvent("paste", {...options, clipboardData: carried})
        : new DragEvent(kind, {...options, dataTransfer: carried}));
}"""
"""Does in the page what a hand does with a mouse: paste or drop files."""


@fixture(loop_scope="session")
async def club(chat_page: ChatPage, onlooker: Visitor) -> Chat:
    """The group, opened in the page."""
    await onlooker.open_chat("Film club")
    return next(chat for chat in chat_page.participants.chats.values() if chat.title == "Film club")


def picture(width: int = 640, height: int = 360) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 120, 60)).save(out, "PNG")
    return out.getvalue()


async def send(visitor: Visitor, count: int = 1) -> None:
    """Send what is attached once it is all there."""
    await expect(visitor.page.get_by_label("Attached").get_by_role("listitem")).to_have_count(count)
    await visitor.page.get_by_role("button", name="Send", exact=True).click()
    await expect(visitor.page.get_by_label("Attached")).to_be_hidden()


async def test_a_chosen_photo_goes_out_with_its_caption(
    club: Chat, onlooker: Visitor, tmp_path: Path
) -> None:
    path = tmp_path / "garden.png"
    path.write_bytes(picture())
    async with onlooker.page.expect_file_chooser() as chooser:
        await onlooker.page.get_by_role("button", name="Attach a photo").click()
    await (await chooser.value).set_files(path)
    await onlooker.field.fill("my garden")
    await send(onlooker)
    await expect(onlooker.message("my garden").locator("img")).to_have_js_property("complete", True)
    sent = club.last
    assert (sent.caption, sent.photo[-1].width) == ("my garden", 640)


@pytest.mark.parametrize("gesture", ["paste", "drop"])
async def test_a_photo_is_taken_when_it_is_given(
    club: Chat, onlooker: Visitor, gesture: str
) -> None:
    files = [["photo.png", "image/png", base64.b64encode(picture()).decode()]]
    target = "#words" if gesture == "paste" else "#log"
    await onlooker.page.evaluate(GIVE, [target, gesture, files])
    await send(onlooker)
    await expect(onlooker.log.locator("img")).to_have_count(1)
    assert club.last.photo


@pytest.mark.parametrize("beside", ["#chats", "#panel"])
async def test_a_file_dropped_beside_the_conversation_opens_nothing(
    club: Chat, onlooker: Visitor, beside: str
) -> None:
    files = [["photo.png", "image/png", base64.b64encode(picture()).decode()]]
    refused = GIVE.replace("target.dispatchEvent", "return !target.dispatchEvent")
    for kind in ("dragover", "drop"):
        assert await onlooker.page.evaluate(refused, [beside, kind, files])
    await expect(onlooker.page.get_by_label("Attached")).to_be_hidden()
    assert club.messages == []


async def test_several_photos_are_an_album(club: Chat, onlooker: Visitor, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path in paths:
        path.write_bytes(picture())
    await onlooker.page.get_by_label("Photo to attach").set_input_files(paths)
    await send(onlooker, 3)
    await expect(onlooker.log.locator(".grid img")).to_have_count(3)
    assert len({message.album for message in club.messages}) == 1


async def test_a_ready_photo_can_be_taken_away_again(club: Chat, onlooker: Visitor) -> None:
    await onlooker.attach_ready("A lighthouse")
    await onlooker.page.get_by_role("button", name="Take lighthouse.jpg away").click()
    await expect(onlooker.page.get_by_label("Attached")).to_be_hidden()
    assert club.messages == []


async def test_what_is_no_picture_goes_out_as_a_file(
    club: Chat, onlooker: Visitor, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    page.write_text("<script>document.title = 'owned'</script>")
    await onlooker.page.get_by_label("Photo to attach").set_input_files(page)
    await send(onlooker)
    link = onlooker.log.get_by_role("link", name="page.html")
    async with onlooker.page.expect_download() as download:
        await link.click()
    assert (await download.value).suggested_filename == "page.html"
    assert club.last.document is not None


@pytest.mark.parametrize(("sound", "kind"), [(True, "video"), (False, "animation")])
async def test_an_mp4_goes_out_as_a_video_or_without_sound_as_a_gif(
    club: Chat, onlooker: Visitor, tmp_path: Path, *, sound: bool, kind: str
) -> None:
    clip = Clip("A pier", None, (640, 360), 4, quick=True, with_sound=sound)
    path = await asyncio.to_thread(make, clip, tmp_path)
    await onlooker.page.get_by_label("Photo to attach").set_input_files(path)
    await send(onlooker)
    await expect(onlooker.videos).to_have_count(1)
    sent = club.last.media
    assert sent is not None
    assert (sent.stored_as, sent.width, sent.height, sent.duration) == (kind, 640, 360, 4)


async def test_a_video_given_to_the_bot_is_asked_about(visitor: Visitor, tmp_path: Path) -> None:
    await visitor.start()
    path = await asyncio.to_thread(make, Clip("A pier", None, (640, 360), 4, quick=True), tmp_path)
    await visitor.page.get_by_label("Photo to attach").set_input_files(path)
    await send(visitor)
    await expect(visitor.message("Animate its first frame?")).to_be_visible()
