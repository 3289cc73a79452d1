"""The offer: every entry is one the provider takes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from generation.models.offer import (
    ANY,
    KINDS,
    MAX_SIDE_RATIO,
    Frame,
    Kind,
    Mode,
    Offer,
    People,
    left_out,
)
from sandbox.aimlapi import schemas
from tests.generation.models.known import mode_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aimlapi.schemas import Model

SCHEMAS = schemas.models()
"""The fields of every model's body, from the provider's published OpenAPI files."""
OFFER = Offer.load()
MODES = [
    pytest.param(kind, mode, id=f"{family.name}-{kind}")
    for family in OFFER
    for kind, mode in family.modes.items()
]
PICTURES = [pytest.param(family.i2v, id=family.name) for family in OFFER if family.i2v is not None]
IMAGE = "data:image/jpeg;base64,/9j/2Q=="

DECIDED_BY_THE_PICTURE = {"x-ai/grok-imagine-video", "x-ai/grok-imagine-video-1.5-preview"}
"""Their resolution from a picture is the picture's, whatever is asked for."""
FIRST_PICTURES = {"image_url", "image_urls", "image_list", "first_frame_image", "keyframes"}
"""What models call the pictures they start from."""
FROM_A_PICTURE = "from a picture: "
"""How the reason begins why a model that is offered for text is not for pictures."""
LEFT_TO_THE_MODEL = {"auto", "adaptive"}
"""Shapes that nobody can foresee, and that some models refuse for text."""


def choices(mode: Mode) -> Iterator[dict[str, Any]]:
    """Every video a mode offers."""
    for seconds, shape, resolution, silent in itertools.product(
        mode.seconds, mode.aspect_ratios or (None,), mode.resolutions or (None,), (False, True)
    ):
        if not mode.offers(seconds, resolution):
            continue
        yield {
            "seconds": seconds,
            "aspect_ratio": shape,
            "resolution": resolution,
            "silent": silent,
        }


def entry(**changes: Any) -> dict[str, Any]:
    """A mode as data, with changes."""
    return {
        "model": "maker/model",
        "seconds": [4, 8],
        "aspect_ratios": ["16:9"],
        "resolutions": ["720p"],
        "frames": {"720p": {"16:9": [1280, 720]}},
        "typical_seconds": 60,
        "price": {"usd_per_second": {"720p": "0.1"}, "basis": "estimate", "date": "2026-11"},
    } | changes


def values(schema: Model, field: str) -> list[Any]:
    """Everything a model takes for a field, in order."""
    taken = schema.fields[field]
    if "enum" in taken:
        return [value for value in taken["enum"] if value not in LEFT_TO_THE_MODEL]
    return list(range(taken["minimum"], taken["maximum"] + 1))


@pytest.mark.parametrize(("kind", "mode"), MODES)
def test_every_video_of_the_offer_is_valid_at_the_provider(kind: Kind, mode: Mode) -> None:
    image = IMAGE if kind == "i2v" else None
    for choice in choices(mode):
        body = mode.body("a cat", image=image, **choice)
        assert SCHEMAS[mode.model].problems(body) == [], choice


@pytest.mark.parametrize(("kind", "mode"), MODES)
def test_the_offer_leaves_out_nothing_the_provider_lets_one_choose(kind: Kind, mode: Mode) -> None:
    schema = SCHEMAS[mode.model]
    own = mode.fields
    if "duration" in schema.fields:
        assert own.seconds == "duration"
        assert list(mode.seconds) == values(schema, "duration")
    else:
        assert own.seconds in {None, "num_frames"}
    shapes = [name for name in ("aspect_ratio", "ratio") if name in schema.fields]
    assert list(mode.aspect_ratios) == [one for name in shapes for one in values(schema, name)]
    assert shapes in ([own.aspect_ratio], [])
    if "resolution" in schema.fields and not (kind == "i2v" and is_decided(mode)):
        assert list(mode.resolutions) == values(schema, "resolution")
    else:
        assert mode.resolutions == ()
    switches = [one for one in schema.fields if one.startswith("generate_audio")]
    assert switches == ([own.sound] if own.sound else [])
    assert mode.prompt_limit == schema.fields["prompt"].get("maxLength") or schema.is_sora


