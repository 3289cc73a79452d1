"""/settings: defaults by tapping, each tap setting one explicit value."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from gettext import NullTranslations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.models.offer import Offer
from generation.orders import quotes
from generation.orders.options import Defaults
from generation.orders.quotes import Quote
from handlers.account.settings import SetDefault, buttons, changes_for, choices, text, usual_quote
from handlers.replies.keyboards import encode_value
from handlers.replies.texts import Languages
from sandbox.telegram.messages import Button
from storage import generations, people
from tests.flows.media_files import photo
from tests.flows.predicates import says
from tests.handlers.shared import OFFER, SPEECH, person
from tests.harness import WITH_MENUS

if TYPE_CHECKING:
    from sandbox.aimlapi import AimlApiSandbox
    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from sandbox.telegram.messages import Message
    from tests.harness import Harness


def shown(offer: Offer = OFFER, **saved: Any) -> list[list[str]]:
    """Return the texts of the buttons that somebody with these defaults sees."""
    quote = usual_quote(person(**saved), offer)
    assert quote is not None, "nothing is offered"
    rows = buttons(person(**saved), quote, offer, SPEECH)
    return [[button.text for button in row] for row in rows]


def test_what_nobody_chose_is_marked_as_it_is() -> None:
    assert shown() == [
        ["✓ Sora 2 · 9", "Sora 2 Pro · 13"],
        ["Veo 3.1 Fast · 6", "Veo 3.1 · 16"],
        ["✓ 4 sec", "8 sec", "12 sec"],
        ["✓ 16:9", "9:16"],
    ]


def test_what_somebody_chose_is_marked() -> None:
    rows = shown(family="sora-2-pro", seconds=8, aspect_ratio="9:16", resolution="1080p")
    marked = [text for row in rows for text in row if text.startswith("✓")]
    assert marked == ["✓ Sora 2 Pro · 42", "✓ 8 sec", "✓ 9:16", "✓ 1080p"]


def test_a_single_model_is_no_choice() -> None:
    assert shown(OFFER.only(["sora-2"]))[0] == ["✓ 4 sec", "8 sec", "12 sec"]


def test_the_price_of_the_choice_is_said() -> None:
    quote = usual_quote(person(seconds=8), OFFER)
    assert quote is not None
    assert "8 seconds · 16:9 · 720p · Sora 2" in text(quote, SPEECH)
    assert "Each costs 17 credits" in text(quote, SPEECH)


def test_without_any_model_there_is_nothing_to_choose() -> None:
    assert usual_quote(person(), Offer(())) is None


def test_another_family_keeps_what_it_offers_too_and_forgets_the_rest() -> None:
    saved = person(family="sora-2-pro", seconds=12, aspect_ratio="9:16", resolution="1080p")
    assert changes_for(saved, OFFER, "family", "veo-3.1") == {
        "family": "veo-3.1",
        "seconds": None,
        "aspect_ratio": "9:16",
        "resolution": "1080p",
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seconds", "5"),
        ("seconds", "four"),
        ("aspect_ratio", "4x3"),
        ("resolution", "1080p"),
        ("family", "sora-3"),
        ("is_admin", "1"),
        ("name", "Eve"),
    ],
)
def test_what_is_not_offered_sets_nothing(field: str, value: str) -> None:
    assert changes_for(person(), OFFER, field, value) is None


@given(field=st.text(), value=st.text())
def test_whatever_a_client_makes_up_sets_only_what_is_offered(field: str, value: str) -> None:
    changes = changes_for(person(), OFFER, field, value)
    assert changes is None or changes.keys() <= {
        "family", "seconds", "aspect_ratio", "resolution",
    }  # fmt: skip


def test_each_button_sets_what_it_says() -> None:
    for family in OFFER:
        somebody = person(family=family.name)
        assert family.t2v is not None
        for field, offered in choices(family.t2v).items():
            for value in offered:
                assert changes_for(somebody, OFFER, field, encode_value(value)) == {field: value}


@pytest.mark.parametrize("family", [one.name for one in Offer.load() if one.t2v is not None])
def test_each_tap_shows_what_it_says_also_where_lengths_and_resolutions_do_not_all_combine(
    family: str,
) -> None:
    offer = Offer.load().only([family])
    mode = offer[family].modes["t2v"]
    for field, offered in choices(mode).items():
        for value, resolution in itertools.product(offered, (None, *mode.resolutions)):
            somebody = person(family=family, seconds=8, resolution=resolution)
            changes = changes_for(somebody, offer, field, encode_value(value))
            assert changes is not None
            quote = usual_quote(replace(somebody, **changes), offer)
            assert quote is not None
            assert getattr(quote.choice, field) == value


def test_a_length_that_does_not_go_with_the_resolution_moves_it_along() -> None:
    somebody = person(family="pixverse-5.5", seconds=5, resolution="1080p")
    offer = Offer.load().only(["pixverse-5.5"])
    assert changes_for(somebody, offer, "seconds", "8") == {"seconds": 8, "resolution": "720p"}
    assert changes_for(somebody, offer, "seconds", "10") == {"seconds": 10}


PRO = {"openai/sora-2-pro-t2v", "openai/sora-2-pro-i2v"}


def test_the_usual_video_is_what_an_order_gets_where_the_family_is_gone() -> None:
    left = OFFER.without(PRO | {"openai/sora-2-t2v"})
    somebody = person(family="sora-2-pro", seconds=12)
    shown = usual_quote(somebody, left, named=OFFER)
    ordered = quotes.quote(
        "a cat", kind="t2v", offer=left, named=OFFER,
        defaults=Defaults(family="sora-2-pro", seconds=12),
    )  # fmt: skip
    assert shown is not None
    assert isinstance(ordered, Quote)
    assert (shown.choice, shown.credits) == (ordered.choice, ordered.credits)
    assert text(shown, SPEECH).startswith(
        "Sora 2 Pro is no longer offered. Instead: Veo 3.1 Fast, 8 sec"
    )


def test_a_value_that_is_tapped_where_another_family_stands_in_chooses_that_family_too() -> None:
    left = OFFER.without(PRO | {"openai/sora-2-t2v"})
    somebody = person(family="sora-2-pro")
    changes = changes_for(somebody, left, "seconds", "6", OFFER)
    assert changes == {"seconds": 6, "family": "veo-3.1-fast"}
    then = usual_quote(replace(somebody, **changes), left, named=OFFER)
    assert then is not None
    assert (then.choice.seconds, then.instead_of) == (6, None)


async def opened(chat: PrivateChat, by: Person) -> Message:
    await chat.send(by, "/settings")
    return await chat.wait(lambda message: "Your usual video" in (message.text or ""))


@pytest.mark.usefixtures("bot")
async def test_a_tap_changes_the_message_and_the_next_video(
    chat: PrivateChat, ann: Person, provider: AimlApiSandbox
) -> None:
    settings = await opened(chat, ann)
    await settings.press("8 sec")
    await chat.wait(lambda message: "8 seconds · 16:9" in (message.text or ""))
    await settings.press("9:16")
    await chat.wait(lambda message: "8 seconds · 9:16" in (message.text or ""))
    assert settings.button("8 sec").text == "✓ 8 sec"
    assert len(chat.from_bot) == 1
    await chat.send(ann, "/video a cat")
    (submission,) = await provider.wait_for_submissions(1)
    assert submission.body["duration"] == 8
    assert submission.body["aspect_ratio"] == "9:16"


@pytest.mark.usefixtures("bot")
async def test_the_same_tap_twice_sets_the_same(
    telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    settings = await opened(chat, ann)
    data = settings.button("8 sec").data
    for _ in range(2):
        answer = await telegram.world.press(settings, Button("8", data), by=ann, timeout=5)
        assert answer.text == "Saved."
    await chat.wait(lambda message: "8 seconds · 16:9" in (message.text or ""))


async def test_nobody_sets_somebody_elses_defaults(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person, bob: Person
) -> None:
    async with harness.running():
        await opened(chat, ann)
        settings = await opened(telegram.private(bob), bob)
        forged = SetDefault(ann.id, "seconds", "12").encode()
        answer = await telegram.world.press(settings, Button("?", forged), by=bob, timeout=5)
        assert answer.text == "These are not your settings."
        async with harness.db.reading() as connection:
            for somebody in (ann, bob):
                known = await people.find(connection, somebody.id)
                assert known is not None
                assert known.seconds is None


@pytest.mark.usefixtures("bot")
async def test_a_deleted_message_is_shown_anew(chat: PrivateChat, ann: Person) -> None:
    settings = await opened(chat, ann)
    await chat.delete_message(settings)
    await settings.press("12 sec")
    await chat.wait(lambda message: "12 seconds · 16:9" in (message.text or ""))


@pytest.mark.usefixtures("bot")
async def test_a_value_of_another_model_is_refused(
    telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    settings = await opened(chat, ann)
    press = SetDefault(ann.id, "resolution", "1080p").encode()
    answer = await telegram.world.press(settings, Button("?", press), by=ann, timeout=5)
    assert answer.text == "Not offered now."


async def test_a_photo_is_treated_and_a_video_asked_about_as_somebody_chose(
    harness: Harness, provider: AimlApiSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running():
        settings = await opened(chat, ann)
        await settings.press("Whole")
        await chat.wait(lambda message: any("✓ 🖼 Whole" in str(row) for row in message.buttons))
        await chat.send_photo(ann, photo(1200, 300), caption="it rains")
        await provider.wait_for_submissions(1)
    async with harness.running():
        await settings.press("Ask first")
        await chat.wait(lambda message: any("✓ Ask first" in str(row) for row in message.buttons))
        await chat.send(ann, "/video a boat")
        card = await chat.wait(says("Make a video of this?"))
        assert len(provider.submissions) == 1
        await card.press("Make it · 9")
        await provider.wait_for_submissions(2)
        await settings.press("Start at once")
        await chat.send(ann, "/video a train")
        await provider.wait_for_submissions(3)
    async with harness.running():
        async with harness.db.reading() as connection:
            made = await generations.find(connection, 1)
        assert made is not None
        assert made.fit == "pad"


GERMAN = Languages({"en": NullTranslations(), "de": NullTranslations()})


async def test_a_language_that_was_chosen_counts_whatever_the_client_says(
    harness: Harness, telegram: TelegramSandbox, chat: PrivateChat, ann: Person
) -> None:
    async with harness.running(languages=GERMAN):
        settings = await opened(chat, ann)
        await settings.press("Deutsch")
        await chat.wait(lambda message: any("✓ Deutsch" in str(row) for row in message.buttons))
    async with harness.running(languages=GERMAN, times=WITH_MENUS):
        await telegram.wait_for_call("setMyShortDescription")
        menus = {
            json.loads(scope)["type"]: [command["command"] for command in shown]
            for (scope, _), shown in telegram.profile.commands.items()
        }
        assert "language" in menus["all_private_chats"]
        assert "language" not in menus["all_group_chats"]
        await chat.send(ann, "/language")
        asked = await chat.wait(says("Which language"))
        assert asked.button("✓ Deutsch").data == "speak:de"
        async with harness.db.reading() as connection:
            known = await people.find(connection, ann.id)
        assert known is not None
        assert known.language == "de"


@pytest.mark.usefixtures("bot")
async def test_one_language_is_no_choice(chat: PrivateChat, ann: Person) -> None:
    settings = await opened(chat, ann)
    assert not any("English" in label for label in settings.labels)
    await chat.send(ann, "/language")
    assert not (await chat.wait(says("one language so far"))).buttons
