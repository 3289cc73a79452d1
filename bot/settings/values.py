"""What a setting's text may look like: tokens, addresses, lists of ids, money and time."""

from __future__ import annotations

import re
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from generation.models.offer import Offer
from handlers.identity import SHARED_IDS

TOKEN_SHAPE = re.compile(r"\d{5,20}:[A-Za-z0-9_-]{30,64}")
"""A bot's id and its secret: 35 characters today, with room for Telegram to change its mind."""


class QuotaPeriod(StrEnum):
    """How long an allowance lasts."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    LIFETIME = "lifetime"


class BudgetPeriod(StrEnum):
    """How long the operator's ceiling lasts."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def _split(value: object) -> object:
    """Read `1, 2,3` as its parts; anything that is not text is left alone."""
    if isinstance(value, str):
        return [part for part in (piece.strip() for piece in value.split(",")) if part]
    return value


def _none_is_no_ceiling(value: object) -> object:
    return None if isinstance(value, str) and value.strip().lower() == "none" else value


def _capitals(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _token(value: SecretStr) -> SecretStr:
    if not TOKEN_SHAPE.fullmatch(value.get_secret_value()):
        raise ValueError("does not look like a bot token: copy it again from @BotFather")
    return value


def _key(value: SecretStr) -> SecretStr:
    key = value.get_secret_value()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ValueError("holds characters a key cannot have: copy it again")
    return value


def _address(value: str) -> str:
    try:
        parts = urlsplit(value)
        complete = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        complete = False
    if not complete or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an address such as https://api.example.com")
    return value.rstrip("/")


def _people(ids: frozenset[int]) -> frozenset[int]:
    if not all(identity > 0 for identity in ids):
        raise ValueError("must hold ids of people, which are more than 0")
    return ids


def _nobody_shares(ids: frozenset[int]) -> frozenset[int]:
    for identity in sorted(ids & SHARED_IDS):
        raise ValueError(f"must not hold {identity}: many people share that id")
    return ids


def at_home(folder: Path) -> Path:
    """Read `~` as a shell would: in `.env` nobody else does. Raises ValueError."""
    try:
        return folder.expanduser()
    except RuntimeError:
        raise ValueError("begins with ~, and whose home that is nobody knows") from None


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


Token = Annotated[SecretStr, AfterValidator(_token)]
Key = Annotated[SecretStr, AfterValidator(_key)]
Address = Annotated[str, AfterValidator(_address)]
Folder = Annotated[Path, AfterValidator(at_home)]
Ids = Annotated[frozenset[int], NoDecode, BeforeValidator(_split), AfterValidator(_nobody_shares)]
People = Annotated[Ids, AfterValidator(_people)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_known)]
Ceiling = Annotated[Annotated[Decimal, Field(ge=0)] | None, BeforeValidator(_none_is_no_ceiling)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Level = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_capitals)]
