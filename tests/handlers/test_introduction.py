"""How the bot introduces itself; numbers come from the settings."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from generation.models.offer import Offer
from generation.models.pricing import Period
from generation.orders.options import Choice, Defaults, resolve
from generation.orders.reading import read
from handlers import commands
from handlers.account import welcome
from handlers.commands import Scope
from tests.generation.orders.defaults import terms
from tests.handlers.shared import OFFER, SPEECH


def test_the_short_description_counts_videos() -> None:
    assert commands.short_description(SPEECH, OFFER, terms()) == (
        "Send me a photo or an idea, I make a short video. About 6 free videos a day."
    )


@pytest.mark.parametrize(
    ("period", "words"),
    [
        (Period.DAY, "1 free video a day"),
        (Period.WEEK, "1 free video a week"),
        (Period.MONTH, "1 free video a month"),
        (Period.LIFETIME, "1 free video to begin with"),
    ],
)
def test_the_description_words_the_period(period: Period, words: str) -> None:
    text = commands.short_description(SPEECH, OFFER, terms(free_credits=9, period=period))
    assert words in text


@pytest.mark.parametrize("credits_", [0, 8])
def test_no_free_videos_are_promised_where_there_are_none(credits_: int) -> None:
    text = commands.short_description(SPEECH, OFFER, terms(free_credits=credits_))
    assert text == "Send me a photo or an idea, I make a short video."
    assert "nothing" not in welcome.allowance_text(SPEECH, OFFER, terms(free_credits=credits_))


@pytest.mark.parametrize("period", list(Period))
@pytest.mark.parametrize("credits_", [0, 9, 10**12])
def test_descriptions_keep_telegrams_limits(period: Period, credits_: int) -> None:
    offer = replace(OFFER, credit_usd=Decimal("0.01"))
    given = terms(free_credits=credits_, period=period)
    assert len(commands.description(SPEECH, offer, given)) <= 512
    assert len(commands.short_description(SPEECH, offer, given)) <= 120


def test_the_greeting_has_three_lines_that_say_what_costs_and_where_photos_go() -> None:
    what, costs, photos = welcome.greeting(SPEECH, OFFER, terms()).splitlines()
    assert "an idea or a photo" in what
    assert costs == "It costs you nothing: every day you have 54 credits, about 6 videos."
    assert "delete them here when the video is done" in photos


@pytest.mark.parametrize("names", [OFFER.names, OFFER.names[:1], OFFER.names[::-1]])
def test_help_shows_options_that_can_be_had(names: tuple[str, ...]) -> None:
    offer = OFFER.only(names)
    text = welcome.help_text(SPEECH, offer, terms(), Scope.PRIVATE, None)
    examples = text.partition("after the idea:\n")[2].partition("\n\n")[0].splitlines()
    assert examples
    for example in examples:
        found = read(f"a cat {example}")
        assert not found.problems
        assert isinstance(resolve(found.requested, Defaults(), offer, "t2v"), Choice), example


def test_help_says_where_to_ask_only_where_there_is_somebody() -> None:
    asked = welcome.help_text(SPEECH, OFFER, terms(), Scope.PRIVATE, "@support")
    assert "@support" in asked
    assert "Questions" not in welcome.help_text(SPEECH, OFFER, terms(), Scope.PRIVATE, None)


def test_help_for_a_group_says_how_a_group_asks() -> None:
    text = welcome.help_text(SPEECH, OFFER, terms(), Scope.EVERYONE, None)
    assert text.startswith("Write /video")
    assert "/quota" not in text


def test_help_stands_without_any_model() -> None:
    assert "/video" in welcome.help_text(SPEECH, Offer(()), terms(), Scope.PRIVATE, None)
