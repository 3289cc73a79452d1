"""What is logged: no token, no key, no picture, wherever in a record it hides."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import time
import warnings
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot.operations.logs import MAX_TEXT_LENGTH, QUIET, Redaction, set_up_logs
from sandbox.telegram import Fault
from tests.flows.predicates import answers
from tests.handlers.shared import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.telegram import Person, PrivateChat, TelegramSandbox
    from tests.harness import Harness

ID = "123456789"
HALF = "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw8"
TOKEN = f"{ID}:{HALF}"
KEY = "0f3c2a/operator+key=="
PICTURE = "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQ" + "A" * 400
LEVELS = [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL]


@pytest.fixture
def logs() -> Iterator[Callable[..., io.StringIO]]:
    """Set up real logging into memory; everything is as before when the test ends."""
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    levels = {name: logging.getLogger(name).level for name in QUIET}
    root.handlers = []  # so that nothing of the test's own frame is closed by the set-up

    def set_up(
        level: str = "DEBUG",
        form: Literal["text", "json"] = "text",
        secrets: tuple[str, ...] = (TOKEN, HALF, KEY),
    ) -> io.StringIO:
        stream = io.StringIO()
        set_up_logs(level=level, form=form, secrets=secrets, stream=stream)
        return stream

    yield set_up
    root.level, root.handlers = before
    logging.captureWarnings(False)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def is_clean(text: str) -> bool:
    return not any(secret in text for secret in (TOKEN, HALF, KEY, quote(KEY, safe=""), "4AAQSkZJ"))


def connect(address: str) -> None:
    raise ConnectionError(f"cannot reach {address}")


def poll(address: str) -> None:
    try:
        connect(address)
    except ConnectionError as cause:
        raise RuntimeError(f"gave up on {address}") from cause


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        (f"POST https://api.telegram.org/bot{TOKEN}/sendVideo", ()),
        (f"GET https://api.telegram.org/file/bot{TOKEN}/videos/file_1.mp4", ()),
        ("POST %s", (f"https://api.telegram.org/bot{quote(TOKEN, safe='')}/getMe",)),
        ("%s:%s", (ID, HALF)),
        ("the secret half alone: %s", (HALF,)),
        ("%(token)s", ({"token": TOKEN},)),
        ("headers %r", ([(b"authorization", f"Bearer {KEY}".encode())],)),
        ("key=%s", (quote(KEY, safe=""),)),
        ("body %s", ({"image_url": PICTURE},)),
        ("too few arguments %s %s", (TOKEN,)),
        (f"no arguments wanted {TOKEN}", (KEY,)),
    ],
)
def test_no_level_and_no_child_logger_lets_a_secret_through(
    logs: Callable[..., io.StringIO],
    form: str,
    level: int,
    message: str,
    arguments: tuple[Any, ...],
) -> None:
    stream = logs(form=form)
    logging.getLogger("generation.videos.deep.down").log(level, message, *arguments)
    assert stream.getvalue(), "the line itself must be there"
    assert is_clean(stream.getvalue()), stream.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
def test_tracebacks_and_their_causes_are_cleaned(
    logs: Callable[..., io.StringIO], form: str
) -> None:
    stream = logs(form=form)
    try:
        poll(f"https://api.telegram.org/bot{TOKEN}/getUpdates?key={KEY}&p={PICTURE}")
    except RuntimeError:
        logging.getLogger("bot").exception("Polling failed", stack_info=True)
    written = stream.getvalue()
    assert (
        "ConnectionError: cannot reach https://api.telegram.org/bot[secret]/getUpdates" in written
    )
    assert "RuntimeError: gave up on" in written
    assert "Stack (most recent call last)" in written
    assert is_clean(written), written


def test_extra_fields_are_cleaned_and_keep_their_form(logs: Callable[..., io.StringIO]) -> None:
    stream = logs(form="json")
    logging.getLogger("bot").info(
        "Sent",
        extra={
            "chat": -100,
            "late": None,
            "request": {"url": f"/bot{TOKEN}/sendVideo", "parts": [PICTURE, 3], TOKEN: 1.5},
            "error": ValueError(KEY),
        },
    )
    line = json.loads(stream.getvalue())
    assert line["chat"] == -100
    assert line["request"] == {
        "url": "/bot[secret]/sendVideo",
        "parts": [f"data:image/…[{len(PICTURE) - 23} chars]", 3],
        "[secret]": 1.5,
    }
    assert line["error"] == "[secret]"


def test_names_of_loggers_are_cleaned(logs: Callable[..., io.StringIO]) -> None:
    stream = logs()
    logging.getLogger(f"bot{TOKEN}").info("hello")
    assert is_clean(stream.getvalue())


def test_warnings_go_the_same_way(logs: Callable[..., io.StringIO]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        stream = logs()
        warnings.warn(f"unclosed connection to /bot{TOKEN}/", ResourceWarning, stacklevel=1)
    assert "unclosed connection to /bot[secret]/" in stream.getvalue()


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError(TOKEN)

    __repr__ = __str__


def test_an_object_that_cannot_be_printed_breaks_nothing(
    logs: Callable[..., io.StringIO], capsys: pytest.CaptureFixture[str]
) -> None:
    stream = logs(form="json")
    logging.getLogger("bot").info("%s", Unprintable(), extra={"thing": Unprintable()})
    assert "cannot be printed" in json.loads(stream.getvalue())["thing"]
    assert is_clean(stream.getvalue() + capsys.readouterr().err)


def test_a_line_of_text_says_when_how_bad_and_who(logs: Callable[..., io.StringIO]) -> None:
    stream = logs()
    logging.getLogger("bot.updates.intake").warning("%d updates wait", 7)
    assert stream.getvalue().endswith(" WARNING bot.updates.intake: 7 updates wait\n")


def test_a_line_of_json_is_one_object(logs: Callable[..., io.StringIO]) -> None:
    stream = logs(form="json")
    logging.getLogger("bot.updates.intake").warning("two\nlines", extra={"event": "stalled"})
    (line,) = stream.getvalue().splitlines()
    read = json.loads(line)
    assert read.pop("time").endswith("+00:00")
    assert read == {
        "level": "WARNING",
        "logger": "bot.updates.intake",
        "message": "two\nlines",
        "event": "stalled",
    }


def test_the_level_is_the_least_that_is_logged(logs: Callable[..., io.StringIO]) -> None:
    stream = logs(level="ERROR")
    for name in ("bot", "httpx", "apscheduler.scheduler"):
        logging.getLogger(name).warning("not this")
    logging.getLogger("bot").error("but this")
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_libraries_that_write_addresses_and_prompts_stay_quiet(
    logs: Callable[..., io.StringIO], level: str
) -> None:
    stream = logs(level=level)
    for name in ("httpx", "httpcore.http11", "aiosqlite", "apscheduler.executors.default"):
        logging.getLogger(name).info("HTTP Request: POST …")
    logging.getLogger("apscheduler.scheduler").warning(
        'Execution of job "%s" skipped: maximum number of running instances reached (%d)', "x", 1
    )
    # of a clock that a stop cancels as it rings
    logging.getLogger("apscheduler.executors.default").error("Error running job %s", "x")
    assert not stream.getvalue()


secret_halves = st.text(
    st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"),
    min_size=30,
    max_size=60,
)
tokens = st.builds("{}:{}".format, st.integers(10**5, 10**18), secret_halves)


@given(token=tokens, before=st.text(max_size=20), after=st.text(max_size=20))
def test_any_token_is_found_in_any_surroundings(token: str, before: str, after: str) -> None:
    assert token.partition(":")[2] not in Redaction().scrub(f"{before}{token}{after}")


@given(token=tokens, data=st.data())
def test_a_token_cut_in_two_by_its_arguments_is_found(token: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(token)))
    record = logging.LogRecord("x", 20, "x", 1, "%s%s", (token[:at], token[at:]), None)
    Redaction().filter(record)
    assert record.getMessage() == "[secret]"


@given(token=tokens, kept=st.integers(1, 29))
def test_a_token_cut_short_in_an_address_is_found(token: str, kept: int) -> None:
    bot, _, half = token.partition(":")
    assert Redaction().scrub(f"https://x/bot{bot}:{half[:kept]}") == "https://x/bot[secret]"


@given(st.text())
def test_scrubbing_twice_changes_nothing_more(text: str) -> None:
    redaction = Redaction([KEY])
    once = redaction.scrub(text)
    assert redaction.scrub(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "12:30:45 in chat -1001234567890",
        "generation 7: 1280x720, 4 s",
        "http://127.0.0.1:8081/botany",
        "Bearer of good news",
        "see https://example.com/a:b@c",
        "deadbeef" * 8,
    ],
)
def test_innocent_text_is_left_alone(text: str) -> None:
    assert Redaction([KEY]).scrub(text) == text


def test_half_a_picture_is_cut_too() -> None:
    assert Redaction().scrub("…" + "Qk1" * 200 + " end") == "……[600 chars] end"


def test_a_picture_printed_as_bytes_is_cut_too() -> None:
    file = io.BytesIO()
    Image.effect_noise((200, 200), 60).save(file, "JPEG")
    shown = Redaction().scrub(f"sent {file.getvalue()!r} to the provider")
    assert len(shown) < 300, shown
    assert shown.startswith("sent b'")
    assert shown.endswith(" to the provider")


@pytest.mark.parametrize(
    ("piece", "times"),
    [
        ("1", 100_000),
        (r"\xff ", 40_000),
        (r"\n", 80_000),
        (r"\xff" * 63 + "-" * 13, 400),
        ("bot", 80_000),
        ("data:image/", 20_000),
        ("Bearer ", 20_000),
    ],
)
def test_a_text_eight_times_as_long_costs_about_eight_times_the_work(
    piece: str, times: int
) -> None:
    short, long = (processor_seconds(piece * count) for count in (times // 8, times))
    assert long < 24 * short, "64 times would be quadratic"


def processor_seconds(text: str) -> float:
    """The least work of a few tries: whatever else the machine does comes on top."""
    redaction, spent = Redaction([KEY]), []
    for _ in range(5):
        began = time.process_time()
        redaction.scrub(text)
        spent.append(time.process_time() - began)
    return min(spent)


def test_a_password_in_front_of_a_host_is_taken_out() -> None:
    said = Redaction().scrub("cannot reach socks5://ann:open-sesame@proxy.example.com:1080/")
    assert said == "cannot reach socks5://[secret]@proxy.example.com:1080/"


def test_of_a_text_without_end_a_bounded_part_is_looked_at_and_logged() -> None:
    said = Redaction([KEY]).scrub("no picture. " * MAX_TEXT_LENGTH + KEY)
    assert len(said) < MAX_TEXT_LENGTH + 30
    assert said.endswith(" chars]")


def test_a_word_too_short_for_a_secret_is_none() -> None:
    assert Redaction(["key"]).scrub("copy the key again") == "copy the key again"


def test_what_a_line_says_of_a_generation_has_its_number_as_a_field(
    logs: Callable[..., io.StringIO],
) -> None:
    stream = logs(form="json")
    logger = logging.getLogger("bot")
    logger.info("generation %d has no status: %s", 17, "generation 18")
    logger.info("told of it", extra={"generation": 19})
    logger.info("%s waits", "notice 5 (failed) about generation 20")
    logger.info("a new generation 2x comes")
    found = [json.loads(line).get("generation") for line in stream.getvalue().splitlines()]
    assert found == [17, 19, 20, None]


async def test_what_is_logged_in_a_step_of_a_generation_has_its_number_too(
    logs: Callable[..., io.StringIO],
) -> None:
    stream = logs(form="json")

    async def look_up() -> None:
        logging.getLogger("generation.provider").info("the log cannot be read")

    await asyncio.create_task(look_up(), name="generation 17")
    assert json.loads(stream.getvalue())["generation"] == 17


async def test_a_generations_life_is_followed_by_its_number(
    logs: Callable[..., io.StringIO],
    harness: Harness,
    telegram: TelegramSandbox,
    chat: PrivateChat,
    ann: Person,
) -> None:
    stream = logs(form="json", level="INFO")
    telegram.faults.next("sendVideo", Fault.error(400, "Bad Request: odd"))
    async with harness.running():
        for words in ("a train", "a boat"):
            asked = await chat.send(ann, f"/video {words}")
            await chat.wait(answers(asked.message_id))
            await settled(harness)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    life = [line for line in lines if line.get("generation") == 1]
    events = [line for line in life if "event" in line]
    assert [(one["event"], one.get("from"), one.get("to")) for one in events] == [
        ("accepted", None, None),
        ("transition", "queued", "submitting"),
        ("transition", "submitting", "generating"),
        ("transition", "generating", "ready"),
        ("transition", "ready", "delivered"),
    ]
    assert events[-1]["provider_id"], "so that the provider can be asked about it"
    assert [line["message"] for line in life if "cannot go there" in line["message"]]
    assert {line.get("generation") for line in lines if "generation" in line["message"]} == {1, 2}
