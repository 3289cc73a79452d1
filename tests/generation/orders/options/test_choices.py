"""What the offer makes of requested: the family, the length, the shape, the resolution."""

from __future__ import annotations

import itertools

import pytest

from generation.models.offer import Family, Mode, Offer, People
from generation.orders.options import Defaults, Options, Problem, resolve
from generation.orders.reading import read
from tests.generation.orders.options.settling import ALL, NOBODY, OFFER, chosen, problem


def test_nobody_s_wish_is_the_first_family_short_wide_and_cheap() -> None:
    choice = chosen()

    assert (choice.family.name, choice.mode.model) == ("sora-2", "openai/sora-2-t2v")
    assert (choice.seconds, choice.aspect_ratio, choice.resolution) == (4, "16:9", "720p")
    assert (choice.fit, choice.silent) == ("crop", False)


@pytest.mark.parametrize("family", [one.name for one in ALL if one.t2v])
def test_every_video_on_offer_can_be_asked_for(family: str) -> None:
    mode = ALL[family].t2v
    assert mode is not None
    for seconds, shape, resolution in itertools.product(
        mode.seconds, mode.aspect_ratios or (None,), mode.resolutions or (None,)
    ):
        if not mode.offers(seconds, resolution):
            continue
        words = f"a --model {family} --seconds {seconds}"
        words += f" --ar {shape}" if shape else ""
        words += f" --res {resolution}" if resolution else ""
        choice = chosen(read(words).requested, offer=ALL)
        assert (choice.family.name, choice.seconds) == (family, seconds)
        assert (choice.aspect_ratio, choice.resolution) == (shape, resolution)


@pytest.mark.parametrize(
    ("text", "seconds", "shape", "resolution"),
    [
        ("--pro --seconds 08 --ar 9x16 --res 1080", 8, "9:16", "1080p"),
        ("--pro --seconds 12seconds --ar 9/16 --res 1080P", 12, "9:16", "1080p"),
        ("--PRO —seconds 8s, —1080p", 8, "16:9", "1080p"),
    ],
)
def test_ways_of_writing_a_value_are_understood(
    text: str, seconds: int, shape: str, resolution: str
) -> None:
    choice = chosen(read(text).requested)
    assert (choice.seconds, choice.aspect_ratio, choice.resolution) == (seconds, shape, resolution)


def test_pro_is_the_better_sister_of_the_family_that_is_meant() -> None:
    assert chosen(Options(pro=True)).family.name == "sora-2-pro"
    assert chosen(Options(pro=True, model="veo-3.1-fast")).family.name == "veo-3.1"
    assert chosen(Options(pro=True), Defaults(family="veo-3.1-fast")).family.name == "veo-3.1"
    assert chosen(Options(pro=True, model="sora-2-pro")).family.name == "sora-2-pro"


def test_a_picture_decides_the_shape_unless_one_is_asked_for() -> None:
    saved = Defaults(aspect_ratio="9:16")

    assert chosen(defaults=saved, kind="i2v").aspect_ratio is None
    assert chosen(Options(aspect_ratio="16:9"), saved, kind="i2v").aspect_ratio == "16:9"
    assert chosen(kind="i2v").mode.model == "openai/sora-2-i2v"


def test_a_picture_goes_first_to_a_family_that_takes_people() -> None:
    sora, veo = OFFER["sora-2"], OFFER["veo-3.1"]
    offer = Offer((sora, veo.model_copy(update={"people": People.YES})))

    assert chosen(offer=offer, kind="i2v").family.name == "veo-3.1"
    assert chosen(offer=offer, kind="t2v").family.name == "sora-2"
    assert chosen(defaults=Defaults("sora-2"), offer=offer, kind="i2v").family.name == "sora-2"


def test_a_family_is_offered_only_for_what_it_can_do() -> None:
    words_only = Family(name="words-1", title="Words", people=People.NO, t2v=OFFER["sora-2"].t2v)
    offer = Offer((words_only, OFFER["veo-3.1"]))
    requested = Options(model="words-1")

    assert chosen(requested, offer=offer).family.name == "words-1"
    assert resolve(requested, NOBODY, offer, "i2v") == Problem("model", "words-1", ("veo-3.1",))
    assert chosen(offer=offer, kind="i2v").family.name == "veo-3.1"


def test_a_mode_without_resolutions_or_shapes_leaves_them_out() -> None:
    mode = Mode.model_validate(
        {
            "model": "maker/plain",
            "seconds": [5],
            "typical_seconds": 60,
            "price": {"usd_per_second": {"any": "0.1"}, "basis": "estimate", "date": "2026-11"},
        }
    )
    offer = Offer((Family(name="plain", title="Plain", people=People.YES, t2v=mode),))
    choice = chosen(offer=offer, defaults=Defaults(aspect_ratio="9:16", resolution="1080p"))

    assert (choice.aspect_ratio, choice.resolution) == (None, None)
    assert problem(Options(resolution="720p"), offer) == Problem("res", "720p", (), "plain")
