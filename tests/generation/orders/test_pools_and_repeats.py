"""Which pots a request draws on in a group, and what is typed to have a video again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.models.offer import KINDS, Kind, Offer
from generation.orders import quotes, substitutes
from generation.orders.balances import Balance, Pool, choose_draws
from generation.orders.options import Defaults
from generation.orders.reading import read
from handlers.replies.keyboards import Vary
from storage.generations import Generation, State
from storage.ledger import Pot
from tests.storage.requests import request

OFFER = Offer.load()


def balance(allowance: int, bought: int) -> Balance:
    return Balance(allowance=allowance, bought=bought, held=0, renews_at=None)


@given(*[st.integers(0, 200)] * 4)
def test_the_pool_goes_first_then_the_allowance_then_what_was_bought(
    cost: int, pooled: int, allowance: int, bought: int
) -> None:
    pool = Pool(size=pooled, share=None, left=pooled, share_left=None, renews_at=None)
    draws = choose_draws(cost, balance(allowance, bought), pool)
    if cost > pooled + allowance + bought:
        assert draws is None
        return
    assert draws is not None
    by_pot = {part.pot: part.credits for part in draws}
    assert sum(by_pot.values()) == cost
    assert all(credits_ > 0 for credits_ in by_pot.values())
    assert by_pot.get(Pot.POOL, 0) == min(cost, pooled)
    assert by_pot.get(Pot.ALLOWANCE, 0) == min(cost - by_pot.get(Pot.POOL, 0), allowance)


@pytest.mark.parametrize(
    ("left", "bought", "share_left", "available"),
    [(50, 0, None, 50), (50, 0, 20, 20), (5, 0, 20, 5), (50, 0, 0, 0), (5, 30, 20, 20),
     (5, 30, None, 35), (5, -30, 20, 5)],
)  # fmt: skip
def test_a_member_draws_on_what_is_left_up_to_their_share(
    left: int, bought: int, share_left: int | None, available: int
) -> None:
    pool = Pool(size=100, share=20, left=left, share_left=share_left, renews_at=None, bought=bought)
    assert pool.available == available


def video(**changes: Any) -> Generation:
    """Return a finished video."""
    wish = request(**changes)
    facts: dict[str, Any] = {name: getattr(wish, name) for name in wish.__dataclass_fields__}
    missing = [name for name in Generation.__dataclass_fields__ if name not in facts]
    facts |= dict.fromkeys(missing) | {"id": 7, "state": State.DELIVERED}
    return Generation(**facts)


def quoted(text: str, kind: Any) -> quotes.Quote:
    quote = quotes.quote(
        text,
        kind=kind,
        offer=OFFER,
        defaults=Defaults(),
    )
    assert isinstance(quote, quotes.Quote), quote
    return quote


@pytest.mark.parametrize("shape", ["16:9", "9:16"])
@pytest.mark.parametrize("seconds", [4, 8, 12])
def test_again_is_the_same_video(shape: str, seconds: int) -> None:
    old = video(aspect_ratio=shape, seconds=seconds, fit="pad")
    quote = quoted(substitutes.repeat_text(old), "t2v")
    choice = quote.choice
    assert quote.prompt == old.prompt
    assert (choice.family.name, choice.seconds, choice.resolution) == ("sora-2", seconds, "720p")
    assert (quote.aspect_ratio, choice.fit) == (shape, "pad")


def test_going_on_keeps_what_the_model_does_with_a_picture() -> None:
    quote = quoted(
        substitutes.continuation_text(video(seconds=8, aspect_ratio="9:16"), OFFER), "i2v"
    )
    assert quote.choice.family.name == "sora-2"
    assert (quote.choice.seconds, quote.aspect_ratio) == (8, "9:16")


def test_going_on_from_a_family_that_is_gone_takes_another() -> None:
    quote = quoted(substitutes.continuation_text(video(family="long-gone"), OFFER), "i2v")
    assert (quote.prompt, quote.choice.kind) == ("a cat", "i2v")


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_else_is_offered_of_a_video_can_be_had_for_what_its_button_says(
    kind: Kind,
) -> None:
    offered = set()
    for family in OFFER.for_kind(kind):
        mode = family.mode(kind)
        assert mode is not None
        old = video(
            kind=kind, family=family.name, seconds=mode.seconds[0], picture="p",
            aspect_ratio=next(iter(mode.aspect_ratios), None),
            resolution=next(iter(mode.resolutions), None),
        )  # fmt: skip
        found = substitutes.Variations.of(old, OFFER)
        named = {"longer": found.longer, "shape": found.shape, "more lines": found.resolution}
        for way, one in [*named.items(), *(("model", one) for one in found.others)]:
            if one is None:
                continue
            offered.add(way)
            carried = replace(Vary.to(old, one), generation=10**9).encode()
            press = Vary.decode(carried)
            assert press is not None
            made = quoted(substitutes.repeat_text(press.over(old)), kind)
            assert (made.prompt, made.credits) == (old.prompt, one.credits), (family.name, way)
            turned = kind == "i2v" and made.choice.aspect_ratio not in {None, old.aspect_ratio}
            assert made.choice == replace(one.choice, fit="pad" if turned else "crop"), family.name
            assert made.choice.seconds > old.seconds or way != "longer"
        assert (found.longer is None) == (len(mode.seconds) == 1)
        assert (found.shape is None) == (len(mode.aspect_ratios) < 2)
    assert offered == {"longer", "shape", "more lines", "model"}


def test_nothing_else_is_offered_of_what_was_forgotten_or_taken_back() -> None:
    for old in (video(prompt=""), video(kind="i2v", picture=None)):
        assert substitutes.Variations.of(old, OFFER) == substitutes.Variations()


@given(st.text(max_size=50))
def test_options_never_leak_into_the_prompt(prompt: str) -> None:
    plain = read(prompt)
    if plain.problems or plain.requested != read("").requested:
        return
    old = video(prompt=plain.prompt)
    assert read(substitutes.repeat_text(old)).prompt == plain.prompt


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_can_be_tapped_on_a_card_can_be_had(kind: Kind) -> None:
    offer = OFFER.for_kind(kind)
    for family in offer:
        present = quoted(f"a cat --model {family.name}", kind).choice
        mode, names = present.mode, (family.pro or family.name, offer.names[0])
        for option, values in (
            ("seconds", map(str, mode.seconds)), ("ar", mode.aspect_ratios),
            ("res", mode.resolutions), ("model", names),
        ):  # fmt: skip
            for value in values:
                choice = substitutes.with_option(present, option, value, offer)
                if choice is None:
                    assert value not in offer, (family.name, option, value)
                    continue
                assert quoted(f"{substitutes.options_text(choice)} a cat", kind).choice == choice
                chosen = {"seconds": str(choice.seconds), "ar": choice.aspect_ratio,
                          "res": choice.resolution, "model": choice.family.name}  # fmt: skip
                assert chosen[option] == value
