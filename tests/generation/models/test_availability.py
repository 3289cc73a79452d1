"""What becomes of the offer when the provider says what it serves."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest

from generation.models import availability
from generation.models.availability import Feed, Listed, Retired, Snapshot
from generation.models.offer import Offer
from generation.models.pricing import Rate
from generation.orders.options import Choice, Defaults, Options, resolve
from generation.orders.substitutes import find_replacement, nearest

KNOWN = Offer.load()
NAMES = ("sora-2", "sora-2-pro", "veo-3.1-fast")
SORA = "openai/sora-2-t2v"


def snapshot(*retired: dict[str, Any], models: tuple[Listed, ...] = ()) -> Snapshot:
    return Snapshot(models, tuple(Retired.model_validate(one) for one in retired))


def offer(known: Snapshot) -> Offer:
    """Return what is served of the families named."""
    live = availability.at_live_prices(KNOWN, known)
    return availability.in_order(live, NAMES).without(availability.gone(KNOWN, known))


def wanted(**requested: Any) -> Choice:
    choice = resolve(Options(**requested), Defaults(), KNOWN, "t2v")
    assert isinstance(choice, Choice)
    return choice


def test_nothing_heard_changes_nothing() -> None:
    assert offer(Snapshot()).families == KNOWN.only(NAMES).families


def test_absence_from_the_list_is_no_withdrawal() -> None:
    listed = (Listed(id="maker/other", type="internal/video-generations/submit"),)
    assert offer(snapshot(models=listed)).names == NAMES


@pytest.mark.parametrize(
    "entry", [{"id": SORA}, {"id": "openai/sora-two", "aliases": ["sora-two", SORA]}], ids=str
)
def test_what_is_withdrawn_is_found_by_its_id_or_an_alias(entry: dict[str, Any]) -> None:
    left = offer(snapshot(entry | {"status": "withdrawn"}))
    assert left["sora-2"].t2v is None
    assert left["sora-2"].i2v is not None


def test_a_family_without_a_model_left_is_not_offered() -> None:
    found = snapshot(*({"id": one, "status": "withdrawn"} for one in (SORA, "openai/sora-2-i2v")))
    assert offer(found).names == NAMES[1:]


def test_what_is_deprecated_still_serves() -> None:
    found = snapshot({"id": SORA, "status": "deprecated", "shutdown_at": "2026-01-01"})
    assert offer(found).names == NAMES


def test_a_successor_known_by_an_alias_takes_the_place_of_what_it_replaces() -> None:
    listed = Listed(
        id="klingai/video-v3-pro-text-to-video",
        aliases=("kling-3",),
        type="internal/video-generations/submit",
    )
    found = snapshot(
        {"id": SORA, "status": "superseded", "replaced_by": "kling-3"},
        {"id": "openai/sora-2-i2v", "status": "superseded", "replaced_by": "kling-3"},
        models=(listed,),
    )
    assert offer(found).names == ("kling-3-pro", "sora-2-pro", "veo-3.1-fast")


HAILUO, KLING = "minimax/hailuo-2.3", "klingai/video-v3-pro-text-to-video"
TURBO = "klingai/video-v3-turbo-pro-image-to-video"


def superseded(*line: str) -> tuple[dict[str, Any], ...]:
    """Entries by which each model is succeeded by the next."""
    return tuple(
        {"id": old, "status": "superseded", "replaced_by": new}
        for old, new in itertools.pairwise(line)
    )


@pytest.mark.parametrize(
    ("entries", "successor"),
    [
        (superseded(SORA, HAILUO), "hailuo-2.3"),
        (superseded(SORA, HAILUO, KLING), "kling-3-pro"),
        (superseded(SORA, "openai/sora-3", KLING), "kling-3-pro"),
        (superseded(SORA, HAILUO, "minimax/hailuo-9"), "hailuo-2.3"),
        (superseded(SORA, HAILUO, TURBO), "kling-3-turbo-pro"),
        ((*superseded(SORA, KLING), {"id": KLING, "status": "withdrawn"}), None),
        ((*superseded(SORA, HAILUO, KLING), {"id": KLING, "status": "withdrawn"}), "hailuo-2.3"),
        ((*superseded(SORA, HAILUO), {"id": HAILUO, "status": "deprecated"}), "hailuo-2.3"),
        (superseded(SORA, "openai/sora-3"), None),
        (superseded(SORA, SORA), None),
        (superseded(SORA, "openai/sora-3", SORA), None),
    ],
    ids=str,
)
def test_the_line_of_succession_is_followed_to_the_last_that_is_served(
    entries: tuple[dict[str, Any], ...], successor: str | None
) -> None:
    found = snapshot(*entries)
    assert availability.at_live_prices(KNOWN, found)["sora-2"].successors.get("t2v") == successor
    assert (SORA in availability.gone(KNOWN, found)) == (successor is not None)


def test_what_its_successor_cannot_do_is_asked_for_by_the_old_name() -> None:
    successor = KNOWN["hailuo-2.3-fast"]
    assert (successor.t2v, successor.i2v is not None) == (None, True), "a model for pictures only"
    found = snapshot(*superseded(SORA, successor.modes["i2v"].model),
                  *superseded("openai/sora-2-i2v", successor.modes["i2v"].model))  # fmt: skip
    left = offer(found)
    assert left.names[:2] == ("sora-2", "hailuo-2.3-fast")
    assert left["sora-2"].t2v is not None
    assert left["sora-2"].i2v is None


def test_a_model_for_both_goes_only_when_its_successor_does_both() -> None:
    fast = KNOWN["hailuo-2.3-fast"].modes["i2v"].model
    assert HAILUO not in availability.gone(KNOWN, snapshot(*superseded(HAILUO, fast)))
    assert HAILUO in availability.gone(KNOWN, snapshot(*superseded(HAILUO, "minimax/hailuo-02")))


def test_live_prices_are_found_by_alias_too() -> None:
    rate = Rate(usd=Decimal("0.5"), unit="second")
    listed = Listed(id="openai/sora-two", aliases=(SORA,), rates=(rate,))
    mode = offer(snapshot(models=(listed,)))["sora-2"].t2v
    assert mode is not None
    assert mode.live == (rate,)


def at(family: str, *rates: Rate) -> Offer:
    """Return a family's text model at these live prices."""
    mode = KNOWN[family].modes["t2v"].model_copy(update={"live": rates})
    return Offer((KNOWN[family].model_copy(update={"t2v": mode, "i2v": None}),))


