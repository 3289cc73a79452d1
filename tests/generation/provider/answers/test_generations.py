"""A generation as the provider tells it: its state, its cost, its id, its row in the log."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from generation.provider.protocol import (
    Completed,
    CompletedWithoutUrl,
    Failed,
    LogEntry,
    LogPage,
    Pending,
    read_generation,
)
from tests.generation.provider.answers.refused import JSON


def generation(**fields: Any) -> bytes:
    return json.dumps({"id": "video_1:openai/sora-2-t2v", "status": "completed"} | fields).encode()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"video": {"url": "https://cdn/x.mp4"}}, Completed("https://cdn/x.mp4")),
        ({"video": [{"url": "https://cdn/x.mp4"}, {"url": "y"}]}, Completed("https://cdn/x.mp4")),
        ({"video": {"url": "u", "file_size": 5}, "error": None, "extra": 1}, Completed("u")),
        ({"video": None}, CompletedWithoutUrl()),
        ({"video": []}, CompletedWithoutUrl()),
        ({"video": {}}, CompletedWithoutUrl()),
        ({"video": {"url": ""}}, CompletedWithoutUrl()),
        ({"video": {"url": None}}, CompletedWithoutUrl()),
        ({"video": "https://cdn/x.mp4"}, Completed("https://cdn/x.mp4")),
        ({"video": [None, "", {"url": None}, {"url": "u"}]}, Completed("u")),
        ({"video": {"url": ["u", "v"]}}, Completed("u")),
        ({"video": {"url": " u\n"}}, Completed("u")),
        ({"video": {"url": 5}}, CompletedWithoutUrl()),
        ({"status": "ready"}, CompletedWithoutUrl()),
        ({}, CompletedWithoutUrl()),
        ({"status": "Succeeded"}, CompletedWithoutUrl()),
        ({"status": "succeeded", "video": {"url": "u"}}, Completed("u")),
        ({"status": "queued"}, Pending()),
        ({"status": "generating", "video": {"url": "u"}}, Completed("u")),
        ({"status": "waiting"}, Pending()),
        ({"status": "brand new"}, Pending()),
        ({"status": None}, Pending()),
        ({"status": {"odd": 1}}, Pending()),
        (
            {"status": "error", "error": {"name": "N", "message": "M"}},
            Failed("N", "M"),
        ),
        ({"status": "error", "error": "went wrong"}, Failed("", "went wrong")),
        ({"status": "error", "error": None}, Failed("", "")),
        ({"status": "error", "error": ["odd"]}, Failed("", "")),
        ({"status": "error"}, Failed("", "")),
        ({"status": "failed"}, Failed("", "")),
        ({"status": "FAILED"}, Failed("", "")),
        ({"status": "cancelled"}, Failed("", "")),
        ({"status": "expired"}, Failed("", "")),
        ({"status": "timeout"}, Failed("", "")),
        ({"status": "Timed-Out"}, Failed("", "")),
        ({"status": "timed out"}, Failed("", "")),
        ({"status": "blocked"}, Failed("", "")),
        ({"status": "moderated"}, Failed("", "")),
        (
            {"status": "error", "error": {"name": "moderation_blocked", "message": "No."}},
            Failed("moderation_blocked", "No.", moderation=True),
        ),
        (
            {"status": "error", "error": "It may depict a realistic human."},
            Failed("", "It may depict a realistic human.", moderation=True, people=True),
        ),
    ],
)
def test_a_generation_is_read_in_each_of_its_forms(fields: dict[str, Any], status: Any) -> None:
    assert read_generation(generation(**fields)).status == status


@pytest.mark.parametrize(
    ("meta", "header", "spent"),
    [
        ({"usage": {"credits_used": 120_000}}, None, "0.06"),
        ({"usage": {"credits_used": 120_000, "usd_spent": 0.07}}, None, "0.07"),
        ({"usage": {"usd_spent": 0}}, "0.5", "0"),
        ({"usage": {"usd_spent": -1}}, None, None),
        ({"usage": {"usd_spent": 1e300}}, None, None),
        ({"usage": {"usd_spent": "much"}}, None, None),
        ({"usage": None}, None, None),
        (None, "0.84", "0.84"),
        (None, "0", None),
        (None, "NaN", None),
        (None, "1e999999999", None),
        (None, "", None),
        ("odd", None, None),
    ],
)
def test_what_it_cost_is_read_where_it_is_said(
    meta: Any, header: str | None, spent: str | None
) -> None:
    remote = read_generation(generation(meta=meta), spent=header)
    assert remote.spent == (None if spent is None else Decimal(spent))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"id"',
        b"{}",
        b'{"id": ""}',
        b'{"id": null}',
        b'{"id": "x',
        b"[" * 9999,
    ],
)
def test_a_submission_answered_without_an_id_is_not_read(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_generation(body)


def test_an_id_may_be_a_number_and_is_kept_as_text() -> None:
    assert read_generation(b'{"id": 234954179076239, "status": "queued"}').id == "234954179076239"


def test_a_reply_to_a_question_keeps_the_id_that_was_asked_about() -> None:
    assert read_generation(b'{"status": "queued"}', provider_id="mine").id == "mine"
    with pytest.raises(ValueError, match="not about a generation"):
        read_generation(b'{"message": "hello"}', provider_id="mine")


@given(JSON)
def test_reading_any_json_gives_a_generation_or_a_value_error(body: Any) -> None:
    for provider_id in (None, "mine"):
        try:
            read_generation(json.dumps(body).encode(), provider_id=provider_id)
        except ValueError:
            continue


def test_an_odd_row_does_not_spoil_a_page_of_the_log() -> None:
    rows = [
        {"client_request_id": "mine"},
        {"client_request_id": None, "inference_id": "i-1", "status": "failed"},
        "odd",
        {"client_request_id": "mine", "inference_id": "i-2", "status": "succeeded"},
        {"client_request_id": "waits", "inference_id": 3, "status": None},
        {"client_request_id": "late", "inference_id": "i-4", "status": "Timed out"},
    ]
    page = LogPage.model_validate_json(json.dumps({"data": rows}))

    assert page.submissions() == {
        "mine": LogEntry("i-2", failed=False),
        "waits": LogEntry("3", failed=False),
        "late": LogEntry("i-4", failed=True),
    }
