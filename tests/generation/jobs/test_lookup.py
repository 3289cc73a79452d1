"""Submissions whose answer was lost: found in the provider's log, or given back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from starlette.responses import JSONResponse

from generation.jobs.schedule import PARKED_POLL_SECONDS, PARKED_TIMEOUT
from generation.provider.client import LOOKUP_SECONDS
from sandbox.aimlapi import Fault, Render
from storage import generations
from storage.generations import State
from tests.generation.steps import DEADLINE, GRACE

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.aimlapi.faults import Handler
    from storage.generations import Generation
    from tests.generation.steps import Steps
    from tests.storage.requests import Clock


class Heard:
    """Counts questions that are answered as usual."""

    def __init__(self) -> None:
        self.questions = 0

    async def meet(self, request: Request, handler: Handler) -> Response:
        self.questions += 1
        return await handler(request)


async def lose(steps: Steps, fault: Fault) -> Generation:
    """Submit, and lose the answer."""
    steps.provider.faults.next("submit", fault)
    generation = await steps.submit(await steps.ask())
    assert generation.state is State.UNKNOWN
    return generation


@pytest.fixture
async def lost(steps: Steps) -> Generation:
    """A submission that was taken and whose answer was lost."""
    return await lose(steps, Fault.answer_lost())


@pytest.fixture
async def missing(steps: Steps) -> Generation:
    """A submission that was not taken and whose answer was lost."""
    return await lose(steps, Fault.hung_up())


async def test_a_lost_submission_is_found_by_the_id_it_was_sent_with(
    steps: Steps, lost: Generation, clock: Clock
) -> None:
    clock.now += 15
    found = await steps.look_up(lost)
    assert (found.state, found.provider_id) == (State.GENERATING, steps.provider.submissions[0].id)
    assert found.accepted_at == lost.submitted_at, "its time runs from the submission"
    assert found.due_at == clock.now, "and it is asked about at once"
    assert await steps.ledger() == ["hold"]
    assert (await steps.poll(await steps.made(found))).state is State.READY
    assert len(steps.provider.submissions) == 1, "nothing is paid for twice"


async def test_it_is_told_from_all_others_of_the_same_hour(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    for number in range(3):
        await steps.taken(f"before:{number}")
    lost = await lose(steps, Fault.answer_lost())
    for number in range(3):
        await steps.taken(f"after:{number}")
    clock.now += 60
    found = await steps.look_up(lost)
    assert found.provider_id == provider.submissions[3].id


def id_of(first: Generation) -> Fault:
    """The request is taken, and the answer names the id of an earlier one."""

    async def meet(request: Request, go_on: Handler) -> Response:
        taken = json.loads(bytes((await go_on(request)).body))
        return JSONResponse({**taken, "id": first.provider_id}, 201)

    return Fault("the id of another request", meet)


async def test_an_id_that_another_request_has_is_an_answer_lost(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    first = await steps.taken("first")
    lost = await lose(steps, id_of(first))
    assert lost.provider_id is None, "the first one's video is not charged twice"
    clock.now += 15
    found = await steps.look_up(lost)
    assert (found.state, found.provider_id) == (State.GENERATING, provider.submissions[1].id)


async def test_an_id_in_the_log_that_another_request_has_is_not_found_there(
    steps: Steps, provider: AimlApiSandbox, lost: Generation, clock: Clock
) -> None:
    other = await steps.ask("another")
    async with steps.db.transaction() as tx:
        await generations.update(tx, other.id, provider_id=str(provider.submissions[0].id))
    sought = lost
    while sought.state is State.UNKNOWN:
        assert sought.due_at > clock.now or sought is lost, "it is not asked for without a rest"
        clock.now = max(clock.now, sought.due_at)
        sought = await steps.look_up(sought)
    assert sought.state is State.PARKED
    assert await steps.told() == ["parked_unknown"]


async def test_a_log_that_lags_behind_is_searched_again(
    steps: Steps, provider: AimlApiSandbox, lost: Generation, clock: Clock
) -> None:
    provider.logs.delay = 40.0
    generation = lost
    while generation.state is State.UNKNOWN:
        clock.now = max(clock.now, generation.due_at)
        generation = await steps.look_up(generation)
        if generation.state is State.UNKNOWN:
            assert generation.due_at == clock.now + LOOKUP_SECONDS
    assert generation.state is State.GENERATING


async def test_one_that_failed_there_gives_credits_back(
    steps: Steps, provider: AimlApiSandbox
) -> None:
    provider.next_render = Render.failed()
    lost = await lose(steps, Fault.answer_lost())
    await provider.wait_until(
        lambda: all(one.ended for one in provider.generations.by_id.values()), "it failed"
    )
    found = await steps.look_up(lost)
    assert found.state is State.FAILED
    assert await steps.ledger() == ["hold", "release"]
    assert await steps.told() == ["failed_broken"]
    assert await steps.uncharged(found)


async def test_one_that_is_never_found_gives_credits_back_when_its_grace_is_over(
    steps: Steps, missing: Generation, clock: Clock
) -> None:
    clock.now += GRACE
    assert (await steps.look_up(missing)).state is State.UNKNOWN
    clock.now += 1
    parked = await steps.look_up(missing)
    assert (parked.state, parked.due_at) == (State.PARKED, clock.now + PARKED_POLL_SECONDS)
    assert await steps.ledger() == ["hold", "release"]
    assert await steps.told() == ["parked_unknown"]
    assert not await steps.uncharged(parked), "it may have been taken"


@pytest.mark.parametrize(
    "fault",
    [Fault.http(500), Fault.http(403), Fault.http(429), Fault.hung_up(), Fault.half_json()],
    ids=lambda fault: fault.name,
)
async def test_a_log_out_of_reach_means_not_yet(
    steps: Steps, provider: AimlApiSandbox, lost: Generation, clock: Clock, fault: Fault
) -> None:
    provider.faults.next("logs", fault)
    generation = await steps.look_up(lost)
    assert (generation.state, generation.due_at) == (State.UNKNOWN, clock.now + LOOKUP_SECONDS)
    assert (await steps.look_up(generation)).state is State.GENERATING


async def test_it_is_searched_before_it_is_given_up_however_long_the_bot_was_away(
    steps: Steps, lost: Generation, clock: Clock
) -> None:
    clock.now += 10 * DEADLINE
    found = await steps.look_up(lost)
    assert found.state is State.GENERATING
    assert (await steps.poll(await steps.made(found))).state is State.READY


async def test_what_is_found_after_its_grace_comes_as_a_gift(
    steps: Steps, provider: AimlApiSandbox, lost: Generation, clock: Clock
) -> None:
    provider.faults.next("logs", Fault.http(500))
    clock.now += GRACE + 1
    parked = await steps.look_up(lost)
    assert parked.state is State.PARKED
    clock.now = parked.due_at
    found = await steps.look_up(parked)
    assert (found.state, found.due_at) == (State.PARKED, clock.now)
    assert found.provider_id is not None
    ready = await steps.poll(await steps.made(found))
    assert (ready.state, ready.is_gift) == (State.READY, True)
    assert await steps.ledger() == ["hold", "release"]


async def test_what_is_never_found_is_looked_for_slowly_for_a_day(
    steps: Steps, missing: Generation, clock: Clock
) -> None:
    clock.now += GRACE + 1
    generation, searches = await steps.look_up(missing), 0
    parked_at = clock.now
    while generation.state is State.PARKED:
        clock.now = generation.due_at
        generation = await steps.look_up(generation)
        searches += 1
    assert generation.state is State.FAILED
    assert PARKED_TIMEOUT < clock.now - parked_at <= PARKED_TIMEOUT + PARKED_POLL_SECONDS
    assert searches == PARKED_TIMEOUT / PARKED_POLL_SECONDS + 1
    assert await steps.told() == ["parked_unknown"], "nothing more is said"
    assert await steps.ledger() == ["hold", "release"]


async def test_many_that_were_lost_together_are_looked_for_in_one_reading(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.faults.next("submit", Fault.answer_lost(), times=5)
    lost = [await steps.submit(await steps.ask(f"message:{number}")) for number in range(5)]
    heard = Heard()
    provider.faults.always("logs", Fault("heard", heard.meet))
    for generation in lost:
        assert (await steps.look_up(generation)).state is State.GENERATING
    assert heard.questions == 1


async def test_each_of_them_is_searched_for_again_every_quarter_of_a_minute(
    steps: Steps, provider: AimlApiSandbox, clock: Clock
) -> None:
    provider.faults.next("submit", Fault.hung_up(), times=3)
    lost = [await steps.submit(await steps.ask(f"message:{number}")) for number in range(3)]
    heard = Heard()
    provider.faults.always("logs", Fault("heard", heard.meet))
    for _ in range(4):
        lost = [await steps.look_up(generation) for generation in lost]
        clock.now += LOOKUP_SECONDS
    assert heard.questions == 4


async def test_a_log_that_asks_for_a_pause_is_left_alone_so_long(
    steps: Steps, provider: AimlApiSandbox, lost: Generation, clock: Clock
) -> None:
    provider.faults.next("logs", Fault.http(429, retry_after=60))
    heard = Heard()
    provider.faults.always("logs", Fault("heard", heard.meet))
    generation = await steps.look_up(lost)
    assert (generation.state, generation.due_at) == (State.UNKNOWN, clock.now + 60)
    clock.now += 59
    assert (await steps.look_up(generation)).state is State.UNKNOWN, "woken early"
    assert heard.questions == 0
    clock.now += 1
    assert (await steps.look_up(generation)).state is State.GENERATING


async def test_what_was_never_submitted_cannot_be_looked_up(steps: Steps) -> None:
    generation = await steps.ask()
    with pytest.raises(ValueError, match="never submitted"):
        await steps.polls.look_up(generation)


async def test_a_model_that_left_the_offer_is_looked_for_like_any_other(
    steps: Steps, lost: Generation, clock: Clock
) -> None:
    async with steps.db.transaction() as tx:
        await tx.execute("UPDATE generations SET family = 'gone', model = 'nobody/gone'")
    gone = await steps.again(lost)
    steps.provider.faults.next("logs", Fault.http(500))
    assert (await steps.look_up(gone)).state is State.UNKNOWN
    assert (await steps.look_up(gone)).state is State.GENERATING
