"""From the provider's id to the video on disk, or to credits that went back."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from generation.jobs.outcomes import VideoOnDisk
from generation.jobs.polling import MAX_POLL_SECONDS, MIN_SAMPLES
from generation.jobs.schedule import (
    ADDRESS_TIMEOUT,
    LINK_TIMEOUT,
    PARKED_POLL_SECONDS,
    PARKED_TIMEOUT,
)
from generation.media.formats import MediaFailed
from generation.media.pool import MediaProcesses
from generation.media.videos import MAX_TRIES_AS_VIDEO, UploadPreparation
from sandbox.aimlapi import Fault, Render
from storage.generations import State
from tests.generation.steps import DEADLINE
from tests.storage.requests import rows

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from storage.generations import Generation
    from tests.generation.steps import Steps
    from tests.storage.requests import Clock


@pytest.fixture
async def made(steps: Steps) -> Generation:
    """A generation whose video is made and not yet fetched."""
    return await steps.taken()


@pytest.fixture
async def endless(steps: Steps, provider: AimlApiSandbox) -> Generation:
    """A generation that never ends."""
    provider.next_render = Render.never()
    return await steps.taken(ended=False)


async def park(steps: Steps, generation: Generation) -> Generation:
    """Let a generation's time run out."""
    steps.clock.now += DEADLINE + 1
    generation = await steps.poll(generation)
    assert generation.state is State.PARKED
    return generation


async def finish(steps: Steps, generation: Generation) -> None:
    """Have the provider end after all what it never meant to: a fresh video under the old id."""
    other = await steps.taken("another")
    done = steps.provider.generations.by_id[other.provider_id or ""]
    late = steps.provider.generations.by_id[generation.provider_id or ""]
    late.charged, late.status = done.charged, "completed"


async def test_a_finished_video_is_on_disk_and_its_credits_are_taken(
    steps: Steps, made: Generation, clock: Clock
) -> None:
    clock.now += 60
    ready = await steps.poll(made)
    assert (ready.state, ready.ready_at) == (State.READY, clock.now)
    video = steps.downloads.path_of(ready)
    assert video.read_bytes() == steps.provider.clip_of(made.provider_id or "").read_bytes()
    assert await steps.ledger() == ["hold", "capture"]
    assert await steps.told() == [], "the video itself is the message"


@pytest.mark.parametrize("video_as", ["object", "array"])
async def test_both_ways_of_naming_the_video_are_understood(
    steps: Steps, provider: AimlApiSandbox, video_as: str
) -> None:
    provider.next_render = Render.works(video_as="array" if video_as == "array" else "object")
    assert (await steps.poll(await steps.taken())).state is State.READY


@pytest.mark.parametrize("status", ["queued", "generating", "waiting", "active", "sleeping", ""])
async def test_every_status_but_the_last_ones_is_pending(
    steps: Steps, provider: AimlApiSandbox, status: str
) -> None:
    provider.next_render = Render("never", statuses=("generating", status, "queued"))
    generation = await steps.taken(ended=False)
    for polls in range(1, 4):
        generation = await steps.poll(generation)
        assert (generation.state, generation.polls) == (State.GENERATING, polls)
    assert await steps.ledger() == ["hold"]


