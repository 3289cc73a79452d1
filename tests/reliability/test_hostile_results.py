"""Results that lead astray: into the operator's network, to no video, or on and on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from generation.jobs import schedule
from generation.media import fetch
from sandbox.aimlapi import Render
from tests.groups.actions import spent
from tests.reliability.hostile_input import answer_to, assert_alive

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat
    from tests.harness import Harness

HOSTILE = {
    "a redirect to this machine": Render.works(redirect="http://127.0.0.1:22/video.mp4"),
    "a redirect into a private network": Render.works(redirect="https://10.0.0.1/video.mp4"),
    "a redirect to the cloud's metadata": Render.works(
        redirect="http://169.254.169.254/latest/meta-data/"
    ),
    "a redirect to a private name": Render.works(redirect="https://localhost/video.mp4"),
    "a redirect to IPv6 loopback": Render.works(redirect="https://[::1]/video.mp4"),
    "a redirect to a file": Render.works(redirect="file:///etc/passwd"),
    "a page": Render.works(body="html"),
    "bytes of no meaning": Render.works(body="garbage"),
    "nothing": Render.works(body="empty"),
    "a body without an end": Render.works(endless=True),
}

NO_VIDEO = {"a page", "bytes of no meaning", "nothing"}
"""What may stand in for a video for a while: it is still looked for, slowly."""


@pytest.mark.parametrize("what", HOSTILE)
async def test_a_hostile_result_is_not_followed_and_the_credits_come_back(
    harness: Harness, chat: PrivateChat, ann: Person, provider: AimlApiSandbox, what: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(fetch, "MAX_VIDEO_BYTES", 3_000_000)
    # quick where production is patient
    monkeypatch.setattr(schedule, "FIRST_LINK_WAIT", 0.05)
    monkeypatch.setattr(schedule, "LINK_TIMEOUT", 0.2)
    provider.next_render = HOSTILE[what]
    async with harness.running():
        asked = await chat.send(ann, "/video a boat")
        answer = await answer_to(chat, asked, "9 credits are back")
        given_up = "broke" if what not in NO_VIDEO else "it is free"
        assert given_up in (answer.text or "")
        assert await spent(harness, ann) == 0
        assert not any(message.video for message in chat.from_bot)
        assert list((harness.data / "videos").iterdir()) == []
        await assert_alive(harness, chat, ann)
