"""Every setting an operator may write, with its default, its bounds and its one sentence.

They come from the environment and from `.env`; the environment wins, and an empty value counts as
none. README's table and .env.example are made from the fields by `bot.settings_docs`.
"""

from __future__ import annotations

from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    SettingsConfigDict,
)

from bot.setting_values import (
    Address,
    BudgetPeriod,
    Ceiling,
    Folder,
    Ids,
    Key,
    Level,
    Names,
    People,
    QuotaPeriod,
    Seconds,
    Token,
    at_home,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails
    from pydantic_settings import PydanticBaseSettingsSource

ENV_FILE = Path(".env")

WHERE_TO_GET = {
    "TELEGRAM_BOT_TOKEN": "get one from @BotFather",
    "AIMLAPI_KEY": "make one, with a spending limit, in your account at aimlapi.com",
}

MISSPELT = 0.8
"""How alike two names must be, 1 being the same, for one to be taken for the other."""

OTHERS = frozenset({"telegram_api_id", "telegram_api_hash"})
"""Names close to ours that belong to a Bot API server beside the bot."""

LATER = frozenset(
    {
        "retention_days",
        "webhook_url",
        "webhook_secret",
        "webhook_port",
        "metrics_port",
        "stars_per_credit",
        "star_usd",
        "terms_url",
        "privacy_url",
    }
)
"""Settings that are promised, and not there yet."""


class WrongSettings(Exception):
    """The bot cannot start: one line per problem, each naming its variable and no secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """The operator's choices: money in US dollars, times in seconds, ids as Telegram's."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
    )

    telegram_bot_token: Token = Field(description="The bot's token, from @BotFather.")
    telegram_api_url: Address = Field(
        default="https://api.telegram.org",
        description="The Bot API server; another one may run on your own machine.",
    )
    telegram_api_local: bool = Field(
        default=False,
        description="That server runs in local mode: files up to 2 GB, handed over as paths.",
    )
    aimlapi_key: Key = Field(description="The AI/ML API key; make one with a spending limit.")
    aimlapi_url: Address = Field(
        default="https://api.aimlapi.com", description="The address of the AI/ML API."
    )
    data_dir: Folder = Field(
        default=Path("data"),
        description="The folder of `bot.sqlite3`, and of videos until delivered.",
    )
    admin_ids: People = Field(
        default=frozenset(),
        description="User ids of the admins, comma-separated; "
        "empty = the first to open the one-time link printed at start.",
    )
    allowed_ids: Ids = Field(
        default=frozenset(),
        description="User and chat ids that may order, comma-separated; empty = everyone; "
        "an allowed group counts in that group only.",
    )
    credit_usd: Decimal = Field(
        default=Decimal("0.10"),
        gt=0,
        description="What one credit stands for; a video costs its price divided by this, "
        "rounded up, and at least 1.",
    )
    free_credits: int = Field(default=54, ge=0, description="The allowance of a person per period.")
    quota_period: QuotaPeriod = Field(
        default=QuotaPeriod.DAY,
        description="When the allowance renews: `day`, `week`, `month`, or never: `lifetime`.",
    )
    timezone: ZoneInfo = Field(
        default=ZoneInfo("UTC"), description="Where the periods turn, such as `Europe/Berlin`."
    )
    budget_usd: Ceiling = Field(
        default=Decimal(10),
        description="Your ceiling per budget period for everything people did not buy; "
        "`none` = no ceiling.",
    )
    budget_period: BudgetPeriod = Field(
        default=BudgetPeriod.DAY, description="When the budget renews: `day`, `week` or `month`."
    )
    max_pending_per_user: int = Field(
        default=3,
        ge=1,
        description="Unfinished videos a person may have; one more is refused at no cost.",
    )
    provider_slots: int = Field(
        default=50, ge=1, description="Videos made at a time; more wait their turn, fairly."
    )
    models: Names = Field(
        default=(
            "sora-2",
            "sora-2-pro",
            "veo-3.1-fast",
            "veo-3.1",
            "kling-3",
            "seedance-2-fast",
        ),
        description="The model families offered, best first; "
        "the first that is served is the default.",
    )
    confirm_credits: int = Field(
        default=30, ge=0, description="A video that costs more asks for one tap before it starts."
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
    support_contact: str | None = Field(
        default=None, description="Whom people may ask for help, such as `@name`."
    )
    ai_label: bool = Field(default=False, description='Adds "Made with AI" to captions.')
    log_level: Level = Field(
        default="INFO",
        description="The least that is logged: `DEBUG`, `INFO`, `WARNING` or `ERROR`.",
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="`text` for people, `json` for one object per line."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library passes all five by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is passed and nothing else: only `read_settings` looks around."""
        return (init_settings,)


def read_settings(environ: Mapping[str, str], env_file: Path) -> Settings:
    """Read every setting; raise WrongSettings with all problems at once."""
    sources = _sources(environ, env_file)
    problems = list(_misspelt(sources))
    try:
        settings = Settings(**_values(sources))
    except ValidationError as error:
        # A list may be wrong in several places; one line says it.
        problems += dict.fromkeys(map(_in_words, error.errors(include_url=False)))
    else:
        if not problems:
            return settings
    raise WrongSettings(problems)


def set_too_early(environ: Mapping[str, str], env_file: Path) -> list[str]:
    """Return the names of the settings that are given and do nothing in this version."""
    sources = _sources(environ, env_file)
    given = {name for source in sources for name, value in source.env_vars.items() if value}
    return sorted(name.upper() for name in given & LATER)


def read_data_dir(environ: Mapping[str, str], env_file: Path) -> Path:
    """Read DATA_DIR alone, for the commands that need neither token nor key."""
    try:
        return at_home(Path(_read_one(environ, env_file, "data_dir")))
    except ValueError as error:
        raise WrongSettings([f"DATA_DIR {error}"]) from None


def read_aimlapi_url(environ: Mapping[str, str], env_file: Path) -> str:
    """Read AIMLAPI_URL alone, for asking what everybody may know."""
    return _read_one(environ, env_file, "aimlapi_url")


def _read_one(environ: Mapping[str, str], env_file: Path, name: str) -> str:
    given = str(_values(_sources(environ, env_file)).get(name, "")).strip()
    return given or str(Settings.model_fields[name].default)


def _sources(environ: Mapping[str, str], env_file: Path) -> tuple[EnvSettingsSource, ...]:
    """Return what was written, the weaker source first."""
    try:
        from_file = DotEnvSettingsSource(
            Settings,
            env_file=env_file,
            env_file_encoding="utf-8-sig",  # Windows' editor puts a mark in front
            dotenv_filtering="only_existing",
        )
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise WrongSettings([f"{env_file} cannot be read: {reason}"]) from None
    from_environment = EnvSettingsSource(Settings)
    from_environment.env_vars = {name.lower(): value for name, value in environ.items() if value}
    return from_file, from_environment


def _values(sources: tuple[EnvSettingsSource, ...]) -> dict[str, Any]:
    return {name: value for source in sources for name, value in source().items()}


def _misspelt(sources: tuple[EnvSettingsSource, ...]) -> Iterator[str]:
    """Point at names that are almost a setting's, unless that setting is given as well."""
    given = {name for source in sources for name in source.env_vars}
    known = Settings.model_fields.keys()
    for name in sorted(given - known - OTHERS):
        for likely in get_close_matches(name, known - given, n=1, cutoff=MISSPELT):
            yield f"{name.upper()} is not a setting; did you mean {likely.upper()}?"


def _in_words(detail: ErrorDetails) -> str:
    """Say what is wrong with one setting. The value is left out: it may be a secret."""
    name = str(detail["loc"][0]).upper()
    limits = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return f"{name} is missing: {WHERE_TO_GET[name]}"
        case "greater_than":
            must = f"must be more than {limits['gt']:g}"
        case "greater_than_equal":
            must = f"must be {limits['ge']:g} or more"
        case "int_parsing" | "int_parsing_size" | "int_from_float":
            must = "must be a whole number"
        case "decimal_parsing" | "float_parsing" | "finite_number":
            must = "must be a number"
        case "bool_parsing":
            must = "must be true or false"
        case "enum" | "literal_error":
            must = f"must be {limits['expected'].replace(chr(39), '')}"
        case "zoneinfo_str":
            must = "must be a time zone such as Europe/Berlin"
        case "value_error":
            must = str(limits["error"])
        case _:
            must = f"is wrong: {detail['msg']}"
    return f"{name} {must}"