def rate(usd: str, **when: str) -> Rate:
    return Rate(when=when, usd=Decimal(usd), unit="second")


def test_a_price_of_any_length_that_moves_is_told() -> None:
    before = at("sora-2", *(rate("0.2", duration=str(seconds)) for seconds in (4, 8, 12)))
    after = at("sora-2", rate("0.2", duration="4"), rate("0.3", duration="8"),
               rate("0.4", duration="12"))  # fmt: skip
    told = [str(one) for one in availability.price_changes(before, after)]
    assert told == ["openai/sora-2-t2v, 12 s at 720p: $2.40 → $4.80"], "the worst move alone"


def test_a_price_without_sound_that_moves_is_told() -> None:
    def veo(silent: str) -> Offer:
        return at("veo-3.1", rate("0.4", generate_audio="true"),
                  rate(silent, generate_audio="false"))  # fmt: skip

    told = [str(one) for one in availability.price_changes(veo("0.2"), veo("0.3"))]
    assert told == [
        "google/veo-3.1-t2v, 4 s at 720p, silent: $0.80 → $1.20",
        "google/veo-3.1-t2v, 4 s at 1080p, silent: $0.80 → $1.20",
    ]
    assert availability.price_changes(veo("0.2"), veo("0.24")) == [], (
        "a fifth is nothing to tell of"
    )


