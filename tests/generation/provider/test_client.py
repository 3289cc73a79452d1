"""The provider's client over HTTP, against the provider as it is played on this machine."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import itertools
import json
import logging
import re
import zlib
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from PIL import Image
from pydantic import SecretStr

from generation.models.offer import Offer
from generation.provider import client
from generation.provider.client import AimlApi, ProviderTimeouts
from generation.provider.connections import Connections
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
from generation.provider.protocol import Completed, Failed, LogEntry, Pending, RemoteGeneration
from sandbox.aimlapi import AimlApiSandbox, Fault, Render
from tests.generation.models.known import mode_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from generation.models.offer import Kind, Mode

KEY = "sk-test-0123456789"
OFFER = Offer.load()
SORA = mode_of("openai/sora-2-t2v")
BODY = SORA.body("a cat", seconds=4, aspect_ratio="16:9", resolution="720p")


@pytest.fixture
async def provider() -> AsyncIterator[AimlApiSandbox]:
    async with AimlApiSandbox(key=KEY, render_seconds=0.0) as sandbox:
        yield sandbox


@pytest.fixture
async def http() -> AsyncIterator[Connections]:
    async with Connections() as connections:
        yield connections


@pytest.fixture
def api(provider: AimlApiSandbox, http: Connections) -> AimlApi:
    return AimlApi(http, url=provider.url, key=SecretStr(KEY))


def picture(mode: Mode, resolution: str | None, shape: str | None) -> str:
    """A picture of the size the model asks for."""
    file = io.BytesIO()
    Image.new("RGB", mode.frame(resolution, shape, (640, 480)), "teal").save(file, "JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


@asynccontextmanager
async def answering(
    raw: bytes, *, then_hang: bool = False
) -> AsyncIterator[tuple[str, asyncio.Queue[bytes]]]:
    """A server that gives every request the same bytes; yields its URL and what it heard."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heard.put_nowait(await reader.readuntil(b"\r\n\r\n"))
            writer.write(raw)
            await writer.drain()
            if then_hang:
                await over.wait()
        except ConnectionError:
            pass  # the client may leave
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard
    finally:
        over.set()
        server.close()


