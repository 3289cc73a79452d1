"""The provider's words: which tell of moderation, and how much of them is repeated."""

from __future__ import annotations

import pytest

from generation.provider.errors import Rejected
from generation.provider.refusals import MESSAGE_LIMIT, classify, truncate
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


def test_the_name_of_an_error_counts_among_its_words() -> None:
    error = submitted(400, problem_json(400, "No.", name="moderation_blocked"))
    assert isinstance(error, Rejected)
    assert error.moderation


def test_a_message_is_one_short_line_without_pictures() -> None:
    picture = "data:image/jpeg;base64," + "A" * 1_000_000
    said = truncate(f"Expected a uri,\n received '{picture}' " + "x" * 1000)

    assert said.startswith("Expected a uri, received 'data:…")
    assert "AAAA" not in said
    assert len(said) <= MESSAGE_LIMIT
    assert "\n" not in said


def test_a_refusal_never_repeats_the_picture() -> None:
    body = problem_json(400, "Invalid: data:image/jpeg;base64,SECRETPIXELS please fix")
    assert str(submitted(400, body)) == "400 Invalid: data:… please fix"