def is_decided(mode: Mode) -> bool:
    return mode.model in DECIDED_BY_THE_PICTURE


def test_every_model_of_the_provider_is_offered_or_left_out_for_a_reason() -> None:
    offered = {mode.model for family in OFFER for mode in family.modes.values()}
    assert offered | left_out().keys() == SCHEMAS.keys()
    for model in offered & left_out().keys():
        assert left_out()[model].startswith(FROM_A_PICTURE), "offered for text alone"


def test_every_model_for_text_that_takes_a_picture_too_is_offered_for_both_or_says_why_not() -> (
    None
):
    by_picture = {family.i2v.model for family in OFFER if family.i2v is not None}
    text_alone = {family.t2v.model for family in OFFER if family.t2v is not None} - by_picture
    able = {model for model in text_alone if not FIRST_PICTURES.isdisjoint(SCHEMAS[model].fields)}
    assert able == {model for model, why in left_out().items() if why.startswith(FROM_A_PICTURE)}


@pytest.mark.parametrize(("kind", "mode"), MODES)
def test_a_model_is_offered_for_what_it_can_start_from(kind: Kind, mode: Mode) -> None:
    schema = SCHEMAS[mode.model]
    if kind == "i2v":
        assert mode.fields.image in schema.fields
    else:
        assert mode.fields.image not in schema.required


@pytest.mark.parametrize(("kind", "mode"), MODES)
def test_length_shape_and_resolution_are_never_left_to_the_provider(kind: Kind, mode: Mode) -> None:
    schema = SCHEMAS[mode.model]
    named = {"duration", "num_frames", "aspect_ratio", "ratio", "resolution"} & set(schema.fields)
    if kind == "i2v" and is_decided(mode):
        named -= {"resolution"}
    for choice in choices(mode):
        assert named <= mode.body("a cat", **choice).keys()


@pytest.mark.parametrize("mode", PICTURES)
@pytest.mark.parametrize(
    "picture",
    [(60, 1200), (1200, 60), (320, 320), (1080, 1920), (4000, 3000), (8000, 6000)],
    ids=str,
)
def test_every_picture_gets_a_frame_that_the_model_takes(
    mode: Mode, picture: tuple[int, int]
) -> None:
    for choice in choices(mode):
        shape = choice["aspect_ratio"]
        frame = mode.frame(choice["resolution"], shape, picture)
        assert frame.width % 2 == frame.height % 2 == 0
        if mode.picture is not None:
            assert min(frame) >= mode.picture.shortest
            assert max(frame) <= mode.picture.longest
            assert 0.4 < frame.width / frame.height < 2.5
            assert 2 * frame.width * frame.height <= mode.picture.most_bytes
        if shape is not None:
            across, down = map(int, shape.split(":"))
            assert frame.width / frame.height == pytest.approx(across / down, rel=0.15)


def test_a_picture_within_the_rule_keeps_its_size_and_shape() -> None:
    assert mode_of("klingai/video-v3-pro-image-to-video").frame(None, None, (1200, 800)) == Frame(
        1200, 800
    )


@pytest.mark.parametrize("model", sorted(DECIDED_BY_THE_PICTURE))
def test_where_the_picture_decides_the_resolution_none_is_sent_that_costs_more(model: str) -> None:
    mode = mode_of(model, "i2v")
    for shape in mode.aspect_ratios:
        assert max(mode.frame(None, shape, (8000, 6000))) <= 1280, "720p is what is held for"


def test_length_and_resolution_that_do_not_go_together_are_known() -> None:
    pixverse = mode_of("pixverse/v5.5/text-to-video")
    assert not pixverse.offers(8, "1080p")
    assert pixverse.offers(5, "1080p")
    assert pixverse.offers(8, "720p")


