"""Models that are gone: known before, learned at submission, succeeded by another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handlers.replies.notices import notice_text
from handlers.replies.texts import Languages
from sandbox.aimlapi import Fault
from sandbox.aimlapi.retirements import Retirement
from storage import people
from storage.notices import NoticeKind, Owed
from tests.flows.media_files import photo
from tests.handlers.shared import settled
from tests.models.scenes import SORA, Scene

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person
    from tests.harness import Harness

VEO = "google/veo-3.1-t2v-fast"


def withdraw(provider: AimlApiSandbox, *models: str, announced: bool = True) -> None:
    for model in models or SORA:
        provider.withdraw(model, announced=announced)


async def test_sora_withdrawn_before_the_start_is_not_offered_and_the_next_is_the_default(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    withdraw(provider)
    async with harness.running():
        await scene.told("withdrawn openai/sora-2-t2v")
        await scene.ask("/models")
        menu = await scene.said("Veo 3.1 Fast")
        assert "Sora" not in (menu.text or "")
        await scene.ask("/video a boat")
        await scene.said(
            "Sora 2 is no longer offered. Instead: Veo 3.1 Fast, 4 seconds, 4 credits."
        )
        await scene.video()
        (submission,) = provider.submissions
        assert submission.model == VEO
        assert await scene.until_settled("hold", "capture") == [("hold", 4), ("capture", 4)]


async def test_a_chosen_model_that_is_gone_is_replaced_before_credits_are_held(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    withdraw(provider)
    async with harness.running():
        await scene.refreshed()
        await scene.ask("/video a boat --model sora-2 --seconds 8")
        await scene.said(
            "Sora 2 is no longer offered. Instead: Veo 3.1 Fast, 8 seconds, 8 credits."
        )
        await scene.video()
        assert [one.model for one in provider.submissions] == [VEO]
        assert provider.submissions[0].body["duration"] == 8
        assert await scene.until_settled("hold", "capture") == [("hold", 8), ("capture", 8)]


async def test_a_dearer_replacement_waits_for_one_tap(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    withdraw(provider, *SORA[:2])
    async with harness.running(models=("sora-2", "sora-2-pro")):
        await scene.refreshed()
        await scene.ask("/video a boat --model sora-2")
        card = await scene.said(
            "Sora 2 is no longer offered. Instead: Sora 2 Pro, 4 seconds, 13 credits."
        )
        assert await scene.ledger() == []
        await card.press("Make it · 13")
        await scene.video()
        assert [one.model for one in provider.submissions] == ["openai/sora-2-pro-t2v"]
        assert await scene.until_settled("hold", "capture") == [("hold", 13), ("capture", 13)]


async def test_a_dearer_replacement_of_the_default_waits_for_one_tap(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    withdraw(provider, *SORA[:2])
    async with harness.running(models=("sora-2", "sora-2-pro")):
        await scene.refreshed()
        await scene.ask("/video a boat")
        card = await scene.said(
            "Sora 2 is no longer offered. Instead: Sora 2 Pro, 4 seconds, 13 credits."
        )
        assert await scene.ledger() == []
        await card.press("Make it · 13")
        await scene.video()


async def test_what_is_under_a_video_goes_on_when_the_operator_names_other_models(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    async with harness.running():
        await scene.ask("/video a boat --model sora-2-pro")
        video = await scene.video()
        await settled(harness)
    async with harness.running(models=("sora-2",)):
        await video.press("Again")
        await scene.said("Sora 2 Pro is no longer offered. Instead: Sora 2, 4 seconds, 9 credits.")
        await scene.until(lambda: len(provider.submissions) == 2, "another boat")
        assert provider.submissions[1].model == "openai/sora-2-t2v"
        await scene.ask("/video a train --model sora-2-pro")
        await scene.said("There is no model")


async def test_that_the_default_is_another_one_is_said_until_somebody_had_it(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    withdraw(provider)
    async with harness.running():
        await scene.refreshed()
        await scene.ask("/video a boat")
        await scene.said("Sora 2 is no longer offered")
        await scene.video()
        asked = await scene.ask("/video a train")
        status = await scene.chat.wait(lambda message: message.reply_to == asked.message_id)
        assert "no longer offered" not in (status.text or status.caption or "")
        await scene.chat.wait(lambda message: message.caption == "a train")
        assert [one.model for one in provider.submissions] == [VEO, VEO]


async def test_nobodys_saved_default_breaks(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    async with harness.running():
        await scene.ask("/help")
        await scene.said("Send me an idea")
        async with harness.db.transaction() as tx:
            await people.set_default(tx, scene.ann.id, family="sora-2-pro", seconds=12)
        withdraw(provider)
        await scene.refreshed()
        await scene.ask("/settings")
        await scene.said("8 seconds · 16:9 · 720p · Veo 3.1 Fast")
        await scene.ask("/video a boat")
        await scene.said(
            "Sora 2 Pro is no longer offered. Instead: Veo 3.1 Fast, 8 seconds, 8 credits."
        )
        await scene.video()


async def test_sora_withdrawn_while_running_goes_on_with_the_next_at_submission(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    async with harness.running():
        await scene.refreshed()
        withdraw(provider, *SORA, announced=False)
        await scene.ask("/video a boat")
        await scene.said(
            "Sora 2 is no longer offered. Veo 3.1 Fast makes it: 4 seconds, 4 credits."
        )
        await scene.video()
        await scene.told("openai/sora-2-t2v is no longer served")
        assert [one.model for one in provider.submissions] == [SORA[0], VEO]
        assert await scene.until_settled("hold", "release", "hold", "capture") == [
            ("hold", 9), ("release", 9), ("hold", 4), ("capture", 4),
        ]  # fmt: skip
        await scene.ask("/video another boat --model sora-2")
        await scene.said(
            "Sora 2 is no longer offered. Instead: Veo 3.1 Fast, 4 seconds, 4 credits."
        )


async def test_what_waits_for_a_model_that_is_withdrawn_meanwhile_is_never_sent_to_it(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    provider.render_seconds = 1.0
    async with harness.running(provider_slots=1):
        await scene.refreshed()
        await scene.ask("/video a boat")
        await provider.wait_for_submissions(1)
        await scene.ask("/video another boat")
        await scene.until_settled("hold", "hold")
        withdraw(provider)
        await scene.refreshed()
        await scene.said(
            "Sora 2 is no longer offered. Veo 3.1 Fast makes it: 4 seconds, 4 credits."
        )
        await provider.wait_for_submissions(2)
        assert [one.model for one in provider.submissions] == [SORA[0], VEO]


@pytest.mark.parametrize(
    ("kind", "cooling", "words"),
    [
        (
            NoticeKind.SUBSTITUTED,
            True,
            "Sora 2 has trouble right now. Veo makes it: 4 seconds, 4 credits.",
        ),
        (
            NoticeKind.SUBSTITUTED,
            False,
            "Sora 2 is no longer offered. Veo makes it: 4 seconds, 4 credits.",
        ),
        (NoticeKind.FAILED_MODEL_GONE, True, "Sora 2 has trouble right now. 9 credits are back."),
        (NoticeKind.FAILED_MODEL_GONE, False, "Sora 2 is no longer offered. 9 credits are back."),
    ],
)
def test_a_model_that_will_be_asked_again_soon_is_not_said_to_be_gone(
    kind: NoticeKind, cooling: bool, words: str
) -> None:
    facts = {"credits": 9, "was": "Sora 2", "cooling": cooling, "title": "Veo", "family": "veo",
             "seconds": 4, "cost": 4}  # fmt: skip
    owed = Owed(cause="c", chat=1, kind=kind, facts=facts, generation=1, id=1, due_at=0, sends=0)
    assert notice_text(owed, Languages().translator("en"), name="Ann", link=None)[0] == words


async def test_models_that_are_gone_one_after_the_other_are_each_told_of(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    async with harness.running():
        await scene.refreshed()
        withdraw(provider, *SORA, VEO, announced=False)
        await scene.ask("/video a boat")
        await scene.said("Sora 2 is no longer offered. Veo 3.1 Fast makes it")
        await scene.said("Veo 3.1 Fast is no longer offered. Veo 3.1 makes it")
        await scene.video()
        assert [
            kind
            for kind, _ in await scene.until_settled(
                "hold", "release", "hold", "release", "hold", "capture"
            )
        ].count("capture") == 1


async def test_a_picture_whose_model_is_gone_at_submission_is_fitted_anew(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    async with harness.running(models=("sora-2", "hailuo-2.3")):
        await scene.refreshed()
        withdraw(provider, *SORA, announced=False)
        await scene.chat.send_photo(
            scene.ann, photo(1200, 900), caption="/animate waves --fit crop"
        )
        await scene.video()
        sora, hailuo = provider.submissions
        assert sora.body["image_url"]["width"] == 1280
        assert hailuo.model == "minimax/hailuo-2.3"
        assert (hailuo.body["image_url"]["width"], hailuo.body["image_url"]["height"]) == (
            1200,
            900,
        )
        assert provider.violations == []


async def test_gone_at_submission_with_only_dearer_models_left_gives_credits_back_and_offers_a_tap(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    async with harness.running(models=("sora-2", "veo-3.1")):
        await scene.refreshed()
        provider.prices["google/veo-3.1-t2v"] = provider.prices["openai/sora-2-pro-t2v"]
        await scene.refreshed()
        withdraw(provider, *SORA, announced=False)
        await scene.ask("/video a boat")
        offer = await scene.said("Sora 2 is no longer offered. 9 credits are back.")
        assert await scene.until_settled("hold", "release") == [("hold", 9), ("release", 9)]
        await offer.press("Try with Veo 3.1 · 13")
        await scene.video()
        assert await scene.until_settled("hold", "release", "hold", "capture") == [
            ("hold", 9), ("release", 9), ("hold", 13), ("capture", 13),
        ]  # fmt: skip


async def test_a_superseded_model_is_followed_to_the_one_that_took_over(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    for old, new in zip(SORA[:2], ("minimax/hailuo-2.3", "minimax/hailuo-2.3"), strict=True):
        provider.retire(old, Retirement("superseded", "2026-11-01", replaced_by=new))
    async with harness.running(models=("sora-2", "veo-3.1-fast")):
        await scene.told("has replaced openai/sora-2-t2v by Hailuo 2.3, which takes over.")
        assert not any("withdrawn" in (one.text or "") for one in scene.admin.from_bot)
        assert harness.services.offer.names == ("hailuo-2.3", "veo-3.1-fast")
        await scene.ask("/video a boat --model sora-2")
        await scene.said("Sora 2 is no longer offered. Instead: Hailuo 2.3, 6 seconds, 6 credits.")
        await scene.video()
        assert [one.model for one in provider.submissions] == ["minimax/hailuo-2.3"]
        assert await scene.until_settled("hold", "capture") == [("hold", 6), ("capture", 6)]


async def test_a_superseded_model_whose_successor_nobody_knows_is_asked_for_by_its_old_name(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    provider.retire(SORA[0], Retirement("superseded", "2026-11-01", replaced_by="openai/sora-3"))
    async with harness.running():
        await scene.refreshed()
        await scene.ask("/video a boat")
        await scene.video()
        assert [one.model for one in provider.submissions] == [SORA[0]]


async def test_a_deprecated_model_left_the_list_and_still_serves(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    for model in SORA:
        provider.retire(model, Retirement("deprecated", "2026-03-24", "2027-01-01"))
    async with harness.running():
        await scene.refreshed()
        await scene.ask("/video a boat")
        await scene.video()
        assert [one.model for one in provider.submissions] == [SORA[0]]
        assert scene.admin.from_bot == []


async def test_what_answered_404_is_left_alone_also_after_a_restart(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    async with harness.running():
        withdraw(provider, *SORA, announced=False)
        await scene.ask("/video a boat")
        await scene.video()
        assert "sora-2-pro" in harness.services.offer
        assert harness.services.offer["sora-2"].t2v is None
    async with harness.running():
        await scene.until(lambda: harness.services.offer["sora-2"].t2v is None, "it still rests")


async def test_failures_of_three_people_cool_a_model_down_and_moderation_does_not_count(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    async with harness.running():
        await scene.refreshed()
        for fault in (Fault.moderation(), Fault.moderation(), Fault.http(500), Fault.http(500)):
            await fail(scene, provider, fault)
        for name in ("Bea", "Cleo"):
            assert serves_text(harness)
            await fail(scene, provider, Fault.http(500), by=harness.telegram.person(name))
        await scene.told("openai/sora-2-t2v failed for three people")
        assert not serves_text(harness)
        await scene.ask("/video a boat")
        await scene.said(
            "Sora 2 has trouble right now. Instead: Veo 3.1 Fast, 4 seconds, 4 credits."
        )
        await scene.video()
        assert provider.submissions[-1].model == VEO, "the next that costs no more"


def serves_text(harness: Harness) -> bool:
    """Whether Sora 2 can be asked for with text alone now."""
    return harness.services.offer["sora-2"].t2v is not None


async def fail(
    scene: Scene, provider: AimlApiSandbox, fault: Fault, *, by: Person | None = None
) -> None:
    """Let one request fail, and wait until its sender knows."""
    provider.faults.next("submit", fault)
    chat = scene.chat if by is None else scene.harness.telegram.private(by)
    asked = await chat.send(by or scene.ann, "/video a boat")
    await chat.wait(
        lambda message: message.reply_to == asked.message_id and "back" in (message.text or "")
    )
