"""The settings, with their defaults, bounds and descriptions.

They come from the environment and from `.env`; the environment wins, and an empty value counts as
not set. docs/settings.md and .env.example are generated from the fields by `make docs`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from generation.models.offer import CREDIT_USD, Offer
from storage import DAY_SECONDS, SHARED_IDS

T = TypeVar("T")

MAX_PORT = 65_535
WEBHOOK_PORTS = (443, 80, 88, 8443)
"""The ports that Telegram accepts for a webhook."""
HOST = re.compile(r"[^\s.]+(\.[^\s.]+)*\.?")
"""A host name: parts with a dot between, none of them empty."""
ID_LIMIT = 1 << 52
"""Telegram promises that its ids have at most 52 bits."""
MAX_NUMBER, MAX_SECONDS = 1_000_000, 30 * DAY_SECONDS
"""Bounds against typing errors."""


def _split(value: object) -> object:
    """Split a text such as `1, 2,3`; return other values unchanged."""
    if isinstance(value, str):
        return [part for part in (piece.strip() for piece in value.split(",")) if part]
    return value


def _none_is_no_ceiling(value: object) -> object:
    return None if isinstance(value, str) and value.strip().lower() == "none" else value


def _shaped(shape: str, problem: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        if not re.fullmatch(shape, value.get_secret_value()):
            raise ValueError(problem)
        return value

    return AfterValidator(check)


def _address(value: str) -> str:
    try:
        parts = urlsplit(value)
        named = HOST.fullmatch(parts.hostname or "")
        complete = parts.scheme in {"http", "https"} and named and parts.port != 0
    except ValueError:
        complete = False
    if not (complete and value.isprintable()) or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an address such as https://api.example.com")
    if parts.scheme == "http" and not _is_private(str(parts.hostname)):
        raise ValueError("must begin with https://, for others can read what goes by http://")
    return value.rstrip("/")


def _without_path(value: str) -> str:
    """Refuse an address that ends with a version or /bot, as examples often do."""
    if found := re.search(r"/(v[0-9]+|bot)$", value):
        raise ValueError(f"must be without {found[0]} at its end")
    return value


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(PRIVATE_DOMAINS)


PRIVATE_DOMAINS = (".local", ".internal", ".lan", ".home.arpa", ".localhost", ".svc")
"""The top-level domains of private networks; names without a dot are private, too."""


def _people(ids: frozenset[int]) -> frozenset[int]:
    if not all(identity > 0 for identity in ids):
        raise ValueError("must hold ids of people, which are more than 0")
    return ids


def _not_shared(ids: frozenset[int]) -> frozenset[int]:
    if not all(abs(identity) < ID_LIMIT for identity in ids):
        raise ValueError("must hold ids as Telegram gives them")
    for identity in sorted(ids & SHARED_IDS):
        raise ValueError(f"must not hold {identity}: many people share that id")
    return ids


def expand_home(folder: Path) -> Path:
    """Expand `~`, as a shell would. Raises ValueError."""
    if not str(folder).isprintable():
        raise ValueError("holds signs that nobody sees")
    try:
        return folder.expanduser()
    except RuntimeError:
        raise ValueError("begins with ~, and whose home that is nobody knows") from None


class Endpoint(NamedTuple):
    """A port to listen on, and the local address to bind; "" is all addresses."""

    host: str
    port: int


def _endpoint(value: object) -> object:
    """Parse `9100` or `127.0.0.1:9100`."""
    if not isinstance(value, str | int):
        return value
    host, _, port = str(value).strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        if host:
            ip_address(host)
        number = int(port) if port.isascii() and port.isdigit() else 0
    except ValueError:
        number = 0
    if not 0 < number <= MAX_PORT:
        raise ValueError(f"must be a port from 1 to {MAX_PORT}, or such as 127.0.0.1:9100")
    return Endpoint(host, number)


LISTED = "`python -m bot models` lists them"


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    known = Offer.load().names
    if not names:
        raise ValueError(f"must name at least one model; {LISTED}")
    for name in names:
        if name not in known:
            alike = get_close_matches(name, known, n=1)
            meant = f" (did you mean {alike[0]}?)" if alike else ""
            raise ValueError(f"names a model that does not exist{meant}; {LISTED}")
    return tuple(dict.fromkeys(names))


Token = Annotated[
    SecretStr,
    _shaped(
        # a bot's id and its secret, which has 35 characters today; other lengths are allowed for
        r"[0-9]{5,20}:[A-Za-z0-9_-]{30,64}",
        "does not look like a bot token: copy it again from @BotFather",
    ),
]
Key = Annotated[SecretStr, _shaped(r"[!-~]*", "holds characters a key cannot have: copy it again")]
WebhookSecret = Annotated[
    SecretStr, _shaped(r"[A-Za-z0-9_-]{1,256}", "must be 1 to 256 letters, digits, - and _")
]
Address = Annotated[str, AfterValidator(_address)]
Server = Annotated[Address, AfterValidator(_without_path)]
Folder = Annotated[Path, AfterValidator(expand_home)]
Ids = Annotated[frozenset[int], BeforeValidator(_split), AfterValidator(_not_shared)]
PersonIds = Annotated[Ids, AfterValidator(_people)]
Names = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_known)]
Ceiling = Annotated[
    Annotated[Decimal, Field(ge=0, le=MAX_NUMBER)] | None, BeforeValidator(_none_is_no_ceiling)
]
Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS, allow_inf_nan=False)]
Port = Annotated[Endpoint | None, BeforeValidator(_endpoint)]
Level = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)]


class Settings(BaseModel):
    """The operator's settings: money in US dollars, times in seconds, ids as Telegram's."""

    model_config = ConfigDict(
        frozen=True, hide_input_in_errors=True, str_strip_whitespace=True, validate_default=True
    )

    telegram_bot_token: Token = Field(description="The bot's token, from @BotFather.")
    telegram_api_url: Server = Field(
        default="https://api.telegram.org",
        description="The Bot API server; another one may run on your own machine.",
    )
    telegram_api_local: bool = Field(
        default=False,
        description="That server runs in local mode: files up to 2 GB, handed over as paths.",
    )
    aimlapi_key: Key = Field(description="The AI/ML API key; make one with a spending limit.")
    aimlapi_url: Server = Field(
        default="https://api.aimlapi.com", description="The address of the AI/ML API."
    )
    data_dir: Folder = Field(
        default=Path("data"),
        description="The folder of `bot.sqlite3`, and of videos until delivered.",
    )
    admin_ids: PersonIds = Field(
        default=frozenset(),
        description="User ids of the admins, comma-separated; once set, they count alone; "
        "empty = the first to open the one-time link printed at start.",
    )
    allowed_ids: Ids = Field(
        default=frozenset(),
        description="User and chat ids that may order, comma-separated; empty = everyone; "
        "an allowed group counts in that group only.",
    )
    credit_usd: Decimal = Field(
        default=CREDIT_USD,
        gt=0,
        le=MAX_NUMBER,
        decimal_places=6,
        description="What one credit stands for; a video costs its price divided by this, "
        "rounded up, and at least 1.",
    )
    free_credits: int = Field(
        default=54, ge=0, le=MAX_NUMBER, description="The allowance of a person per period."
    )
    quota_period: Literal["day", "week", "month", "lifetime"] = Field(
        default="day",
        description="When the allowance renews: `day`, `week`, `month`, or never: `lifetime`.",
    )
    timezone: ZoneInfo = Field(
        default=ZoneInfo("UTC"), description="Where the periods turn, such as `Europe/Berlin`."
    )
    budget_usd: Ceiling = Field(
        default=Decimal(10),
        description="Your ceiling per budget period for everything people did not pay for: "
        "allowance, pools, grants, late or lost videos; `none` = no ceiling.",
    )
    budget_period: Literal["day", "week", "month"] = Field(
        default="day", description="When the budget renews: `day`, `week` or `month`."
    )
    max_pending_per_user: int = Field(
        default=3,
        ge=1,
        le=MAX_NUMBER,
        description="Unfinished videos a person may have; one more is refused at no cost.",
    )
    provider_slots: int = Field(
        default=50,
        ge=1,
        le=MAX_NUMBER,
        description="Videos made at a time; more wait their turn, fairly.",
    )
    models: Names = Field(
        default=("sora-2", "sora-2-pro", "veo-3.1-fast", "veo-3.1", "kling-3", "seedance-2-fast"),
        description="The model families offered, best first; "
        "the first that is served is the default.",
    )
    undo_seconds: int = Field(
        default=3,
        ge=0,
        le=60,
        description="How long an order waits with *Cancel* under it that started without a tap on "
        "a price; 0 = it leaves at once.",
    )
    confirm_credits: int = Field(
        default=30,
        ge=0,
        le=MAX_NUMBER,
        description="A video that costs more asks for one tap before it starts.",
    )
    poll_interval_seconds: Seconds | None = Field(
        default=None, description="How often to ask whether a video is ready; empty = adaptive."
    )
    generation_timeout_seconds: Seconds = Field(
        default=1800, description="After this long the credits go back and asking turns slow."
    )
    unknown_grace_seconds: Seconds | None = Field(
        default=None,
        description="How long a request whose answer was lost is looked for before its credits "
        "go back; empty = twice the model's typical time, at least 120.",
    )
    webhook_url: Address | None = Field(
        default=None,
        description="Where Telegram posts updates, an `https://` address that a proxy hands on to "
        "WEBHOOK_PORT; empty = the bot asks for them.",
    )
    webhook_secret: WebhookSecret | None = Field(
        default=None,
        description="What Telegram says at WEBHOOK_URL to be known: any letters, digits, - and _.",
    )
    webhook_port: Port = Field(
        default=None,
        description="The port at which the bot itself is posted updates, by HTTP; "
        "`127.0.0.1:8080` = by this machine only.",
    )
    metrics_port: Port = Field(
        default=None,
        description="Where Prometheus finds `/metrics`, and whoever watches `/healthz`; "
        "`127.0.0.1:9100` = for this machine only; empty = nowhere.",
    )
    stars_per_credit: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="What a credit costs in Telegram Stars; more than 0 sells them by `/buy`.",
    )
    star_usd: Decimal = Field(
        default=Decimal("0.009"),
        gt=0,
        le=1,
        description="What a Star brings you, by which `doctor` warns of selling at a loss.",
    )
    retention_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="After how many days prompts are forgotten; empty = kept. Pictures people "
        "send are dropped when their video is done.",
    )
    support_contact: str | None = Field(
        default=None,
        max_length=200,
        description="Whom people may ask for help, such as `@name`; needed to sell credits.",
    )
    terms_url: Address | None = Field(
        default=None, description="The page of your terms, shown by `/terms`."
    )
    privacy_url: Address | None = Field(
        default=None, description="The address of your privacy policy, shown by /privacy."
    )
    ai_label: bool = Field(default=False, description='Adds "Made with AI" to captions.')
    log_level: Level = Field(
        default="INFO",
        description="The least that is logged: `DEBUG`, `INFO`, `WARNING` or `ERROR`.",
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="`text` for people, `json` for one object per line."
    )

    # these see only the valid fields above them, so that all problems are reported at once

    @field_validator("webhook_url")
    @classmethod
    def _check_webhook_url(cls, url: str | None, info: ValidationInfo) -> str | None:
        # only a server in local mode accepts any address
        if url is None or info.data.get("telegram_api_local", True):
            return url
        parts, ports = urlsplit(url), ", ".join(map(str, WEBHOOK_PORTS))
        if parts.scheme != "https" or (parts.port or 443) not in WEBHOOK_PORTS:
            raise ValueError(f"must begin with https:// and have one of the ports {ports}")
        return url

    @field_validator("webhook_secret", "webhook_port")
    @classmethod
    def _check_webhook(cls, value: T, info: ValidationInfo) -> T:
        if value is None and info.data.get("webhook_url") is not None:
            raise ValueError("is missing: WEBHOOK_URL needs it")
        return value

    @field_validator("metrics_port")
    @classmethod
    def _check_ports(cls, value: Endpoint | None, info: ValidationInfo) -> Endpoint | None:
        other = info.data.get("webhook_port")
        if value is not None and other is not None and value.port == other.port:
            raise ValueError("must be another than WEBHOOK_PORT")
        return value

    @field_validator("support_contact")
    @classmethod
    def _check_support_contact(cls, contact: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("stars_per_credit") and not contact:
            raise ValueError("is missing: whoever sells credits must be reachable")
        return contact
