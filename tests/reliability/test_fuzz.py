"""Anything at all into whatever reads what strangers wrote."""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from generation.orders import reading
from generation.provider.client import AimlApi
from generation.provider.errors import ProviderError
from tests.reliability.test_hostile_presses import PRESSES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from handlers.replies.keyboards import CallbackData

KEY = "a-key-0123456789"
KNOWN = ["id", "status", "video", "url", "error", "name", "message", "meta", "usage", "usd_spent",
         "credits_used", "data", "pagination", "has_more", "client_request_id", "inference_id",
         "requestId", "current_balance"]  # fmt: skip
WORDS = [
    "completed",
    "error",
    "failed",
    "queued",
    "",
    "model",
    "https://a.b/c",
    KEY,
    "NaN",
    "1e999",
]
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS)
)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KNOWN) | st.text(), inner, max_size=8)
    ),
    max_leaves=20,
)
BODIES = JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=300)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "date", "x-aimlapi-usd-spent", "content-type"]),
    st.text(string.printable.strip(), max_size=40),
)
ANSWERS = st.builds(
    httpx.Response,
    st.sampled_from(
        [200, 201, 202, 204, 302, 400, 401, 402, 403, 404, 409, 413, 429, 500, 502, 503]
    ),
    content=BODIES,
    headers=HEADERS,
)

CALLS: dict[str, Callable[[AimlApi], Awaitable[Any]]] = {
    "submit": lambda api: api.submit({"model": "m", "prompt": "p"}, request_id="request-1"),
    "poll": lambda api: api.poll("job-1"),
    "balance": lambda api: api.balance(),
}


@pytest.mark.parametrize("call", CALLS)
@given(answer=ANSWERS)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_whatever_the_provider_answers_only_its_own_errors_are_raised(
    call: str, answer: httpx.Response
) -> None:
    http = httpx.MockTransport(lambda _: answer)
    api = AimlApi(http, url="https://provider.test", key=SecretStr(KEY))
    said = ""
    try:
        await CALLS[call](api)
    except ProviderError as error:
        said = str(error)
    assert KEY not in said


@given(text=st.text() | st.text(alphabet=" -—–=:,'\"pros1024x:seconds", max_size=80))
@settings(max_examples=1000, deadline=None)
def test_any_text_is_read_as_a_prompt_with_options(text: str) -> None:
    read = reading.read(text)
    assert len(read.prompt) <= len(text)
    assert "\0" not in read.prompt


@pytest.mark.parametrize("kind", PRESSES, ids=lambda kind: kind.prefix)
@given(data=st.text(max_size=80) | st.text(alphabet=":0123456789-+ _x٣", max_size=40))
def test_any_callback_data_is_read_exactly_or_not_at_all(
    kind: type[CallbackData], data: str
) -> None:
    for given_data in (data, f"{kind.prefix}:{data}", f"{kind.prefix}{data}"):
        press = kind.decode(given_data)
        assert press is None or press.encode() == given_data