def test_models_nobody_knows_are_those_that_make_videos_of_prompts_or_pictures() -> None:
    def entry(name: str, capability: str) -> Listed:
        kind = "internal/video-generations/submit"
        return Listed(id=name, type=kind, capabilities=(capability,))

    models = (
        entry("maker/new", "text_to_video"),
        entry("maker/dubs", "video_to_video"),
        entry(SORA, "text_to_video"),
        entry("bytedance/omnihuman", "image_to_video"),
    )
    assert availability.unknown_models(KNOWN, snapshot(models=models)) == ["maker/new"]


def test_an_entry_that_makes_no_sense_is_left_out_and_the_others_are_read() -> None:
    feed = Feed[Listed].model_validate_json(
        '{"data": [null, 7, {"id": ""}, {"id": "a/b", "type": "internal/video-generations/submit",'
        ' "pricing": {"kind": "fixed", "units": [{"measure": "second", "price": 0.1, "per": 1}]}},'
        ' {"id": "chat/model", "type": "openai/chat-completions"}]}'
    )
    assert [one.id for one in feed.entries] == ["a/b", "chat/model"]
    assert feed.entries[0].rates == (Rate(usd=Decimal("0.1"), unit="second"),)


def test_what_was_heard_is_read_back_as_it_was_kept() -> None:
    rate = Rate(when={"resolution": "720p"}, usd=Decimal("0.1"), unit="second")
    listed = Listed(id="a/b", aliases=("b",), type="x", capabilities=("y",), rates=(rate,))
    assert Listed.model_validate_json(listed.model_dump_json()) == listed


def test_the_replacement_is_the_first_that_costs_no_more() -> None:
    choice = wanted(model="sora-2")
    found = find_replacement(choice, KNOWN.only(["sora-2-pro", "veo-3.1-fast"]), most=9)
    assert found is not None
    assert (found.choice.family.name, found.credits) == ("veo-3.1-fast", 6)


def test_where_all_cost_more_the_replacement_is_the_first() -> None:
    found = find_replacement(wanted(model="sora-2"), KNOWN.only(["veo-3.1", "sora-2-pro"]), most=9)
    assert found is not None
    assert found.choice.family.name == "veo-3.1"


def test_a_replacement_is_as_near_as_can_be_in_length_shape_and_resolution() -> None:
    choice = nearest(wanted(model="sora-2-pro", seconds="12", resolution="1080p"), KNOWN["flux-3"])
    assert choice is not None
    assert (choice.seconds, choice.aspect_ratio, choice.resolution) == (12, "16:9", "fhd")
    choice = nearest(wanted(model="sora-2", aspect_ratio="9:16"), KNOWN["hailuo-2.3"])
    assert choice is not None
    assert (choice.seconds, choice.aspect_ratio, choice.resolution) == (6, None, "768P")


def test_a_replacement_never_takes_a_length_with_a_resolution_it_does_not_go_with() -> None:
    choice = nearest(
        wanted(model="sora-2-pro", seconds="8", resolution="1080p"), KNOWN["pixverse-5.5"]
    )
    assert choice is not None
    assert choice.mode.offers(choice.seconds, choice.resolution)


def test_a_silent_video_is_not_replaced_by_one_that_cannot_be_silent() -> None:
    silent = wanted(model="veo-3.1", silent=True)
    assert nearest(silent, KNOWN["sora-2"]) is None
    assert nearest(silent, KNOWN["hailuo-2.3"]) is not None
    assert nearest(silent, KNOWN["kling-3"]) is not None


def test_every_video_of_a_family_has_a_nearest_in_every_other_that_does_its_kind() -> None:
    choice = wanted(model="sora-2")
    for family in KNOWN:
        found = nearest(choice, family)
        assert (found is None) == (family.t2v is None)
        if found is not None:
            assert found.seconds in found.mode.seconds
            assert found.resolution in (found.mode.resolutions or (None,))
            assert found.aspect_ratio in (found.mode.aspect_ratios or (None,))
