"""Answers that refuse, in both shapes that are known, and the error each raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import strategies as st

from generation.provider.errors import ProviderError
from generation.provider.protocol import Answer, expect_accepted, expect_known

OUT_OF_CREDITS = "You've run out of credits. Please top up your balance."
SORA = "openai/sora-2-t2v"
MODERATED = "Your request was blocked by our moderation system."
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def problem_json(status: int, message: str, name: str = "", **more: Any) -> bytes:
    """The error body that was seen live."""
    body = {
        "title": "Title",
        "status": status,
        "message": message,
        "instance": "/v2/video/generations",
        "requestId": "req-1",
        "timestamp": "2026-11-20T12:00:00Z",
        "error": {"name": name, "message": message},
    }
    return json.dumps(body | more).encode()


def documented(status: int, message: str, name: str = "", **more: Any) -> bytes:
    """The error body of the documentation; it has no place for a name."""
    body = {
        "message": f"{message} {name}".strip(),
        "path": "/v2/video/generations",
        "requestId": "req-1",
        "statusCode": str(status),
        "timestamp": "2026-11-20T12:00:00Z",
    }
    return json.dumps(body | more).encode()


def submitted(
    status: int, body: bytes, *, model: str = SORA, prompt: str = "a cat", **headers: str
) -> ProviderError:
    """What a submission raises."""
    answer = Answer(status, {k.replace("_", "-"): v for k, v in headers.items()}, body)
    with pytest.raises(ProviderError) as caught:
        expect_accepted(answer, model=model, prompt=prompt)
    return caught.value


def asked(status: int, body: bytes) -> ProviderError:
    """What a question about a generation raises."""
    with pytest.raises(ProviderError) as caught:
        expect_known(Answer(status, {}, body))
    return caught.value
