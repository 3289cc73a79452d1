"""A Bot API server of one's own in local mode: files as paths, large uploads, a webhook by HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bot import app
from sandbox.telegram import attachments
from tests.flows.media_files import photo
from tests.flows.predicates import says, shows_video
from tests.harness import free_port
from tests.sandbox.telegram.clips import clip

if TYPE_CHECKING:
    import pytest

    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

SMALL = 1000
"""What the hosted server would take at most, in bytes: any video is larger."""


async def test_a_photo_comes_by_its_path_and_a_video_over_the_hosted_limit_goes_as_it_is(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(app, "UPLOAD_LIMIT", SMALL)
    monkeypatch.setattr(attachments, "UPLOAD_BYTES", SMALL)
    telegram.world.files.is_local = True
    port = free_port()
    async with harness.running(
        telegram_api_local=True,
        webhook_url=f"http://127.0.0.1:{port}/updates",
        webhook_secret=SecretStr("known"),
        webhook_port=port,
    ):
        await chat.send_photo(ann, photo(), caption="/animate waves move slowly")
        sent = await chat.wait(shows_video("waves move slowly"))
        assert sent.media is not None
        sent.media = replace(sent.media, size=20_000_001)
        await sent.press("More…")
        await chat.wait(lambda m: any("Continue" in label for label in m.labels))
        await sent.press("Continue")
        await chat.wait(lambda message: "happens" in (message.text or ""))
    assert sent.video is not None
    assert sent.video.size > SMALL
    assert telegram.calls_of("getUpdates") == []
    [fetched] = telegram.calls_of("getFile")
    assert fetched.error is None


async def test_a_video_of_somebody_s_own_may_be_as_large_as_that_server_gives_out(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    telegram.world.files.is_local = True
    large = clip(width=320, height=180) + bytes(20_000_001)
    async with harness.running(telegram_api_local=True):
        sent = await chat.send_video(ann, large)
        await chat.wait(says("Animate its first frame?"))
        await chat.send(ann, "/animate waves roll in", reply_to=sent)
        await chat.wait(shows_video("waves roll in"))
