"""/models, wrong combinations answered with the nearest right ones, and pictures of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from generation.models.offer import Offer
from handlers.account.model_choice import (
    PER_PAGE,
    ShowFamily,
    ShowPage,
    UseFamily,
    buttons,
    pages,
    text,
)
from handlers.replies.texts import Languages
from sandbox.aimlapi import Fault, Render
from sandbox.telegram.messages import Button
from storage import people
from tests.flows.media_files import photo

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, TelegramSandbox
    from tests.harness import Harness
    from tests.models.scenes import Scene

SPEECH = Languages().translator("en")


def test_the_menu_says_length_shapes_price_time_and_what_a_family_does() -> None:
    offer = Offer.load().only(["sora-2", "kling-3", "hailuo-2.3-fast", "ray-2"])
    menu = text(offer, "kling-3", SPEECH).split("\n\n")
    assert menu == [
        "Sora 2 🔊 🖼\n4, 8, 12 s · 16:9, 9:16\nfrom 9 credits · ⏱ 1 minute",
        "✓ Kling 3 🔊 🖼\n3\N{EN DASH}15 s · 16:9, 9:16, 1:1\nfrom 7 credits · ⏱ 6 minutes",
        "Hailuo 2.3 Fast 🖼\n6, 10 s · the photo's shape\nfrom 3 credits · ⏱ 2 minutes",
        "Luma Ray 2\n5, 9 s · 1:1, 16:9, 9:16, 4:3, 3:4, 21:9, 9:21\nfrom 8 credits · ⏱ 2 minutes",
        "🔊 with sound · 🖼 from a photo · ⏱ how long it takes",
    ]


def test_the_chosen_family_is_marked() -> None:
    offer = Offer.load().only(["sora-2", "kling-3", "veo-3.1"])
    assert [[one.text for one in row] for row in buttons(offer, "kling-3")] == [
        ["Sora 2", "✓ Kling 3"],
        ["Veo 3.1"],
    ]


def test_every_page_of_the_menu_of_every_family_fits_a_message() -> None:
    everything = Offer.load()
    shown = list[str]()
    for page in range(len(pages(everything))):
        words = text(everything, None, SPEECH, page)
        assert len(words) < 4096
        rows = buttons(everything, None, page)
        assert len(rows) <= 8, "they fit a phone"
        taps = [one.data for row in rows for one in row]
        shown += [tap.family for tap in taps if isinstance(tap, ShowFamily)]
    assert tuple(shown) == everything.names, "each family stands on one page"


def test_the_pages_lead_to_those_beside_them() -> None:
    everything = Offer.load()
    last = len(pages(everything)) - 1
    for page, beside in ((0, [1]), (1, [0, 2]), (last, [last - 1])):
        taps = [one.data for one in buttons(everything, None, page)[-1]]
        assert taps == [ShowPage(other) for other in beside]


async def test_the_menu_is_turned_in_its_own_message_and_a_tap_stays_on_its_page(
    harness: Harness, scene: Scene
) -> None:
    async with harness.running(models=Offer.load().names):
        await scene.ask("/models")
        menu = await scene.said("with sound")
        await menu.press("▶ 2/6")
        title = Offer.load().families[PER_PAGE + 1].title
        await scene.said(title)
        await menu.press(title)
        await scene.said("seconds: ")
        await menu.press("Use this")
        await scene.said(f"✓ {title}")
        assert menu.button("◀ 1/6").data == ShowPage(0).encode()
        assert len(scene.chat.from_bot) == 1


async def test_a_page_that_is_no_longer_there_is_the_last(harness: Harness, scene: Scene) -> None:
    async with harness.running(models=Offer.load().names):
        await scene.ask("/models")
        menu = await scene.said("with sound")
    async with harness.running():
        await menu.press("▶ 2/6")
        await menu.press("Veo 3.1 Fast")
        await scene.said("seconds: ")
        await menu.press("Use this")
        await scene.said("✓ Veo 3.1 Fast")
        assert len(scene.chat.from_bot) == 1


async def test_a_press_that_is_made_up_changes_no_message_but_the_menu(
    harness: Harness, scene: Scene, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    group = telegram.group("Film club", [ann, bob])
    async with harness.running():
        await group.send(ann, "/help")
        in_group = await group.wait(lambda message: "/video" in (message.text or ""))
        await scene.ask("/help")
        in_private = await scene.said("/video")
        words = in_group.text, in_private.text
        for press in (UseFamily("veo-3.1"), ShowPage(0)):
            forged = Button("?", press.encode())
            await telegram.world.press(in_group, forged, by=bob, timeout=5)
            await telegram.world.press(in_private, forged, by=ann, timeout=5)
            await scene.said("with sound")
        assert (in_group.text, in_private.text) == words
        assert len(group.from_bot) == 1


async def test_a_tap_in_the_menu_sets_the_default(harness: Harness, scene: Scene) -> None:
    async with harness.running():
        await scene.ask("/models")
        menu = await scene.said("with sound")
        await menu.press("Veo 3.1 Fast")
        await scene.said("8 seconds: ")
        async with harness.db.reading() as connection:
            ann = await people.find(connection, scene.ann.id)
        assert ann is not None
        assert ann.family is None, "reading changes nothing"
    async with harness.running():
        await scene.said("seconds: ")
        await menu.press("Use this")
        await scene.said("✓ Veo 3.1 Fast")
        async with harness.db.reading() as connection:
            ann = await people.find(connection, scene.ann.id)
        assert ann is not None
        assert ann.family == "veo-3.1-fast"


async def test_in_a_group_the_menu_has_no_buttons(
    harness: Harness, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    group = telegram.group("Film club", [ann, bob])
    async with harness.running():
        await group.send(ann, "/models")
        menu = await group.wait(lambda message: "with sound" in (message.text or ""))
        assert menu.buttons == []


async def test_in_a_group_a_long_menu_says_where_the_rest_is(
    harness: Harness, telegram: TelegramSandbox, ann: Person, bob: Person
) -> None:
    group = telegram.group("Film club", [ann, bob])
    async with harness.running(models=Offer.load().names):
        await group.send(ann, "/models")
        menu = await group.wait(lambda message: "with sound" in (message.text or ""))
        assert (menu.text or "").endswith(
            f"There are {len(Offer.load().names)} in all. /models shows them in our private chat."
        )


@pytest.mark.parametrize(
    ("words", "tap", "expected"),
    [
        ("--seconds 6", "8 seconds · 17", {"duration": 8}),
        ("--seconds 6", "4 seconds · 9", {"duration": 4}),
        ("--seconds 6", "6 seconds · 16:9 · 720p · Veo 3.1 Fast · 6", {"duration": 6}),
        ("--square", "16:9 · 9", {"aspect_ratio": "16:9"}),
        ("--1080p", "720p · 9", {"resolution": "720p"}),
        ("--1080p", "4 seconds · 16:9 · 1080p · Sora 2 Pro · 21", {"resolution": "1080p"}),
        ("--model sora-3", "4 seconds · 16:9 · 720p · Sora 2 · 9", {"model": "openai/sora-2-t2v"}),
        (
            "--silent",
            "4 seconds · 16:9 · 720p · Veo 3.1 Fast · no sound · 4",
            {"generate_audio": False},
        ),
    ],
)
async def test_a_wrong_combination_is_answered_with_the_nearest_right_ones(
    harness: Harness,
    scene: Scene,
    provider: AimlApiSandbox,
    words: str,
    tap: str,
    expected: dict[str, object],
) -> None:
    async with harness.running():
        await scene.refreshed()
        await scene.ask(f"/video a boat {words}")
        proposal = await scene.chat.wait(lambda message: message.buttons)
        assert await scene.ledger() == []
        await proposal.press(tap)
        await scene.video()
        (submission,) = provider.submissions
        assert expected.items() <= submission.body.items()
        assert submission.body["prompt"] == "a boat"


@pytest.mark.parametrize("late", [False, True], ids=["at submission", "while it is made"])
async def test_a_photo_with_people_is_offered_to_a_model_that_may_take_it(
    harness: Harness, scene: Scene, provider: AimlApiSandbox, late: bool
) -> None:
    refusal = "The upload may depict a realistic human."
    if late:
        provider.next_render = Render.refused(refusal)
    else:
        provider.faults.next("submit", Fault.http(400, refusal))
    async with harness.running():
        await scene.refreshed()
        await scene.chat.send_photo(scene.ann, photo(1280, 720), caption="/animate a smile")
        told = await scene.said("Sora 2 does not accept photos of people. 9 credits are back.")
        await told.press("Try with Veo 3.1 Fast · 4")
        await scene.video()
        assert provider.submissions[-1].model == "google/veo-3.1-i2v-fast"
        assert provider.submissions[-1].body["prompt"] == "a smile"
        assert await scene.until_settled("hold", "release", "hold", "capture") == [
            ("hold", 9), ("release", 9), ("hold", 4), ("capture", 4),
        ]  # fmt: skip


async def test_a_photo_goes_first_to_a_model_known_to_take_people(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    async with harness.running(models=("sora-2", "veo-3.1-lite-001")):
        await scene.chat.send_photo(scene.ann, photo(1280, 720), caption="/animate a smile")
        await scene.video()
        assert [one.model for one in provider.submissions] == ["veo-3.1-lite-generate-001"]


async def test_a_photo_with_people_is_not_offered_to_the_model_that_refused_it(
    harness: Harness, scene: Scene, provider: AimlApiSandbox
) -> None:
    provider.faults.next("submit", Fault.http(400, "The upload may depict a realistic human."))
    async with harness.running(models=("veo-3.1-fast", "sora-2")):
        await scene.chat.send_photo(scene.ann, photo(1280, 720), caption="/animate a smile")
        told = await scene.said("Veo 3.1 Fast does not accept photos of people.")
        assert [[button.text for button in row] for row in told.buttons] == [["✏️ Change"]]