async def test_the_next_poll_comes_closer_around_the_likely_moment(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    for number in range(MIN_SAMPLES):
        made = await steps.taken(f"message:{100 + number}", ended=False)
        clock.now += 75
        await steps.advance(made, VideoOnDisk())
    provider.next_render = Render.never()
    generation, waits = await steps.taken(ended=False), list[tuple[float, float]]()
    while (taken := clock.now - (generation.accepted_at or 0)) < 400:
        clock.now = generation.due_at
        generation = await steps.poll(generation)
        waits.append((taken, generation.due_at - clock.now))
    around = [wait for taken, wait in waits if 60 < taken < 90]
    outside = [wait for taken, wait in waits if taken < 30 or taken > 250]
    assert max(around) < min(outside)


@pytest.mark.parametrize(
    ("render", "told"),
    [
        (Render.failed(), "failed_broken"),
        (Render.failed(error_as="string"), "failed_broken"),
        (Render.refused(), "failed_moderation"),
        (Render.refused(error_as="string"), "failed_moderation"),
        (Render.refused("No public figures, please."), "failed_moderation"),
    ],
)
async def test_what_the_provider_could_not_make_is_not_paid_for(
    steps: Steps, provider: AimlApiSandbox, render: Render, told: str
) -> None:
    provider.next_render = render
    generation = await steps.poll(await steps.taken())
    assert (generation.state, generation.spent_micros) == (State.FAILED, 0)
    assert await steps.ledger() == ["hold", "release"]
    assert await steps.told() == [told]
    assert await steps.uncharged(generation)


@pytest.mark.parametrize(
    "fault",
    [Fault.http(500), Fault.http(429), Fault.html(502), Fault.hung_up(), Fault.half_json()],
    ids=lambda fault: fault.name,
)
async def test_a_question_without_an_answer_is_asked_again_later(
    steps: Steps, provider: AimlApiSandbox, clock: Clock, made: Generation, fault: Fault
) -> None:
    # over the connection that was kept it is asked anew at once
    times = 3 if fault.name == Fault.hung_up().name else 2
    provider.faults.next("poll", fault, times=times)
    generation, waits = made, []
    for _ in range(2):
        generation = await steps.poll(generation)
        waits.append(generation.due_at - clock.now)
    assert waits == [1, 2]
    assert (await steps.poll(generation)).state is State.READY
    assert len(provider.submissions) == 1


async def test_an_id_that_is_not_known_may_become_known(
    steps: Steps, provider: AimlApiSandbox, clock: Clock, made: Generation
) -> None:
    provider.faults.next("poll", Fault.http(404))
    generation = await steps.poll(made)
    assert (generation.state, generation.due_at) == (State.GENERATING, clock.now + MAX_POLL_SECONDS)
    assert (await steps.poll(generation)).state is State.READY


async def test_a_refused_key_begins_an_outage_and_fails_nothing(
    steps: Steps, provider: AimlApiSandbox, made: Generation
) -> None:
    provider.faults.next("poll", Fault.http(401))
    generation = await steps.poll(made)
    assert generation.state is State.GENERATING
    assert await steps.admins() == ["outage"]
    assert (await steps.poll(generation)).state is State.READY


async def polled_until_its_end(steps: Steps, generation: Generation) -> list[float]:
    """Poll whenever it is due while it is generating; return the waits in between."""
    waits = []
    while generation.state is State.GENERATING:
        generation = await steps.poll(generation)
        waits.append(generation.due_at - steps.clock.now)
        steps.clock.now = max(steps.clock.now, generation.due_at)
    return waits[:-1]


async def test_a_dead_link_is_asked_for_anew(steps: Steps, provider: AimlApiSandbox) -> None:
    provider.next_render = Render.works(dead_fetches=3)
    generation = await steps.taken()
    assert await polled_until_its_end(steps, generation) == [5, 15, 45]
    assert (await steps.again(generation)).state is State.READY


async def test_a_link_that_stays_dead_is_looked_for_slowly_after_a_quarter_of_an_hour(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.next_render = Render.works(dead_fetches=8)
    generation = await steps.taken()
    waits = await polled_until_its_end(steps, generation)
    assert sum(waits) == LINK_TIMEOUT
    parked = await steps.again(generation)
    assert (parked.state, parked.reason) == (State.PARKED, "link dead")
    assert await steps.ledger() == ["hold", "release"]
    assert (await steps.told(), await steps.admins()) == (["parked_late"], ["bad_result"])
    assert not await steps.uncharged(parked), "the provider made it: the operator paid"
    ready = await steps.poll(parked)
    assert (ready.state, ready.is_gift) == (State.READY, True), "the file came, a day at most late"


async def test_a_page_in_the_place_of_a_video_is_no_end(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    provider.faults.next("download", Fault.html(200), times=2)
    generation = await steps.taken()
    assert await polled_until_its_end(steps, generation) == [5, 15]
    assert (await steps.again(generation)).state is State.READY


async def test_failed_questions_are_no_dead_links(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.next_render = Render.works(dead_fetches=1)
    generation = await steps.taken()
    provider.faults.next("poll", Fault.http(500), times=5)
    for _ in range(6):
        generation = await steps.poll(generation)
        clock.now = generation.due_at
    assert (generation.dead_links, generation.poll_setbacks) == (1, 0)
    assert (await steps.poll(generation)).state is State.READY


@pytest.mark.parametrize("status", ["Completed", "succeeded", "SUCCESS"])
async def test_finished_without_an_address_for_some_minutes_is_failed(
    steps: Steps, provider: AimlApiSandbox, status: str
) -> None:
    provider.next_render = Render("never", statuses=(status,))
    generation = await steps.taken(ended=False)
    waits = await polled_until_its_end(steps, generation)
    assert sum(waits) == ADDRESS_TIMEOUT
    failed = await steps.again(generation)
    assert (failed.state, failed.reason) == (State.FAILED, "finished without an address")
    assert await steps.told() == ["failed_broken"]
    assert not await steps.uncharged(failed), "the provider says that it was made"


@pytest.mark.parametrize("status", ["cancelled", "canceled", "expired", "FAILED", "Error"])
async def test_every_word_for_a_bad_end_is_one(
    steps: Steps, provider: AimlApiSandbox, status: str
) -> None:
    provider.next_render = Render("never", statuses=(status,))
    generation = await steps.poll(await steps.taken(ended=False))
    assert (generation.state, generation.spent_micros) == (State.FAILED, 0)


async def test_a_model_that_left_the_offer_is_polled_to_its_end(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    generation = await steps.taken()
    async with steps.db.transaction() as tx:
        await tx.execute("UPDATE generations SET family = 'gone', model = 'nobody/gone'")
    assert (await steps.poll(await steps.again(generation))).state is State.READY


@pytest.mark.parametrize(
    ("redirect", "why"),
    [
        ("http://example.com/video.mp4", "UnsafeLink"),
        ("https://127.0.0.1/video.mp4", "UnsafeLink"),
        ("https://169.254.169.254/latest/meta-data", "UnsafeLink"),
        ("file:///etc/passwd", "UnsafeLink"),
    ],
)
async def test_a_link_that_is_not_public_is_never_followed_and_the_admins_are_told(
    steps: Steps, provider: AimlApiSandbox, redirect: str, why: str
) -> None:
    provider.next_render = Render.works(redirect=redirect)
    generation = await steps.poll(await steps.taken())
    assert (generation.state, generation.reason) == (State.FAILED, "result refused")
    told = await rows(steps.db, "SELECT facts ->> 'explanation' FROM notices ORDER BY id DESC")
    assert told[0] == (why,)
    assert await steps.admins() == ["bad_result"]
    assert await steps.told() == ["failed_broken"]
    assert await steps.ledger() == ["hold", "release"]


@pytest.mark.parametrize("body", ["html", "garbage", "empty"])
async def test_what_is_no_video_is_not_kept(
    steps: Steps, provider: AimlApiSandbox, body: str
) -> None:
    provider.next_render = Render.works(body=body)
    generation = await steps.taken()
    await polled_until_its_end(steps, generation)
    parked = await steps.again(generation)
    assert (parked.state, parked.reason) == (State.PARKED, "no video at the link")
    assert list(steps.videos.iterdir()) == []
    assert await steps.admins() == ["bad_result"]


async def test_what_only_begins_like_a_video_is_not_kept(
    steps: Steps, made: Generation, provider: AimlApiSandbox
) -> None:
    clip = provider.generations.by_id[made.provider_id or ""]
    false = steps.videos.parent / "false.mp4"
    false.write_bytes(provider.clip_of(clip.id).read_bytes()[:32] + bytes(50_000))
    clip.replacement = false
    await polled_until_its_end(steps, made)
    assert (await steps.again(made)).reason == "no video at the link"
    assert list(steps.videos.iterdir()) == []


async def test_a_download_that_breaks_off_is_fetched_again(
    steps: Steps, provider: AimlApiSandbox, made: Generation
) -> None:
    provider.faults.next("download", Fault.http(503))
    generation = await steps.poll(made)
    assert (generation.state, generation.poll_setbacks) == (State.GENERATING, 1)
    assert list(steps.videos.iterdir()) == []
    assert (await steps.poll(generation)).state is State.READY


async def test_past_its_deadline_credits_go_back_and_polling_turns_slow(
    steps: Steps, endless: Generation, clock: Clock
) -> None:
    clock.now += DEADLINE
    assert (await steps.poll(endless)).state is State.GENERATING
    clock.now += 1
    generation = await steps.poll(endless)
    assert (generation.state, generation.due_at) == (State.PARKED, clock.now + PARKED_POLL_SECONDS)
    assert await steps.ledger() == ["hold", "release"]
    assert await steps.told() == ["parked_late"]
    assert not await steps.uncharged(generation), "it may still be charged"


async def test_a_video_made_while_the_bot_was_away_is_fetched_whatever_the_deadline(
    steps: Steps, made: Generation, clock: Clock
) -> None:
    generation = await steps.note(made, polls=5)
    clock.now += 10 * DEADLINE
    assert (await steps.poll(generation)).state is State.READY
    assert await steps.ledger() == ["hold", "capture"]


async def test_the_deadline_ends_what_cannot_be_asked_about(
    steps: Steps, provider: AimlApiSandbox, endless: Generation, clock: Clock
) -> None:
    provider.faults.always("poll", Fault.http(404))
    clock.now += DEADLINE + 1
    assert (await steps.poll(endless)).state is State.PARKED


async def test_what_was_parked_and_comes_is_a_gift(
    steps: Steps, endless: Generation, clock: Clock
) -> None:
    parked = await park(steps, endless)
    await finish(steps, parked)
    clock.now = parked.due_at
    ready = await steps.poll(parked)
    assert (ready.state, ready.is_gift) == (State.READY, True)
    kinds = await rows(
        steps.db, "SELECT kind FROM ledger WHERE generation = ? ORDER BY id", ready.id
    )
    assert kinds == [("hold",), ("release",)], "a gift writes no row"
    assert ready.spent_micros == 840_000, "the operator's budget knows its price"


async def test_what_was_parked_is_looked_for_slowly(
    steps: Steps, provider: AimlApiSandbox, endless: Generation, clock: Clock
) -> None:
    generation = await park(steps, endless)
    provider.faults.next("poll", Fault.http(500))
    for _ in range(3):
        generation = await steps.poll(generation)
        assert generation.due_at == clock.now + PARKED_POLL_SECONDS
        clock.now = generation.due_at


async def test_what_was_parked_and_fails_fails_silently(
    steps: Steps, provider: AimlApiSandbox, endless: Generation
) -> None:
    parked = await park(steps, endless)
    provider.generations.by_id[parked.provider_id or ""].status = "error"
    assert (await steps.poll(parked)).state is State.FAILED
    assert await steps.told() == ["parked_late"]
    assert await steps.ledger() == ["hold", "release"]
    assert await steps.uncharged(parked)


async def test_what_was_parked_for_a_day_is_given_up_silently(
    steps: Steps, endless: Generation, clock: Clock
) -> None:
    parked = await park(steps, endless)
    clock.now += PARKED_TIMEOUT
    assert (await steps.poll(parked)).state is State.PARKED
    clock.now += 1
    assert (await steps.poll(parked)).state is State.FAILED
    assert await steps.told() == ["parked_late"], "nothing more is said"
    assert await steps.ledger() == ["hold", "release"]


async def test_the_real_price_replaces_the_expected_one_in_the_budget(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    provider.prices["openai/sora-2-t2v"] = type(provider.prices["openai/sora-2-t2v"])(
        Decimal("0.30")
    )
    ready = await steps.poll(await steps.taken(budget_micros=420_000))
    assert (ready.spent_micros, ready.budget_micros) == (1_200_000, 600_000), "half was given"
    assert ready.price_micros == 840_000, "what it was sold for stays"


async def test_a_price_told_by_a_header_alone_is_known_too(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    provider.next_render = Render.works(usage=False)
    assert (await steps.poll(await steps.taken())).spent_micros == 840_000


async def test_what_breaks_at_every_poll_is_parked_in_time_like_what_is_late(
    steps: Steps, made: Generation
) -> None:
    steps.videos.rmdir()  # stands for a disk that takes no file
    first = await steps.poll(made)
    assert (first.state, first.poll_setbacks) == (State.GENERATING, 1)
    assert first.due_at > steps.clock.now
    parked = await park(steps, first)
    assert await steps.told() == ["parked_late"]
    steps.videos.mkdir()
    assert (await steps.poll(parked)).state is State.READY, "a gift once the disk takes it"


async def test_what_breaks_while_it_is_parked_is_given_up_in_time(
    steps: Steps, endless: Generation, provider: AimlApiSandbox
) -> None:
    parked = await park(steps, endless)
    await finish(steps, parked)
    steps.videos.rmdir()
    steps.clock.now += PARKED_TIMEOUT + 1
    assert (await steps.poll(parked)).state is State.FAILED


async def test_a_generation_without_an_id_cannot_be_asked_about(steps: Steps) -> None:
    generation = await steps.ask()
    with pytest.raises(ValueError, match="no id at the provider"):
        await steps.polls.poll(generation)


class BrokenMedia(MediaProcesses):
    """Media processes that break down at whatever they are asked."""

    async def run(self, job: str, **_: Any) -> dict[str, Any]:
        raise MediaFailed(f"{job}: killed")


async def test_a_video_that_cannot_be_looked_at_is_taken_and_goes_as_a_document(
    steps: Steps, made: Generation
) -> None:
    steps.downloads.media = BrokenMedia()  # the only part that breaks
    ready = await steps.poll(made)
    assert (ready.state, await steps.ledger()) == (State.READY, ["hold", "capture"])
    preparation = UploadPreparation(steps.downloads, BrokenMedia(), 50_000_000)
    with pytest.raises(MediaFailed):
        await preparation.prepare(ready)
    ready = await steps.note(ready, preparation_setbacks=MAX_TRIES_AS_VIDEO)
    sent = await preparation.prepare(ready)
    assert (sent.kind, sent.path) == ("document", steps.downloads.path_of(ready))
    assert sent.size == sent.path.stat().st_size > 0
    small = replace(preparation, limit=10)
    with pytest.raises(MediaFailed):
        await small.prepare(ready)