@pytest.mark.parametrize(
    ("resolution", "shape", "frame"),
    [
        ("720p", "16:9", (1280, 720)),
        ("720p", "9:16", (720, 1280)),
        ("1080p", "16:9", (1792, 1024)),
        ("1080p", "9:16", (1024, 1792)),
    ],
)
def test_sora_takes_pictures_of_exactly_these_sizes(
    resolution: str, shape: str, frame: tuple[int, int]
) -> None:
    assert mode_of("openai/sora-2-pro-i2v").frame(resolution, shape) == frame


def test_a_silent_video_is_asked_for_where_the_model_has_a_switch() -> None:
    veo = mode_of("google/veo-3.1-t2v")
    plain: dict[str, Any] = {"seconds": 4, "aspect_ratio": "16:9", "resolution": "720p"}

    assert veo.body("a cat", **plain, silent=True)["generate_audio"] is False
    assert veo.body("a cat", **plain)["generate_audio"] is True


def test_the_four_sora_models_come_first() -> None:
    first = [mode.model for family in OFFER.families[:2] for mode in family.modes.values()]
    assert first == [
        "openai/sora-2-t2v",
        "openai/sora-2-i2v",
        "openai/sora-2-pro-t2v",
        "openai/sora-2-pro-i2v",
    ]


def test_sora_refuses_people_and_every_better_sister_exists() -> None:
    assert OFFER["sora-2"].people is People.NO
    assert all(family.pro in OFFER for family in OFFER if family.pro is not None)


def test_the_offer_is_narrowed_in_the_order_asked_for() -> None:
    assert OFFER.only(["veo-3.1", "sora-2", "veo-3.1"]).names == ("veo-3.1", "sora-2")


def test_an_unknown_family_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        OFFER.only(["sora-3"])


def test_a_model_that_left_the_offer_is_none_and_no_error() -> None:
    assert OFFER.mode("openai/sora-3") is None


def test_names_are_unique() -> None:
    assert len(set(OFFER.names)) == len(OFFER.families)
    for kind in KINDS:
        models = [mode.model for family in OFFER if (mode := family.mode(kind))]
        assert len(set(models)) == len(models)


def test_one_model_for_text_and_pictures_may_differ_in_what_it_offers() -> None:
    assert mode_of("x-ai/grok-imagine-video", "t2v").resolutions == ("480p", "720p", "1080p")
    assert mode_of("x-ai/grok-imagine-video", "i2v").resolutions == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"seconds": []},
        {"frames": {"720p": {"16:9": [0, 720]}}},
        {"typical_seconds": 0},
        {"price": {"usd_per_second": {"720p": "0"}, "basis": "estimate", "date": "2026-11"}},
        {"price": {"usd_per_second": {"720p": "1"}, "basis": "rumour", "date": "2026-11"}},
        {"duration": 4},
    ],
    ids=str,
)
def test_an_entry_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    Mode.model_validate(entry())

    with pytest.raises(ValidationError):
        Mode.model_validate(entry(**changes))


@pytest.mark.parametrize(("kind", "mode"), MODES)
def test_an_entry_fits_together(kind: Kind, mode: Mode) -> None:
    resolutions, shapes = {*(mode.resolutions or (ANY,))}, {*(mode.aspect_ratios or (ANY,))}
    assert list(mode.seconds) == sorted(set(mode.seconds))
    assert mode.spelt_seconds.keys() in ({*mode.seconds}, set()), "each length has a spelling"
    assert mode.price.usd_per_second.keys() == resolutions, "each resolution has its price"
    if mode.frames:
        assert mode.frames.keys() == resolutions, "each resolution has its frames"
        assert all(frames.keys() == shapes for frames in mode.frames.values())
    if kind == "i2v":
        assert bool(mode.frames) is not bool(mode.picture), "exact frames, or else a rule"
    assert all(pair.resolution in mode.resolutions for pair in mode.without)
    assert mode.sound or mode.fields.sound is None, "a switch for sound where there is some"
    if (rule := mode.picture) is not None:
        assert rule.shortest * MAX_SIDE_RATIO <= rule.longest, "every picture can be made to fit"
        assert 2 * rule.longest**2 <= rule.most_bytes, "more than any JPEG of that size takes"
