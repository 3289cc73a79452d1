"""What a refused request calls for: a table of every status that is known to come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.provider.errors import (
    AccountError,
    AccountProblem,
    ModelGone,
    NoSuchGeneration,
    NotAccepted,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Rejected,
    ServerError,
    Unavailable,
)
from generation.provider.protocol import (
    MAX_RETRY_AFTER,
    Answer,
    expect_accepted,
    expect_known,
    expect_success,
)
from tests.generation.provider.answers.refused import (
    JSON,
    MODERATED,
    OUT_OF_CREDITS,
    asked,
    documented,
    problem_json,
    submitted,
)


@pytest.mark.parametrize("shape", [problem_json, documented])
@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (400, "Body validation error!", Rejected),
        (400, "Inpaint image must match the requested width and height", Rejected),
        (400, "model: Invalid enum value. Expected 'a' | 'b'", ModelGone),
        (400, "Model 'openai/sora-2-t2v' not found", ModelGone),
        (400, "The model openai/sora-2-t2v does not exist", ModelGone),
        (400, "Unknown model", ModelGone),
        (400, "Invalid value for `model`", ModelGone),
        (400, "This model does not support a duration of 6", Rejected),
        (400, MODERATED, Rejected),
        (400, "The model refused: not available under our content policy", Rejected),
        (401, "Invalid API key", AccountError),
        (402, "Payment required", AccountError),
        (403, OUT_OF_CREDITS, AccountError),
        (403, "Missing scope model:video", AccountError),
        (403, MODERATED, Rejected),
        (403, "You do not have access to the model openai/sora-2-t2v", ModelGone),
        (403, "Your organization must be verified to use the model `sora-2-t2v`.", ModelGone),
        (403, "This model is not available on your plan", ModelGone),
        (403, "Access to the requested model is restricted in your region", ModelGone),
        (403, "The organization policy does not allow this model", ModelGone),
        (403, "Model 'openai/sora-2-t2v' not found", ModelGone),
        (403, "Key lacks the scope model:video, needed for openai/sora-2-t2v", AccountError),
        (403, "This key may not use video models", AccountError),
        (403, "Insufficient balance to use this model", AccountError),
        (403, "Access denied", AccountError),
        (404, "Not found", ModelGone),
        (408, "Request timeout", OutcomeUnknown),
        (409, "Conflict", Rejected),
        (413, "Payload too large", Rejected),
        (422, "Unprocessable", Rejected),
        (429, "Too Many Requests", RateLimited),
        (500, "Something wrong with the server. Please, try again later.", ServerError),
        (500, "output new_sensitive (1027)", Rejected),
        (500, "The content moderation service is unavailable.", ServerError),
        (501, "Not implemented", OutcomeUnknown),
        (502, "Bad Gateway", OutcomeUnknown),
        (503, "Service unavailable", NotAccepted),
        (504, "Generation timeout", OutcomeUnknown),
        (302, "Found", OutcomeUnknown),
    ],
)
def test_the_api_s_own_refusal_of_a_submission_calls_for(
    shape: Any, status: int, message: str, error: type[ProviderError]
) -> None:
    assert type(submitted(status, shape(status, message))) is error


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, OutcomeUnknown),
        (400, OutcomeUnknown),
        (401, AccountError),
        (403, AccountError),
        (404, OutcomeUnknown),
        (413, Rejected),
        (429, OutcomeUnknown),
        (500, OutcomeUnknown),
        (502, OutcomeUnknown),
        (503, OutcomeUnknown),
        (504, OutcomeUnknown),
    ],
)
@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"<html><h1>Bad Gateway</h1></html>",
        b'{"message": "Service Unavailable"}',
        b'{"title": "Service unavailable", "status": 503, "detail": "edge"}',
        b'{"requestId": ',
        b"[" * 10_000,
    ],
    ids=["empty", "html", "cloud", "edge", "cut off", "deep"],
)
def test_a_page_from_in_between_says_little(
    status: int, error: type[ProviderError], page: bytes
) -> None:
    assert type(submitted(status, page)) is error


@pytest.mark.parametrize(
    "details",
    [
        {"errors": ["model: Invalid enum value"]},
        {"meta": [{"code": "invalid_enum_value", "path": ["model"]}]},
        {"error": {"name": "BadRequest", "message": "no", "param": "model"}},
    ],
    ids=str,
)
def test_a_bad_request_may_name_the_model_in_its_structure(details: dict[str, Any]) -> None:
    body = problem_json(400, "Body validation error!", **details)
    assert type(submitted(400, body)) is ModelGone


def test_a_bad_request_that_merely_repeats_the_body_is_not_about_the_model() -> None:
    body = problem_json(400, "Body validation error!", received={"model": "openai/sora-2-t2v"})
    assert type(submitted(400, body)) is Rejected


@pytest.mark.parametrize("shape", [problem_json, documented])
@pytest.mark.parametrize(
    "message",
    [
        "The model openai/sora-2-t2v is no longer available.",
        "openai/sora-2-t2v has been withdrawn",
        "`sora-2-t2v` was shut down on 2026-09-24",
        "Unknown model: openai/sora-2-t2v",
        "Model openai/sora-2-t2v doesn't exist",
        "Invalid model 'openai/sora-2-t2v'.",
        "The requested model is not available.",
        "Bad request. No such model",
        "Body validation error! model: Invalid enum value. Received 'openai/sora-2-t2v'",
        "Invalid option in field 'model'",
    ],
)
def test_a_bad_request_may_say_in_words_that_the_model_is_gone(shape: Any, message: str) -> None:
    assert type(submitted(400, shape(400, message))) is ModelGone


@pytest.mark.parametrize("shape", [problem_json, documented])
@pytest.mark.parametrize(
    "message",
    [
        "For this model the resolution 1080p is not available",
        "Invalid model parameters: duration",
        "Unknown model parameter: seed",
        "This model is not available at 1080p",
        "openai/sora-2-t2v: a duration of 6 is not available",
        "openai/sora-2-t2v is not available for image-to-video",
        "openai/sora-2-t2v: invalid duration",
        "openai/sora-2-t2v is currently unavailable",
        "openai/sora-2-t2v no longer supports 1080p",
        "openai/sora-2-t2v-hd is not found",
        "Model 'maker/another' not found",
        'Received {"model": "openai/sora-2-t2v", "duration": 6}',
        "The model could not read the image: file not found",
        "Prompt is too long: a fashion model who is no longer available for work",
    ],
)
def test_a_bad_request_about_something_else_leaves_the_model_alone(
    shape: Any, message: str
) -> None:
    assert type(submitted(400, shape(400, message))) is Rejected


@pytest.mark.parametrize(
    "prompt",
    ["Unknown model", "model: invalid", "openai/sora-2-t2v is not found", "'model' is not"],
)
def test_nobody_withdraws_a_model_by_writing_so_in_a_prompt(prompt: str) -> None:
    body = problem_json(400, f"Too short: {prompt}", received={"prompt": prompt})
    assert type(submitted(400, body, prompt=prompt)) is Rejected


@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (401, "Invalid API key", AccountProblem.KEY),
        (402, "", AccountProblem.MONEY),
        (403, OUT_OF_CREDITS, AccountProblem.MONEY),
        (403, "Key's USD limit is reached", AccountProblem.MONEY),
        (403, "Missing scope model:video", AccountProblem.FORBIDDEN),
        (403, "", AccountProblem.FORBIDDEN),
    ],
)
def test_a_refused_account_says_what_is_wrong(
    status: int, message: str, reason: AccountProblem
) -> None:
    error = submitted(status, problem_json(status, message))

    assert isinstance(error, AccountError)
    assert error.reason is reason
    assert error.may_lack_scope == (reason is AccountProblem.FORBIDDEN)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": " 7 "}, 7.0),
        ({"retry_after": "7.5"}, 7.5),
        ({"retry_after": "0"}, 0.0),
        ({"retry_after": "9" * 400}, MAX_RETRY_AFTER),
        (
            {
                "retry_after": "Fri, 20 Nov 2026 12:00:30 GMT",
                "date": "Fri, 20 Nov 2026 12:00:00 GMT",
            },
            30.0,
        ),
        (
            {
                "retry_after": "Fri, 20 Nov 2026 11:00:00 GMT",
                "date": "Fri, 20 Nov 2026 12:00:00 GMT",
            },
            0.0,
        ),
        ({"retry_after": "Fri, 20 Nov 2026 12:00:30 GMT"}, None),
        ({"retry_after": "soon", "date": "Fri, 20 Nov 2026 12:00:00 GMT"}, None),
        ({"retry_after": "-5"}, None),
        ({"retry_after": "٣"}, None),
        ({}, None),
    ],
)
def test_the_wait_asked_for_is_seconds_or_a_date_and_has_an_end(
    headers: dict[str, str], seconds: float | None
) -> None:
    error = submitted(429, problem_json(429, "Too Many Requests"), **headers)
    assert isinstance(error, NotAccepted)
    assert error.retry_after == seconds


@pytest.mark.parametrize("shape", [problem_json, documented])
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, NoSuchGeneration),
        (401, AccountError),
        (403, AccountError),
        (404, NoSuchGeneration),
        (429, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
        (301, Unavailable),
    ],
)
def test_the_api_s_own_refusal_of_a_question_calls_for(
    shape: Any, status: int, error: type[ProviderError]
) -> None:
    assert type(asked(status, shape(status, "No."))) is error


def test_a_question_refused_for_its_model_alone_says_nothing_of_the_account() -> None:
    words = "This model is not available on your plan"
    assert type(asked(403, problem_json(403, words))) is Unavailable
    assert type(asked(403, problem_json(403, "Access denied"))) is AccountError


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500, 502, 503, 504])
def test_a_page_from_in_between_says_nothing_about_a_generation(status: int) -> None:
    assert type(asked(status, b"<html>gateway</html>")) is Unavailable


@given(status=st.integers(100, 599), body=st.binary() | JSON.map(lambda j: json.dumps(j).encode()))
def test_every_answer_but_success_is_one_of_the_errors(status: int, body: bytes) -> None:
    answer = Answer(status, {}, body)
    for expect in (expect_accepted, expect_known, expect_success):
        if answer.is_success:
            expect(answer)
        else:
            with pytest.raises(ProviderError):
                expect(answer)
