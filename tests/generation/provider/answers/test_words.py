"""The provider's words: which tell of moderation, and how much of them is repeated."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from generation.models.offer import Offer
from generation.provider.errors import MAX_MESSAGE, Rejected, classify, truncate
from tests.generation.provider.answers.refused import MODERATED, problem_json, submitted


@pytest.mark.parametrize(
    ("words", "moderation", "people"),
    [
        (MODERATED, True, False),
        ("moderation_blocked", True, False),
        ("sentinel_block", True, False),
        ("content_policy_violation", True, False),
        ("Hmmm something didn't look right with your request", True, False),
        ("This prompt violates our usage policies", True, False),
        ("Blocked by safety filters", True, False),
        ("This content may violate our guardrails around similarity to third-party", True, False),
        ("Upload may depict a realistic human. Please try again without humans", True, True),
        ("We do not allow image uploads of faces", True, True),
        ("Pictures of people are against our policy", True, True),
        ("Inpaint image must match the requested width and height", False, False),
        ("Content-Type must be application/json", False, False),
        ("User interface is under maintenance", False, False),
        ("Something wrong with the server. Please, try again later.", False, False),
        ("", False, False),
    ],
)
def test_a_refusal_for_what_is_shown_is_told_by_its_words(
    words: str, moderation: bool, people: bool
) -> None:
    assert (classify(words).moderation, classify(words).people) == (moderation, people)
    error = submitted(400, problem_json(400, words))
    assert isinstance(error, Rejected)
    assert (error.moderation, error.people) == (moderation, people)


FACTS = json.loads(resources.files("generation.provider").joinpath("refusals.json").read_bytes())


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{fact['family']}: {fact['phrase']}")
@pytest.mark.parametrize("said", ["{}", "Task failed: {} (request 0217).", "error_{}"])
def test_each_known_refusal_is_told_in_whatever_it_is_wrapped(
    fact: dict[str, str], said: str
) -> None:
    for words in (fact["phrase"], fact["phrase"].upper(), fact["phrase"].replace(" ", "_")):
        assert classify(said.format(words)).moderation
    assert fact["source"].startswith("https://")


def test_a_refusal_is_known_of_every_family_on_offer() -> None:
    known = {fact["family"] for fact in FACTS}
    assert [
        family.name for family in Offer.load() if not family.name.startswith(tuple(known))
    ] == []


@pytest.mark.parametrize(
    "words",
    [
        "Veo could not generate 2 videos based on the prompt provided. Try rephrasing the prompt.",
        "3 videos were filtered out because they violated Vertex AI’s usage guidelines",
        "OutputVideoSensitiveContentDetected.PolicyViolation: may be related to copyright",
        "InputImageSensitiveContentDetected.PrivacyInformation",
        "Generated video rejected by content moderation.",
        "imagine:content-moderated",
        "Content violates platform security policy and has been blocked.",
        "The model did not make the expected content, please adjust your prompt and try again.",
        "The request was rejected by risk control.",
        "INPUT_PREPROCESSING.SAFETY.TEXT",
        "CREATION_POLICY_VIOLATION",
        "Submission did not pass the safety review",
        "The prompt has NSFW words",
        "Your prompt mentions a public figure",
        "Likeness of a celebrity",
        "Prompt not allowed: sexual content",
        "Blocked by our safety system. Please try again later.",
        "Trademarked characters cannot be shown",
        "The text has forbidden words",
    ],
)
def test_a_refusal_nobody_has_reported_yet_is_told_by_what_it_speaks_of(words: str) -> None:
    assert classify(words).moderation


@pytest.mark.parametrize(
    "words",
    [
        "The content moderation service is unavailable.",
        "content_moderation_unavailable: upstream timeout",
        "content_filter_error",
        "safety.input.check timed out",
        "content policy service timed out",
        "enable_safety_checker cannot be disabled for this model",
        "Rate limit exceeded: see our usage policy",
        "The IAM policy denies the request",
        "Header names are case-sensitive",
        "Image pixel is invalid",
        "Unsupported image format. Expected JPEG or PNG.",
        "The video width should not be less than 700px. Please check and try again.",
        "Exhausted balance",
        "CUDA out of memory",
        "Generation timeout",
        "The prompt is too long",
        "Upstream too many requests",
        "The model is overloaded",
        "Failed to download the image",
    ],
)
def test_an_ordinary_failure_is_no_refusal_and_may_be_tried_again(words: str) -> None:
    assert not classify(words).moderation


def test_what_somebody_wrote_is_no_word_of_the_providers() -> None:
    prompt = "a policeman whose face violates the guidelines"
    error = submitted(400, problem_json(400, f"too long: {prompt}"), prompt=prompt)
    assert isinstance(error, Rejected)
    assert not error.moderation


def test_the_name_of_an_error_counts_among_its_words() -> None:
    error = submitted(400, problem_json(400, "No.", name="moderation_blocked"))
    assert isinstance(error, Rejected)
    assert error.moderation


def test_a_message_is_one_short_line_without_pictures() -> None:
    picture = "data:image/jpeg;base64," + "A" * 1_000_000
    said = truncate(f"Expected a uri,\n received '{picture}' " + "x" * 1000)

    assert said.startswith("Expected a uri, received 'data:…")
    assert "AAAA" not in said
    assert len(said) <= MAX_MESSAGE
    assert "\n" not in said


def test_a_refusal_never_repeats_the_picture() -> None:
    body = problem_json(400, "Invalid: data:image/jpeg;base64,SECRETPIXELS please fix")
    assert str(submitted(400, body)) == "400 Invalid: data:… please fix"
