"""What the provider can do to a call, and what is left at the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.reliability.fault_cases import End, scene
from tests.reliability.fault_proxy import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness import LoggedErrors

FINE = End("delivered", 9, 1, 1)
BACK = End("failed", 0, 0, 0)
PARKED = End("parked", 0, 0, 0)

AWAY_SECONDS = 0.7
"""How long nobody listens: some retries come and go."""

OTHER = End("delivered", 4, 1, 1)
"""Another model made it, for what that costs."""
SUBMITTED = {
    Fault.NOT_FOUND: (OTHER, ""),
    Fault.BAD_REQUEST: (BACK, "did not accept"),
    Fault.CONFLICT: (BACK, "did not accept"),
    Fault.BROKEN: (BACK, "Something broke"),
    Fault.BAD_GATEWAY: (PARKED, "could not find out"),
    Fault.GATEWAY_TIMEOUT: (PARKED, "could not find out"),
    Fault.HTML: (PARKED, "could not find out"),
    Fault.ENDLESS: (PARKED, "could not find out"),
    Fault.HANG: (PARKED, "could not find out"),
}
"""Where a submission ends otherwise than in a video that was charged, and what is said."""


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_submission_that_meets(fault: Fault, tmp_path: Path, errors: LoggedErrors) -> None:
    errors.expect("the provider refuses everything")
    async with scene(tmp_path, errors, fault) as here:
        here.to_provider.arm("submit", fault)
        await here.chat.send(here.ann, "/video a cat on a sailing boat")
        end, said = SUBMITTED.get(fault, (FINE, ""))
        assert await here.settle() == end
        assert any(said in (message.text or "") for message in here.chat.from_bot) or not said


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("call", ["poll", "download"])
async def test_a_question_that_meets(
    call: str, fault: Fault, tmp_path: Path, errors: LoggedErrors
) -> None:
    errors.expect("the provider refuses everything")
    async with scene(tmp_path, errors, fault) as here:
        here.to_provider.arm(call, fault)
        await here.chat.send(here.ann, "/video a cat on a sailing boat")
        assert await here.settle() == FINE


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_search_in_the_log_that_meets(
    fault: Fault, tmp_path: Path, errors: LoggedErrors
) -> None:
    async with scene(tmp_path, errors, fault) as here:
        here.to_provider.arm("submit", Fault.LOST)
        here.to_provider.arm("logs", fault)
        await here.chat.send(here.ann, "/video a cat on a sailing boat")
        assert await here.settle() == FINE


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_probe_of_the_balance_that_meets(
    fault: Fault, tmp_path: Path, errors: LoggedErrors
) -> None:
    errors.expect("the provider refuses everything")
    async with scene(tmp_path, errors, fault) as here:
        here.to_provider.arm("submit", Fault.UNAUTHORIZED)
        await here.chat.send(here.ann, "/video a cat on a sailing boat")
        here.to_provider.arm("billing", fault)
        assert await here.settle() == FINE


@pytest.mark.parametrize("after", ["billing", "submit", "poll"])
async def test_a_provider_nobody_listens_at(
    after: str, tmp_path: Path, errors: LoggedErrors
) -> None:
    """From before the order, from the paid request, or from the first question on."""
    async with scene(tmp_path, errors) as here:
        here.harness.provider.render_seconds = 0.0 if after == "billing" else 0.5
        if after == "billing":
            away = asyncio.create_task(here.to_provider.refuse(AWAY_SECONDS))
            await asyncio.sleep(0)
        await here.chat.send(here.ann, "/video a cat on a sailing boat")
        if after != "billing":
            await here.to_provider.called(after)
            away = asyncio.create_task(here.to_provider.refuse(AWAY_SECONDS))
        await away
        assert await here.settle() == FINE
