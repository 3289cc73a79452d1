"""The paid request: sent once, and what each answer does to state, credits and people."""

from __future__ import annotations

import asyncio
import io
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from generation.jobs.outcomes import SubmissionAccepted, TurnCame
from generation.jobs.polling import REFERENCE_SECONDS
from generation.jobs.schedule import (
    MAX_ABSENCE,
    OUTAGE_TIMEOUT,
    PICTURE_RETRY_SECONDS,
    QUEUE_TIMEOUT,
)
from generation.models.catalogue import FAILED_ACCOUNTS, FAILING_SECONDS, GONE_SECONDS, Cooldowns
from generation.models.offer import Offer
from sandbox.aimlapi import Fault
from storage import outages
from storage.generations import Reason, State
from storage.notices import Admins
from tests.storage.requests import ANN, rows

if TYPE_CHECKING:
    from generation.jobs.outcomes import Outcome
    from sandbox.aimlapi import AimlApiSandbox
    from storage.generations import Generation
    from tests.generation.steps import Steps
    from tests.storage.requests import Clock


@dataclass(frozen=True, kw_only=True)
class End:
    """How a submission ended."""

    state: State
    ledger: tuple[str, ...] = ("hold",)
    told: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()
    uncharged: bool = False


def failed(kind: str, *admins: str) -> End:
    """Failed with credits back and a word about why; nothing was charged."""
    return End(
        state=State.FAILED, ledger=("hold", "release"), told=(kind,), admins=admins, uncharged=True
    )


QUEUED, UNKNOWN = End(state=State.QUEUED), End(state=State.UNKNOWN)
ANSWERS = [
    (Fault.http(429), QUEUED),
    (Fault.http(503), QUEUED),
    (Fault.http(401), End(state=State.QUEUED, admins=("outage",))),
    (Fault.http(403), End(state=State.QUEUED, admins=("outage",))),
    (Fault.http(404), failed("failed_model_gone", "model_gone")),
    (Fault.model_refused(), failed("failed_model_gone", "model_gone")),
    (Fault.moderation(), failed("failed_moderation")),
    (Fault.http(400, "It may depict a realistic human."), failed("failed_moderation")),
    (Fault.http(400), failed("failed_rejected")),
    (Fault.http(500), failed("failed_broken")),
    (Fault.http(504), UNKNOWN),
    (Fault.html(502), UNKNOWN),
    (Fault.html(503), UNKNOWN),
    (Fault.html(429), UNKNOWN),
    (Fault.hung_up(), UNKNOWN),
    (Fault.answer_lost(), UNKNOWN),
    (Fault.truncated(), UNKNOWN),
    (Fault.half_json(), UNKNOWN),
]