def reply(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """An answer as it goes over the wire."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def find(api: AimlApi, request_id: str, *, since: datetime) -> LogEntry | None:
    """Search the hour after a submission for it."""
    return (await api.log(since=since, until=since + timedelta(hours=1))).get(request_id)


async def raised(api: AimlApi) -> tuple[ProviderError, ProviderError]:
    """What a submission and a question raise."""
    with pytest.raises(ProviderError) as submitted:
        await api.submit(BODY, request_id="r-1")
    with pytest.raises(ProviderError) as asked:
        await api.poll("g-1")
    return submitted.value, asked.value


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        pytest.param(kind, mode, id=f"{family.name}-{kind}")
        for family in OFFER
        for kind, mode in family.modes.items()
    ],
)
async def test_the_provider_takes_every_video_on_offer(
    provider: AimlApiSandbox, api: AimlApi, kind: Kind, mode: Mode
) -> None:
    provider.balance = Decimal(10_000)
    shapes, resolutions = mode.aspect_ratios or (None,), mode.resolutions or (None,)
    # that every combination is valid is proved without the wire
    orders = [(shape, resolutions[0]) for shape in shapes]
    orders += [(shapes[0], resolution) for resolution in resolutions[1:]]
    for shape, resolution in orders:
        seconds = mode.seconds[0]
        image = picture(mode, resolution, shape) if kind == "i2v" else None
        body = mode.body(
            "a cat", seconds=seconds, aspect_ratio=shape, resolution=resolution, image=image
        )
        remote = await api.submit(body, request_id="r-1")
        assert isinstance(remote.status, Pending)

    assert len(provider.submissions) == len(orders)
    assert all(submission.accepted for submission in provider.submissions)
    assert provider.violations == []


async def finished(api: AimlApi, provider_id: str) -> RemoteGeneration:
    """Poll until it is no longer pending."""
    async with asyncio.timeout(20):
        while True:
            remote = await api.poll(provider_id)
            if not isinstance(remote.status, Pending):
                return remote


@pytest.mark.parametrize(
    "render",
    [
        Render.works(),
        Render.works(video_as="array"),
        Render.works(statuses=("generating", "queued", "brand_new", "queued")),
    ],
    ids=["object", "array", "backwards"],
)
async def test_a_video_is_asked_for_once_and_polled_until_it_is_there(
    provider: AimlApiSandbox, api: AimlApi, render: Render
) -> None:
    provider.next_render = render
    remote = await api.submit(BODY, request_id="r-1")
    done = await finished(api, remote.id)

    assert isinstance(done.status, Completed)
    assert done.status.url.startswith(provider.url)
    assert (done.id, done.spent) == (remote.id, provider.spent_usd)
    assert [submission.client_request_id for submission in provider.submissions] == ["r-1"]


async def test_the_answer_may_be_created_instead_of_ok(
    provider: AimlApiSandbox, api: AimlApi
) -> None:
    provider.submit_status = 201
    assert (await api.submit(BODY, request_id="r-1")).id == provider.submissions[0].id


async def test_an_id_with_colons_and_slashes_reaches_the_provider_whole(http: Connections) -> None:
    async with answering(reply(b'{"id": "x", "status": "queued"}')) as (url, heard):
        remote = await AimlApi(http, url=url, key=SecretStr(KEY)).poll("video_1:openai/sora 2&x=y")

    assert remote.id == "video_1:openai/sora 2&x=y"
    target = heard.get_nowait().split()[1]
    assert b"generation_id=video_1%3Aopenai%2Fsora" in target
    assert b"%26x%3Dy" in target


@pytest.mark.parametrize("error_as", ["object", "string"])
async def test_a_failure_on_the_way_is_told_from_a_refusal(
    provider: AimlApiSandbox, api: AimlApi, error_as: Any
) -> None:
    provider.next_render = Render.failed("It broke", error_as=error_as)
    broken = await finished(api, (await api.submit(BODY, request_id="r-1")).id)
    provider.next_render = Render.refused("It depicts a realistic human", error_as=error_as)
    refused = await finished(api, (await api.submit(BODY, request_id="r-2")).id)

    assert isinstance(broken.status, Failed)
    assert isinstance(refused.status, Failed)
    assert (broken.status.message, broken.status.moderation) == ("It broke", False)
    assert (refused.status.moderation, refused.status.people) == (True, True)


@pytest.mark.parametrize("shape", ["problem", "documented"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.http(400), Rejected),
        (Fault.moderation(), Rejected),
        (Fault.model_refused(), ModelGone),
        (Fault.http(401), AccountError),
        (Fault.http(403), AccountError),
        (Fault.http(404), ModelGone),
        (Fault.http(429, retry_after=3), RateLimited),
        (Fault.http(500), ServerError),
        (Fault.http(502), OutcomeUnknown),
        (Fault.http(503), NotAccepted),
        (Fault.http(504), OutcomeUnknown),
        (Fault.html(502), OutcomeUnknown),
        (Fault.html(503), OutcomeUnknown),
        (Fault.html(429), OutcomeUnknown),
        (Fault.truncated(), OutcomeUnknown),
        (Fault.half_json(), OutcomeUnknown),
        (Fault.endless(), OutcomeUnknown),
        (Fault.hung_up(), OutcomeUnknown),
        (Fault.answer_lost(), OutcomeUnknown),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
async def test_a_submission_that_goes_wrong_is_never_repeated(
    provider: AimlApiSandbox, api: AimlApi, shape: Any, fault: Fault, error: type[ProviderError]
) -> None:
    provider.error_shape = shape
    provider.faults.next("submit", fault)

    with pytest.raises(ProviderError) as caught:
        await api.submit(BODY, request_id="r-1")

    assert type(caught.value) is error
    assert provider.faults.waiting() == {}
    assert len(provider.submissions) <= 1


async def test_the_wait_the_provider_asks_for_is_handed_on(
    provider: AimlApiSandbox, api: AimlApi
) -> None:
    provider.faults.next("submit", Fault.http(429, retry_after=3))
    provider.faults.next("poll", Fault.http(503, retry_after=100_000))
    submitted, asked = await raised(api)

    assert isinstance(submitted, NotAccepted)
    assert isinstance(asked, Unavailable)
    assert (submitted.retry_after, asked.retry_after) == (3.0, 600.0)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.http(429),
        Fault.http(500),
        Fault.http(504),
        Fault.html(404),
        Fault.truncated(),
        Fault.half_json(),
        Fault.endless(),
        Fault.hung_up(),
    ],
    ids=lambda fault: fault.name,
)
async def test_a_question_without_a_usable_answer_may_be_asked_again(
    provider: AimlApiSandbox, api: AimlApi, fault: Fault
) -> None:
    remote = await api.submit(BODY, request_id="r-1")
    ask: dict[Any, Callable[[], Any]] = {
        "poll": lambda: api.poll(remote.id),
        "logs": lambda: find(api, "r-1", since=datetime.now(UTC) - timedelta(minutes=1)),
        "billing": api.balance,
    }
    # over a connection that was kept it is asked anew at once, which may go wrong as well
    times = 2 if fault.name == Fault.hung_up().name else 1
    for endpoint, question in ask.items():
        for _ in range(times):
            provider.faults.next(endpoint, fault)
        with pytest.raises(Unavailable):
            await question()
        await question()


async def test_the_wrong_content_type_is_forgiven(provider: AimlApiSandbox, api: AimlApi) -> None:
    provider.faults.next("submit", Fault.wrong_type())
    assert (await api.submit(BODY, request_id="r-1")).id == provider.submissions[0].id


QUEUED = json.dumps({"id": "g-1", "status": "queued", "note": "é"}, ensure_ascii=False)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (QUEUED.encode("utf-8-sig"), ""),
        (QUEUED.encode("utf-16"), ""),
        (QUEUED.encode("utf-32-le"), ""),
        (QUEUED.encode("latin-1"), ""),
        (gzip.compress(QUEUED.encode("utf-8-sig")), "gzip"),
        (gzip.compress(QUEUED.encode()), "X-GZip"),
        (zlib.compress(QUEUED.encode()), "deflate"),
        (QUEUED.encode(), "identity"),
    ],
    # what is packed differs each second
    ids=["a mark", "UTF-16", "UTF-32", "Latin-1", "a mark, gzip", "gzip", "deflate", "as it is"],
)
async def test_an_answer_is_read_however_it_is_written_and_packed(
    http: Connections, body: bytes, encoding: str
) -> None:
    raw = reply(body, content_type="text/html; charset=koi8-r", content_encoding=encoding)
    async with answering(raw) as (url, _):
        api = AimlApi(http, url=url, key=SecretStr(KEY))
        assert await api.submit(BODY, request_id="r-1") == RemoteGeneration("g-1", Pending())
        assert await api.poll("g-1") == RemoteGeneration("g-1", Pending())


@pytest.mark.parametrize(
    "packed",
    [
        QUEUED.encode(),
        gzip.compress(QUEUED.encode())[:-9],
        gzip.compress(b" " * client.BODY_LIMIT + QUEUED.encode()),
    ],
    ids=["not packed", "cut off", "too long"],
)
async def test_what_cannot_be_unpacked_is_no_answer(http: Connections, packed: bytes) -> None:
    async with answering(reply(packed, content_encoding="gzip")) as (url, _):
        submitted, asked = await raised(AimlApi(http, url=url, key=SecretStr(KEY)))

    assert isinstance(submitted, OutcomeUnknown)
    assert isinstance(asked, Unavailable)


@pytest.mark.parametrize(
    "raw",
    [
        reply(b"", x_inference_id="g-1"),
        reply(b"<html>welcome</html>", x_inference_id="g-1"),
        reply(b'{"status": "queued"}', "201 Created", x_inference_id="g-1"),
        reply(b'{"id": "g', x_inference_id="g-1").replace(b"length: 8", b"length: 99"),
        reply(b"not packed", x_inference_id="g-1", content_encoding="gzip"),
    ],
    ids=["empty", "page", "no id", "cut off", "not packed"],
)
async def test_a_submission_is_known_by_the_head_of_an_answer_that_names_it_nowhere_else(
    http: Connections, raw: bytes
) -> None:
    async with answering(raw) as (url, _):
        api = AimlApi(http, url=url, key=SecretStr(KEY))
        assert await api.submit(BODY, request_id="r-1") == RemoteGeneration("g-1", Pending())


async def test_a_page_of_an_error_names_no_submission(http: Connections) -> None:
    raw = reply(b"<html>gone</html>", "502 Bad Gateway", x_inference_id="g-1")
    async with answering(raw) as (url, _):
        submitted, _asked = await raised(AimlApi(http, url=url, key=SecretStr(KEY)))

    assert isinstance(submitted, OutcomeUnknown)


async def test_an_unknown_id_is_no_such_generation(api: AimlApi) -> None:
    with pytest.raises(NoSuchGeneration):
        await api.poll("nobody:knows/it")


async def test_a_withdrawn_model_is_gone(provider: AimlApiSandbox, api: AimlApi) -> None:
    provider.withdraw(SORA.model)
    with pytest.raises(ModelGone):
        await api.submit(BODY, request_id="r-1")


async def test_an_empty_account_holds_everything_back(
    provider: AimlApiSandbox, api: AimlApi
) -> None:
    provider.balance = Decimal(0)
    with pytest.raises(AccountError) as caught:
        await api.submit(BODY, request_id="r-1")

    assert caught.value.reason is AccountProblem.MONEY
    assert await api.balance() == 0


async def test_a_wrong_key_holds_everything_back(
    provider: AimlApiSandbox, http: Connections
) -> None:
    api = AimlApi(http, url=provider.url, key=SecretStr("wrong"))
    submitted, asked = await raised(api)

    for error in (submitted, asked):
        assert isinstance(error, AccountError)
        assert error.reason is AccountProblem.KEY


async def test_the_balance_is_told_in_dollars(provider: AimlApiSandbox, api: AimlApi) -> None:
    provider.balance = Decimal("12.34")
    assert await api.balance() == Decimal("12.34")
    provider.balance = Decimal("1e20")
    with pytest.raises(Unavailable):
        # more than is to be believed, and than a database holds in micro-dollars
        await api.balance()


async def test_a_submission_whose_answer_was_lost_is_found_in_the_log(
    provider: AimlApiSandbox, api: AimlApi
) -> None:
    since = datetime.now(UTC) - timedelta(seconds=60)
    provider.faults.next("submit", Fault.answer_lost())
    with pytest.raises(OutcomeUnknown):
        await api.submit(BODY, request_id="r-lost")
    found = await find(api, "r-lost", since=since)

    assert found == LogEntry(provider.submissions[0].id or "", failed=False)
    assert isinstance((await finished(api, found.id)).status, Completed)
    assert await find(api, "r-other", since=since) is None


async def test_a_submission_that_failed_is_found_as_failed(
    provider: AimlApiSandbox, api: AimlApi
) -> None:
    since = datetime.now(UTC) - timedelta(seconds=60)
    provider.next_render = Render.failed()
    remote = await api.submit(BODY, request_id="r-1")
    await finished(api, remote.id)

    assert await find(api, "r-1", since=since) == LogEntry(remote.id, failed=True)


async def test_the_log_is_read_page_by_page(api: AimlApi) -> None:
    since = datetime.now(UTC) - timedelta(seconds=60)
    first = await api.submit(BODY, request_id="r-first")
    for number in range(client.LOG_PAGE + 5):
        await api.submit(BODY, request_id=f"r-{number}")

    assert await find(api, "r-first", since=since) == LogEntry(first.id, failed=False)


async def test_a_log_without_end_is_given_up(
    http: Connections, caplog: pytest.LogCaptureFixture
) -> None:
    page = json.dumps({"data": [], "pagination": {"has_more": True}}).encode()
    async with answering(reply(page)) as (url, heard):
        api = AimlApi(http, url=url, key=SecretStr(KEY))
        assert await find(api, "r-1", since=datetime.now(UTC)) is None

    assert heard.qsize() == client.LOG_PAGES
    assert "log has over" in caplog.text


async def test_the_log_is_asked_for_the_hour_of_the_submission(http: Connections) -> None:
    async with answering(reply(b'{"data": []}')) as (url, heard):
        api = AimlApi(http, url=url, key=SecretStr(KEY))
        await find(api, "r-1", since=datetime(2026, 11, 20, 12, tzinfo=UTC))

    query = httpx.URL(heard.get_nowait().split()[1].decode()).params
    assert query["start"] == "2026-11-20T12:00:00+00:00"
    assert query["end"] == "2026-11-20T13:00:00+00:00"
    assert query["limit"] == "100"


@pytest.mark.parametrize("request_id", ["", "with space", "ü", "x" * 129, "a\n"])
async def test_a_request_id_the_provider_would_drop_is_not_sent(
    provider: AimlApiSandbox, api: AimlApi, request_id: str
) -> None:
    with pytest.raises(ValueError, match="request id"):
        await api.submit(BODY, request_id=request_id)
    assert provider.submissions == []


async def test_a_port_nobody_listens_on_surely_took_nothing(http: Connections) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    submitted, asked = await raised(
        AimlApi(http, url=f"http://127.0.0.1:{port}", key=SecretStr(KEY))
    )

    assert isinstance(submitted, NotAccepted)
    assert isinstance(asked, Unavailable)


async def test_an_answer_that_never_ends_is_cut_off_in_time(http: Connections) -> None:
    times = ProviderTimeouts(submit_total=0.2, ask_total=0.2)
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n{", then_hang=True) as (url, _):
        submitted, asked = await raised(AimlApi(http, url=url, key=SecretStr(KEY), times=times))

    assert isinstance(submitted, OutcomeUnknown)
    assert isinstance(asked, Unavailable)


async def test_a_redirect_is_not_followed(provider: AimlApiSandbox, http: Connections) -> None:
    async with answering(reply(b"", "307 Temporary Redirect", location=provider.url)) as (url, _):
        submitted, asked = await raised(AimlApi(http, url=url, key=SecretStr(KEY)))

    assert isinstance(submitted, OutcomeUnknown)
    assert isinstance(asked, Unavailable)
    assert provider.submissions == []


async def test_neither_key_nor_picture_is_logged_or_repeated(
    http: Connections, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    words = f"Key {KEY} may not send data:image/jpeg;base64,SECRETPIXELS"
    body = json.dumps({"requestId": "r", "message": words}).encode()
    async with answering(reply(body, "400 Bad Request")) as (url, _):
        submitted, asked = await raised(AimlApi(http, url=url, key=SecretStr(KEY)))

    for said in (str(submitted), str(asked)):
        assert said == "400 Key [key] may not send data:…"
    ours = "".join(r.getMessage() for r in caplog.records if r.name.startswith("generation"))
    assert KEY not in ours
    assert "SECRETPIXELS" not in caplog.text


async def test_a_cancelled_submission_stays_cancelled(http: Connections) -> None:
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n{", then_hang=True) as (url, heard):
        api = AimlApi(http, url=url, key=SecretStr(KEY))
        task = asyncio.create_task(api.submit(BODY, request_id="r-1"))
        await asyncio.wait_for(heard.get(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def every_httpx_error() -> list[type[Exception]]:
    """All exceptions httpx defines."""
    found = [value for value in vars(httpx).values() if isinstance(value, type)]
    return sorted((t for t in found if issubclass(t, Exception)), key=lambda t: t.__name__)


def made(kind: type[Exception]) -> Exception:
    """An error of a kind, whatever its constructor wants."""
    error = kind.__new__(kind)
    Exception.__init__(error, "no")
    return error


NEVER_SENT = {
    "ConnectError",
    "ConnectTimeout",
    "InvalidURL",
    "PoolTimeout",
    "ProxyError",
    "UnsupportedProtocol",
}


@pytest.mark.parametrize("kind", every_httpx_error(), ids=lambda kind: kind.__name__)
async def test_every_error_of_httpx_is_translated(kind: type[Exception]) -> None:
    class Failing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
            raise made(kind)

    submitted, asked = await raised(
        AimlApi(Failing(), url="https://provider.example", key=SecretStr(KEY))
    )

    assert type(submitted) is (NotAccepted if kind.__name__ in NEVER_SENT else OutcomeUnknown)
    assert type(asked) is Unavailable


def test_httpx_has_the_errors_the_table_was_made_for() -> None:
    assert {kind.__name__ for kind in every_httpx_error()} >= NEVER_SENT
    assert len(every_httpx_error()) > len(NEVER_SENT)


async def test_a_paid_request_never_leaves_on_a_connection_that_was_kept() -> None:
    connections: list[tuple[str, int]] = []
    opened = itertools.count(1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = next(opened)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if length := re.search(rb"(?i)content-length: (\d+)", head):
                    await reader.readexactly(int(length[1]))
                connections.append((head.split()[0].decode(), number))
                body = b'{"id": "video_1", "status": "queued"}'
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with Connections() as http, Connections(keepalive=False) as posts:
        api = AimlApi(http, url=url, key=SecretStr(KEY), posts=posts)
        for number in range(2):
            await api.poll("video_1")
            await api.submit(BODY, request_id=f"request-{number}")
    server.close()
    assert connections == [("GET", 1), ("POST", 2), ("GET", 1), ("POST", 3)]
