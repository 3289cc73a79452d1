"""Settings by their values: the defaults, what is read, and what is refused in which words."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.settings.definition import Endpoint, Settings
from bot.settings.sources import WrongSettings, read_secrets, read_settings
from tests.bot.environment import KEY, NOWHERE, REQUIRED, TOKEN, problem, problems, read


def all_problems(environ: dict[str, str]) -> list[str]:
    try:
        read_settings(environ, NOWHERE)
    except WrongSettings as wrong:
        return wrong.problems
    return []


def test_a_token_and_a_key_are_enough() -> None:
    settings = read()
    assert settings.telegram_bot_token.get_secret_value() == TOKEN
    assert settings.aimlapi_key.get_secret_value() == KEY


def test_the_defaults_are_the_promised_ones() -> None:
    assert read().model_dump(exclude={"telegram_bot_token", "aimlapi_key"}) == {
        "telegram_api_url": "https://api.telegram.org",
        "telegram_api_local": False,
        "aimlapi_url": "https://api.aimlapi.com",
        "data_dir": Path("data"),
        "admin_ids": frozenset(),
        "allowed_ids": frozenset(),
        "credit_usd": Decimal("0.10"),
        "free_credits": 54,
        "quota_period": "day",
        "timezone": ZoneInfo("UTC"),
        "budget_usd": Decimal(10),
        "budget_period": "day",
        "max_pending_per_user": 3,
        "provider_slots": 50,
        "models": (
            "sora-2",
            "sora-2-pro",
            "veo-3.1-fast",
            "veo-3.1",
            "kling-3",
            "seedance-2-fast",
        ),
        "undo_seconds": 3,
        "confirm_credits": 30,
        "poll_interval_seconds": None,
        "generation_timeout_seconds": 1800,
        "unknown_grace_seconds": None,
        "webhook_url": None,
        "webhook_secret": None,
        "webhook_port": None,
        "metrics_port": None,
        "stars_per_credit": 0,
        "star_usd": Decimal("0.009"),
        "retention_days": None,
        "support_contact": None,
        "terms_url": None,
        "privacy_url": None,
        "ai_label": False,
        "log_level": "INFO",
        "log_format": "text",
    }


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("TELEGRAM_API_URL", "http://127.0.0.1:8081/", "http://127.0.0.1:8081"),
        ("TELEGRAM_API_LOCAL", "true", True),
        ("DATA_DIR", "/var/lib/bot", Path("/var/lib/bot")),
        ("ADMIN_IDS", " 11, 22,,11 ", frozenset({11, 22})),
        ("ADMIN_IDS", "11", frozenset({11})),
        ("ALLOWED_IDS", "11,-1001234567890", frozenset({11, -1001234567890})),
        ("CREDIT_USD", "0.05", Decimal("0.05")),
        ("FREE_CREDITS", "0", 0),
        ("QUOTA_PERIOD", "lifetime", "lifetime"),
        ("TIMEZONE", "Europe/Berlin", ZoneInfo("Europe/Berlin")),
        ("BUDGET_USD", "none", None),
        ("BUDGET_USD", "NONE", None),
        ("BUDGET_USD", "0", Decimal(0)),
        ("BUDGET_USD", "12.50", Decimal("12.50")),
        ("BUDGET_PERIOD", "month", "month"),
        ("MODELS", "veo-3.1, sora-2, veo-3.1", ("veo-3.1", "sora-2")),
        ("POLL_INTERVAL_SECONDS", "2.5", 2.5),
        ("METRICS_PORT", "9100", Endpoint("", 9100)),
        ("METRICS_PORT", "127.0.0.1:9100", Endpoint("127.0.0.1", 9100)),
        ("WEBHOOK_PORT", "[::1]:8080", Endpoint("::1", 8080)),
        ("STAR_USD", "0.013", Decimal("0.013")),
        ("TERMS_URL", "https://example.com/terms", "https://example.com/terms"),
        ("SUPPORT_CONTACT", " @owner ", "@owner"),
        ("SUPPORT_CONTACT", "  ", None),
        ("RETENTION_DAYS", "30", 30),
        ("PRIVACY_URL", "https://example.com/privacy", "https://example.com/privacy"),
        ("AI_LABEL", " true ", True),
        ("TIMEZONE", "Europe/Berlin ", ZoneInfo("Europe/Berlin")),
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("LOG_FORMAT", "json", "json"),
    ],
)
def test_a_value_is_read(name: str, text: str, value: object) -> None:
    assert getattr(read(**{name: text}), name.lower()) == value


def test_without_settings_each_missing_one_has_its_line() -> None:
    assert problems({}) == [
        "TELEGRAM_BOT_TOKEN is missing: get one from @BotFather",
        "AIMLAPI_KEY is missing: make one, with a spending limit, in your account at aimlapi.com",
    ]


@pytest.mark.parametrize(
    ("name", "text", "must"),
    [
        ("CREDIT_USD", "0", "must be more than 0"),
        ("CREDIT_USD", "ten cents", "must be a number"),
        ("CREDIT_USD", "inf", "must be a number"),
        ("DATA_DIR", "a\x00b", "holds signs that nobody sees"),
        (
            "TELEGRAM_BOT_TOKEN",
            f"١٢٣٤٥٦:{'a' * 35}",
            "does not look like a bot token: copy it again from @BotFather",
        ),
        ("FREE_CREDITS", "-1", "must be 0 or more"),
        ("FREE_CREDITS", "2.5", "must be a whole number"),
        ("FREE_CREDITS", "9" * 5000, "must be a whole number"),
        ("MAX_PENDING_PER_USER", "0", "must be 1 or more"),
        ("PROVIDER_SLOTS", "many", "must be a whole number"),
        ("RETENTION_DAYS", "0", "must be 1 or more"),
        ("UNDO_SECONDS", "-1", "must be 0 or more"),
        ("UNDO_SECONDS", "61", "must be 60 or less"),
        ("UNDO_SECONDS", "2.5", "must be a whole number"),
        ("BUDGET_USD", "-1", "must be 0 or more"),
        *(
            (name, wrong, "must be a port from 1 to 65535, or such as 127.0.0.1:9100")
            for name in ("WEBHOOK_PORT", "METRICS_PORT")
            for wrong in ("0", "65536", "http", "-1", "here:9100", "127.0.0.1:", "9100:127.0.0.1")
        ),
        ("WEBHOOK_URL", "bot.example.com", "must be an address such as https://api.example.com"),
        ("WEBHOOK_SECRET", "two words", "must be 1 to 256 letters, digits, - and _"),
        ("WEBHOOK_SECRET", "a" * 257, "must be 1 to 256 letters, digits, - and _"),
        ("BUDGET_USD", "unlimited", "must be a number"),
        ("QUOTA_PERIOD", "year", "must be day, week, month or lifetime"),
        ("BUDGET_PERIOD", "lifetime", "must be day, week or month"),
        ("TIMEZONE", "Mars/Olympus", "must be a time zone such as Europe/Berlin"),
        ("TIMEZONE", "../../etc/passwd", "must be a time zone such as Europe/Berlin"),
        ("ADMIN_IDS", "ann,bob", "must be a whole number"),
        ("ADMIN_IDS", "-1001234567890", "must hold ids of people, which are more than 0"),
        ("ADMIN_IDS", "1087968824", "must not hold 1087968824: many people share that id"),
        ("ALLOWED_IDS", "777000", "must not hold 777000: many people share that id"),
        ("MODELS", ",", "must name at least one model; `python -m bot models` lists them"),
        (
            "MODELS",
            "sora-3",
            (
                "names a model that does not exist (did you mean sora-2?); "
                "`python -m bot models` lists them"
            ),
        ),
        ("POLL_INTERVAL_SECONDS", "0", "must be more than 0"),
        ("POLL_INTERVAL_SECONDS", "nan", "must be a number"),
        ("GENERATION_TIMEOUT_SECONDS", "inf", "must be a number"),
        ("UNKNOWN_GRACE_SECONDS", "-5", "must be more than 0"),
        (
            "CREDIT_USD",
            "1e-30",
            "is wrong: Decimal input should have no more than 6 decimal places",
        ),
        ("CREDIT_USD", "1e400", "must be 1,000,000 or less"),
        ("BUDGET_USD", "1e400", "must be 1,000,000 or less"),
        ("FREE_CREDITS", "9" * 30, "must be 1,000,000 or less"),
        ("PROVIDER_SLOTS", "9" * 20, "must be 1,000,000 or less"),
        ("POLL_INTERVAL_SECONDS", "1e300", "must be 2,592,000 or less"),
        ("ADMIN_IDS", "9" * 30, "must hold ids as Telegram gives them"),
        ("ALLOWED_IDS", "-" + "9" * 30, "must hold ids as Telegram gives them"),
        (
            "AIMLAPI_URL",
            "https://exa mple.com",
            "must be an address such as https://api.example.com",
        ),
        (
            "TELEGRAM_API_URL",
            "https://x..org",
            "must be an address such as https://api.example.com",
        ),
        ("STARS_PER_CREDIT", "-1", "must be 0 or more"),
        ("STARS_PER_CREDIT", "1.5", "must be a whole number"),
        ("STARS_PER_CREDIT", "10001", "must be 10,000 or less"),
        ("STAR_USD", "0", "must be more than 0"),
        ("TERMS_URL", "our terms", "must be an address such as https://api.example.com"),
        ("AI_LABEL", "perhaps", "must be true or false"),
        ("LOG_LEVEL", "loud", "must be DEBUG, INFO, WARNING or ERROR"),
        ("LOG_FORMAT", "xml", "must be text or json"),
        ("AIMLAPI_URL", "api.aimlapi.com", "must be an address such as https://api.example.com"),
        ("AIMLAPI_URL", "https://", "must be an address such as https://api.example.com"),
        ("AIMLAPI_URL", "https://[::1", "must be an address such as https://api.example.com"),
        ("AIMLAPI_URL", "https://a\0b.com", "must be an address such as https://api.example.com"),
        ("TELEGRAM_API_URL", "ftp://x.org", "must be an address such as https://api.example.com"),
        ("AIMLAPI_KEY", "two words", "holds characters a key cannot have: copy it again"),
    ],
)
def test_a_wrong_value_is_refused_in_words(name: str, text: str, must: str) -> None:
    assert problem(**{name: text}) == f"{name} {must}"


@pytest.mark.parametrize(
    "token",
    [
        "1234567",
        f"{TOKEN} ".replace(":", ""),
        TOKEN.replace(":", ";"),
        "1234567:short",
        f"bot{TOKEN}",
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    assert problem(TELEGRAM_BOT_TOKEN=token) == (
        "TELEGRAM_BOT_TOKEN does not look like a bot token: copy it again from @BotFather"
    )


def test_all_problems_are_told_at_once() -> None:
    told = problems({"AIMLAPI_KEY": KEY, "CREDIT_USD": "0", "TIMEZONE": "nowhere"})
    assert [line.split()[0] for line in told] == ["TELEGRAM_BOT_TOKEN", "CREDIT_USD", "TIMEZONE"]


@given(
    name=st.sampled_from(sorted(name.upper() for name in Settings.model_fields)),
    secret=st.text("ghjkqvwxyzGHJKQVWXYZ0123456789-_:", min_size=12, max_size=80),
)
def test_no_problem_repeats_the_value_it_is_about(name: str, secret: str) -> None:
    assert secret not in "".join(all_problems(REQUIRED | {name: secret}))


def test_no_secret_shows_when_settings_are_printed() -> None:
    shown = f"{read()!r} {read()}"
    assert TOKEN not in shown
    assert KEY not in shown


def test_settings_cannot_be_changed() -> None:
    settings = read()
    with pytest.raises(ValidationError, match="frozen"):
        settings.free_credits = 1


@pytest.mark.parametrize("name", ["TELEGRAM_API_URL", "AIMLAPI_URL"])
@pytest.mark.parametrize(
    "host",
    [
        "api.example.com",
        "93.184.216.34",
        "[2606:2800:220:1::1]",
        "localhost.example.com",
        "internal.example.com",
    ],
)
def test_what_leaves_this_network_goes_by_https(name: str, host: str) -> None:
    said = problem(**{name: f"http://{host}:8081"})
    assert said == f"{name} must begin with https://, for others can read what goes by http://"
    url = f"https://{host}:8081"
    assert read(**{name: url}).model_dump()[name.lower()] == url


@pytest.mark.parametrize("name", ["TELEGRAM_API_URL", "AIMLAPI_URL"])
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "[::1]", "10.0.0.7", "192.168.1.2", "172.16.0.1", "[fd00::1]",
        "100.64.0.1", "telegram-bot-api", "api.internal", "nas.local", "box.lan",
    ],
)  # fmt: skip
def test_what_stays_in_this_network_may_go_by_http(name: str, host: str) -> None:
    url = f"http://{host}:8081"
    assert read(**{name: url}).model_dump()[name.lower()] == url


@pytest.mark.parametrize(
    ("name", "url", "end"),
    [
        ("TELEGRAM_API_URL", "https://api.telegram.org/bot", "/bot"),
        ("AIMLAPI_URL", "https://api.aimlapi.com/v1/", "/v1"),
        ("AIMLAPI_URL", "https://api.aimlapi.com/v2", "/v2"),
    ],
)
def test_an_address_as_it_stands_in_examples_is_without_what_is_added_to_it(
    name: str, url: str, end: str
) -> None:
    assert problem(**{name: url}) == f"{name} must be without {end} at its end"
    elsewhere = f"https://example.com{end}/gate"
    assert read(**{name: elsewhere}).model_dump()[name.lower()] == elsewhere


def test_selling_without_a_contact_is_a_wrong_setting() -> None:
    said = problem(STARS_PER_CREDIT="10")
    assert said == "SUPPORT_CONTACT is missing: whoever sells credits must be reachable"
    assert read(STARS_PER_CREDIT="10", SUPPORT_CONTACT="@owner").stars_per_credit == 10


WEBHOOK = {
    "WEBHOOK_URL": "https://bot.example.com/new",
    "WEBHOOK_SECRET": "s-1",
    "WEBHOOK_PORT": "8080",
}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"WEBHOOK_SECRET": ""}, ["WEBHOOK_SECRET is missing: WEBHOOK_URL needs it"]),
        ({"WEBHOOK_PORT": ""}, ["WEBHOOK_PORT is missing: WEBHOOK_URL needs it"]),
        (
            {"WEBHOOK_URL": "http://bot.example.com"},
            ["WEBHOOK_URL must begin with https://, for others can read what goes by http://"],
        ),
        (
            {"WEBHOOK_URL": "http://bot:8080"},
            ["WEBHOOK_URL must begin with https:// and have one of the ports 443, 80, 88, 8443"],
        ),
        ({"WEBHOOK_URL": "http://bot:8080", "TELEGRAM_API_LOCAL": "true"}, []),
        ({"WEBHOOK_URL": "https://bot.example.com:8443"}, []),
        ({"WEBHOOK_URL": ""}, []),
        ({"METRICS_PORT": "8080"}, ["METRICS_PORT must be another than WEBHOOK_PORT"]),
        # whatever else is wrong, too
        (
            {"WEBHOOK_PORT": "", "STARS_PER_CREDIT": "1", "FREE_CREDITS": "x"},
            [
                "FREE_CREDITS must be a whole number",
                "WEBHOOK_PORT is missing: WEBHOOK_URL needs it",
                "SUPPORT_CONTACT is missing: whoever sells credits must be reachable",
            ],
        ),
    ],
)
def test_a_webhook_is_whole_or_each_thing_amiss_has_its_line(
    changed: dict[str, str], said: list[str]
) -> None:
    assert all_problems(REQUIRED | WEBHOOK | changed) == said


def test_a_webhook_s_secret_is_known_to_the_logs() -> None:
    assert "s-1" in read_secrets(REQUIRED | WEBHOOK, NOWHERE)