def jpeg(width: int, height: int) -> bytes:
    """A picture."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, "JPEG")
    return file.getvalue()


async def test_a_request_that_is_taken_is_generating(steps: Steps, clock: Clock) -> None:
    generation = await steps.submit(await steps.ask())
    assert generation.state is State.GENERATING
    assert generation.provider_id == steps.provider.submissions[0].id
    assert generation.accepted_at == clock.now
    assert generation.due_at == clock.now + REFERENCE_SECONDS, "as a loop, while nothing was seen"
    assert await steps.ledger() == ["hold"], "held until the video is there"
    assert await steps.told() == []


async def test_it_asks_for_what_was_accepted_under_an_id_of_its_own(steps: Steps) -> None:
    generation = await steps.submit(await steps.ask(aspect_ratio="9:16", seconds=8))
    (sent,) = steps.provider.submissions
    assert sent.body == {
        "model": "openai/sora-2-t2v",
        "prompt": "a cat",
        "duration": 8,
        "aspect_ratio": "9:16",
        "resolution": "720p",
    }
    assert sent.client_request_id == generation.request_id


@pytest.mark.parametrize(
    ("fault", "end"), ANSWERS, ids=[f"{fault.name}-{end.state}" for fault, end in ANSWERS]
)
async def test_each_answer_has_its_reaction(
    steps: Steps, provider: AimlApiSandbox, fault: Fault, end: End
) -> None:
    provider.faults.next("submit", fault)
    generation = await steps.submit(await steps.ask())
    found = End(
        state=generation.state,
        ledger=tuple(await steps.ledger()),
        told=tuple(await steps.told()),
        admins=tuple(await steps.admins()),
        uncharged=await steps.uncharged(generation),
    )
    assert found == end
    assert len(provider.submissions) == 1, "nothing is repeated on its own"


@pytest.mark.parametrize(("fault", "cools"), [(Fault.http(400), False), (Fault.http(500), True)])
async def test_nobody_takes_a_model_from_everybody_by_asking_for_nonsense(
    steps: Steps, provider: AimlApiSandbox, fault: Fault, cools: bool
) -> None:
    for number in range(FAILED_ACCOUNTS):
        provider.faults.next("submit", fault)
        generation = await steps.submit(await steps.ask(f"message:{number}", person=ANN + number))
        assert generation.state is State.FAILED
    assert bool(steps.cooldowns.models) is cools


async def test_what_is_committed_before_the_request_leaves_can_be_found_afterwards(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    never = asyncio.Event()
    provider.faults.next("submit", Fault.hang(never))
    generation = await steps.ask()
    task = asyncio.create_task(steps.submissions.submit(generation))
    await provider.wait_for_submissions(1)
    present = await steps.again(generation)
    assert (present.state, present.submissions) == (State.SUBMITTING, 1)
    assert present.request_id == provider.submissions[0].client_request_id
    assert present.submitted_at is not None
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_stop_that_comes_with_the_answer_loses_no_id_that_is_paid_for(
    steps: Steps, provider: AimlApiSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = steps.lifecycle.advance

    async def stopped_meanwhile(generation: Generation, outcome: Outcome) -> Generation | None:
        if isinstance(outcome, SubmissionAccepted):
            task.cancel()
            await asyncio.sleep(0)
        return await advance(generation, outcome)

    monkeypatch.setattr(steps.lifecycle, "advance", stopped_meanwhile)
    generation = await steps.ask()
    task = asyncio.create_task(steps.submissions.submit(generation))
    with pytest.raises(asyncio.CancelledError):
        await task
    present = await steps.again(generation)
    assert (present.state, present.provider_id) == (
        State.GENERATING, provider.submissions[0].id,
    )  # fmt: skip


async def test_a_submission_takes_the_database_twice_and_a_finished_poll_once(
    steps: Steps,
) -> None:
    generation, usage = await steps.ask(), steps.db.usage
    before = usage.lock_acquisitions, usage.commits
    await steps.submissions.submit(generation)
    assert (usage.lock_acquisitions, usage.commits) == (before[0] + 2, before[1] + 2)
    generation = await steps.made(await steps.again(generation))
    before = usage.lock_acquisitions, usage.commits
    await steps.polls.poll(generation)
    assert (usage.lock_acquisitions, usage.commits) == (before[0] + 1, before[1] + 1)
    assert (await steps.again(generation)).state is State.READY


async def test_a_paid_request_that_a_stop_kept_back_waits_its_turn_again(
    steps: Steps, provider: AimlApiSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = steps.lifecycle.advance

    async def stopped_meanwhile(generation: Generation, outcome: Outcome) -> Generation | None:
        if isinstance(outcome, TurnCame):
            steps.submissions.close()
        return await advance(generation, outcome)

    monkeypatch.setattr(steps.lifecycle, "advance", stopped_meanwhile)
    assert (await steps.submit(await steps.ask())).state is State.QUEUED
    assert provider.submissions == []


async def test_a_start_holds_whatever_was_being_submitted_for_unknown(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    never = asyncio.Event()
    provider.faults.next("submit", Fault.hang(never))
    lost, queued = await steps.ask("lost"), await steps.ask("queued")
    task = asyncio.create_task(steps.submissions.submit(lost))
    await provider.wait_for_submissions(1)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await steps.submissions.recover()
    assert (await steps.again(lost)).state is State.UNKNOWN
    assert (await steps.again(queued)).state is State.QUEUED
    await steps.submissions.recover()
    assert await steps.history(lost) == ["queued", "submitting", "unknown"], "once"


async def test_what_waits_in_a_backup_is_asked_about_and_what_was_sent_is_looked_up(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    sent = await steps.ask("sent")
    await steps.advance(sent, TurnCame("r", "16:9"))
    waits = await steps.ask("waits")
    clock.now += MAX_ABSENCE
    await steps.submissions.recover()
    assert (await steps.again(waits)).state is State.QUEUED, "it was away for a moment only"
    clock.now += MAX_ABSENCE + 1
    fresh = await steps.ask("fresh")
    async with steps.db.transaction() as tx:
        await tx.execute("DROP TRIGGER events_are_not_deleted")
        await tx.execute("DELETE FROM events WHERE generation = ?", (fresh.id,))
    await steps.submissions.recover()
    ended = await steps.again(waits)
    assert (ended.state, ended.reason) == (State.FAILED, Reason.BOT_WAS_AWAY)
    assert await steps.told() == ["failed_away"]
    assert (await steps.again(sent)).state is State.UNKNOWN
    assert (await steps.again(fresh)).state is State.QUEUED
    assert provider.submissions == []


async def test_refusals_in_a_row_wait_longer_and_longer(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.faults.next("submit", Fault.http(429), times=4)
    generation, waits = await steps.ask(), []
    for _ in range(4):
        generation = await steps.submit(generation)
        waits.append(generation.due_at - clock.now)
        clock.now = generation.due_at
    assert waits == [1, 2, 4, 8]
    taken = await steps.submit(generation)
    assert (taken.state, taken.submissions) == (State.GENERATING, 5)
    ids = [sent.client_request_id for sent in provider.submissions]
    assert len(set(ids)) == 5, "each submission can be told from the others"


async def test_a_wait_the_provider_asks_for_is_kept(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.faults.next("submit", Fault.http(503, retry_after=90))
    generation = await steps.submit(await steps.ask())
    assert generation.due_at == clock.now + 90


async def test_where_nobody_listens_the_request_waits_its_turn_again(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    generation = await steps.ask()
    await provider.__aexit__()
    assert (await steps.submit(generation)).state is State.QUEUED
    await provider.__aenter__()


async def test_a_wish_to_cancel_while_submitting_is_granted_when_it_was_not_taken(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    provider.faults.next("submit", Fault.http(429))
    generation = await steps.note(await steps.ask(), cancel_wanted=True)
    generation = await steps.submit(generation)
    assert await steps.history(generation) == ["queued", "submitting", "queued", "cancelled"]
    assert await steps.ledger() == ["hold", "release"]
    assert await steps.told() == ["cancelled"]
    assert await steps.uncharged(generation)


async def test_a_wish_to_cancel_changes_nothing_once_it_is_taken(steps: Steps) -> None:
    generation = await steps.note(await steps.ask(), cancel_wanted=True)
    assert (await steps.submit(generation)).state is State.GENERATING


async def test_a_request_called_back_before_its_turn_is_not_sent(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    generation = await steps.ask()
    async with steps.db.transaction() as tx:
        await tx.execute("UPDATE generations SET state = 'cancelled'")
    await steps.submit(generation)
    assert provider.submissions == []


async def test_a_model_that_is_gone_rests_and_the_admins_hear_of_it_once(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.withdraw("openai/sora-2-t2v")
    for number in range(3):
        await steps.submit(await steps.ask(f"message:{number}"))
    assert await steps.admins() == ["model_gone"]
    async with steps.db.reading() as connection:
        assert [one.model for one in await outages.cooldowns(connection, now=clock.now)] == [
            "openai/sora-2-t2v"
        ]
    clock.now += GONE_SECONDS
    async with steps.db.reading() as connection:
        assert await outages.cooldowns(connection, now=clock.now) == []
    await steps.submit(await steps.ask("tomorrow"))
    assert await steps.admins() == ["model_gone"] * 2, "gone still, the next day"


async def test_a_model_that_fails_and_then_is_gone_is_told_of_twice(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    late = await steps.ask("late")
    provider.faults.next("submit", Fault.http(500), times=FAILED_ACCOUNTS)
    for number in range(FAILED_ACCOUNTS):
        await steps.submit(await steps.ask(f"message:{number}", person=ANN + number))
    assert await steps.admins() == ["model_failing"]
    assert steps.cooldowns.failing == {late.model}
    async with steps.db.transaction() as tx:
        gone = await steps.cooldowns.gone(tx, late.model)
        await steps.cooldowns.gone(tx, late.model)
    steps.cooldowns.adopt(gone)
    assert await steps.admins() == ["model_failing", "model_gone"]
    assert steps.cooldowns.failing == frozenset()
    clock.now += FAILING_SECONDS
    again = Cooldowns(Admins(frozenset()), clock)
    async with steps.db.reading() as connection:
        await again.restore(connection)
    assert again.models == {late.model}, "it rests for as long as what is gone does"
    assert again.failing == frozenset()


async def test_a_model_that_is_gone_concerns_that_model_only(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    provider.withdraw("openai/sora-2-t2v")
    await steps.submit(await steps.ask("gone"))
    other = await steps.ask(
        "other", family="sora-2-pro", model="openai/sora-2-pro-t2v", resolution="1080p"
    )
    assert (await steps.submit(other)).state is State.GENERATING


@pytest.mark.parametrize(
    ("size", "asked", "frame", "shape"),
    [
        ((400, 300), None, (1280, 720), "16:9"),
        ((300, 400), None, (720, 1280), "9:16"),
        ((300, 400), "16:9", (1280, 720), "16:9"),
    ],
)
async def test_a_picture_goes_exactly_as_large_as_the_model_asks(
    steps: Steps,
    provider: AimlApiSandbox,
    size: tuple[int, int],
    asked: str | None,
    frame: tuple[int, int],
    shape: str,
) -> None:
    steps.album.pictures["photo"] = jpeg(*size)
    generation = await steps.ask(
        kind="i2v", model="openai/sora-2-i2v", picture="photo", aspect_ratio=asked
    )
    generation = await steps.submit(generation)
    assert (generation.state, generation.aspect_ratio) == (State.GENERATING, shape)
    sent = provider.submissions[0].body
    assert (sent["image_url"]["width"], sent["image_url"]["height"]) == frame
    assert sent["aspect_ratio"] == shape


@pytest.mark.parametrize(
    ("content", "told", "reason"),
    [
        (None, "failed_picture_gone", "picture gone"),
        (b"%PDF-1.7 and no picture at all", "failed_picture", "picture unusable"),
        (jpeg(4, 4), "failed_picture", "picture unusable"),
        (jpeg(400, 300)[:2000], "failed_picture", "picture unusable"),
    ],
    ids=["gone", "no picture", "too small", "broken"],
)
async def test_a_picture_that_cannot_be_used_fails_before_anything_is_paid(
    steps: Steps, provider: AimlApiSandbox, content: bytes | None, told: str, reason: str
) -> None:
    if content is not None:
        steps.album.pictures["photo"] = content
    generation = await steps.ask(
        kind="i2v", model="openai/sora-2-i2v", picture="photo", aspect_ratio=None
    )
    generation = await steps.submit(generation)
    assert (generation.state, generation.reason) == (State.FAILED, reason)
    assert await steps.told() == [told]
    assert await steps.ledger() == ["hold", "release"]
    assert await steps.uncharged(generation)
    assert provider.submissions == []


async def test_a_picture_refused_for_the_people_in_it_is_said_to_be(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    steps.album.pictures["photo"] = jpeg(400, 300)
    provider.faults.next("submit", Fault.http(400, "Upload may depict a realistic human."))
    generation = await steps.ask(kind="i2v", model="openai/sora-2-i2v", picture="photo")
    assert (await steps.submit(generation)).state is State.FAILED
    assert await steps.told() == ["failed_people"]
    assert await steps.ledger() == ["hold", "release"]


async def test_a_picture_that_is_late_waits_in_the_queue(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    steps.album.delayed = True
    generation = await steps.ask(kind="i2v", model="openai/sora-2-i2v", picture="photo")
    for _ in range(3):
        generation = await steps.submit(generation)
        assert generation.state is State.QUEUED
        assert generation.due_at - clock.now == PICTURE_RETRY_SECONDS
    assert provider.submissions == []
    steps.album.delayed, steps.album.pictures["photo"] = False, jpeg(400, 300)
    assert (await steps.submit(generation)).state is State.GENERATING


async def test_what_waits_six_hours_without_a_turn_is_given_up(steps: Steps, clock: Clock) -> None:
    generation = await steps.ask()
    clock.now += QUEUE_TIMEOUT
    assert not await steps.expire(generation)
    clock.now += 1
    assert await steps.expire(generation)
    assert (await steps.again(generation)).state is State.FAILED
    assert await steps.told() == ["failed_waited"]
    assert await steps.ledger() == ["hold", "release"]


async def test_a_queued_request_that_is_wished_away_ends_at_its_turn(steps: Steps) -> None:
    generation = await steps.note(await steps.ask(), cancel_wanted=True)
    assert await steps.expire(generation)
    assert (await steps.again(generation)).state is State.CANCELLED
    assert await steps.told() == ["cancelled"]


async def test_orders_wait_fifteen_minutes_for_an_outage_to_end(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.faults.always("submit", Fault.http(401))
    provider.faults.always("billing", Fault.http(401))
    early = await steps.submit(await steps.ask("early"))
    clock.now += 600
    late = await steps.ask("late")
    clock.now += OUTAGE_TIMEOUT - 600
    assert not await steps.expire(early)
    clock.now += 1
    assert await steps.expire(early)
    assert not await steps.expire(late), "its own fifteen minutes are not over"
    clock.now += 600
    assert await steps.expire(late)
    assert await steps.told() == ["failed_closed"] * 2
    assert sorted(await steps.ledger()) == ["hold", "hold", "release", "release"]


async def test_every_model_can_be_asked_for_every_length_it_offers(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    number = 0
    for family in Offer.load().only(["sora-2", "sora-2-pro"]):
        assert family.t2v is not None
        for seconds in family.t2v.seconds:
            for resolution in family.t2v.resolutions:
                generation = await steps.ask(
                    f"message:{number}", family=family.name, model=family.t2v.model,
                    seconds=seconds, resolution=resolution,
                )  # fmt: skip
                assert (await steps.submit(generation)).state is State.GENERATING
                number += 1
    assert provider.violations == []
    assert len(await rows(steps.db, "SELECT * FROM generations")) == number
