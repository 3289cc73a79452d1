"""Every model, kind, length, shape and resolution of Sora, in private and in a group."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from generation.models.offer import Offer
from storage import generations
from storage.ledger import Account
from tests.flows.media_files import index_is_in_front, photo, streams
from tests.flows.predicates import shows_video
from tests.handlers.shared import until

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Chat, Message, Person, TelegramSandbox
    from tests.harness import Harness

SORAS = ("sora-2", "sora-2-pro")
CASES = [
    (family, resolution, shape, seconds)
    for family in SORAS
    for resolution, shape, seconds in itertools.product(
        ("720p",) if family == "sora-2" else ("720p", "1080p"), ("16:9", "9:16"), (4, 8, 12)
    )
]
PIXELS = {
    ("720p", "16:9"): (1280, 720),
    ("720p", "9:16"): (720, 1280),
    ("1080p", "16:9"): (1792, 1024),
    ("1080p", "9:16"): (1024, 1792),
}


@pytest.mark.parametrize("place", ["private", "group"])
@pytest.mark.parametrize("kind", ["t2v", "i2v"])
async def test_every_video_comes_back_whole_as_an_answer_to_its_message(
    harness: Harness,
    telegram: TelegramSandbox,
    provider: AimlApiSandbox,
    ann: Person,
    bob: Person,
    place: str,
    kind: str,
) -> None:
    chat: Chat = (
        telegram.private(ann) if place == "private" else telegram.group("Film club", [ann, bob])
    )
    async with harness.running(
        max_pending_per_user=100, free_credits=100_000, confirm_credits=1000
    ):
        asked: dict[int, tuple[str, str, str, int]] = {}
        for case in CASES:
            family, resolution, shape, seconds = case
            options = f"--model {family} --res {resolution} --ar {shape} --seconds {seconds}"
            words = f"waves at dawn {family} {resolution} {shape} {seconds} {options}"
            asked[(await _ask(chat, ann, kind, words)).message_id] = case
            await _accepted(harness, len(asked))
        for message_id, case in asked.items():
            answer = await chat.wait(shows_video(to=message_id), timeout=60)
            _is_whole(answer, case, provider, kind)
        async with harness.db.reading() as connection:
            assert await generations.pending_of(connection, Account.person(ann.id)) == []
    assert len(provider.submissions) == len(CASES)
    assert provider.violations == []


async def _ask(chat: Chat, by: Person, kind: str, words: str) -> Message:
    if kind == "t2v":
        return await chat.send(by, f"/video {words}")
    return await chat.send_photo(by, photo(), caption=f"/animate {words}")


async def _accepted(harness: Harness, count: int) -> None:
    """Wait until so many orders are accepted: in a group, few messages of a member may wait."""
    asked = "SELECT count(*) >= ? FROM generations"
    await until(harness, lambda tx: tx.fetch_int(asked, (count,)), 30)


def _is_whole(
    answer: Message, case: tuple[str, str, str, int], provider: AimlApiSandbox, kind: str
) -> None:
    family, resolution, shape, seconds = case
    prompt = f"waves at dawn {family} {resolution} {shape} {seconds}"
    model = getattr(Offer.load()[family], kind).model
    [submission] = [one for one in provider.submissions if one.body["prompt"] == prompt]
    assert submission.model == model
    assert submission.accepted
    assert submission.body["duration"] == seconds
    assert submission.body["resolution"] == resolution
    assert submission.body["aspect_ratio"] == shape
    video = answer.video
    assert video is not None
    assert (video.width, video.height) == PIXELS[resolution, shape]
    assert video.duration == seconds
    assert video.streaming
    assert video.thumbnail is not None
    assert max(video.thumbnail.width, video.thumbnail.height) <= 320
    sent, made = streams(video.path), streams(provider.clip_of(submission))
    assert sent["video"] == made["video"], "the video stream is the provider's, packet for packet"
    assert sent["audio"].codec == "aac"
    assert index_is_in_front(video.path)
    assert answer.caption == prompt
