"""Words and numbers in a person's language; every text in a chat passes through here."""

from __future__ import annotations

import gettext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from babel import Locale, UnknownLocaleError
from babel.dates import format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

DEFAULT = "en"


@dataclass(frozen=True, slots=True)
class Translator:
    """One language: its texts, its numbers and its times."""

    locale: Locale
    texts: gettext.NullTranslations

    def gettext(self, text: str) -> str:
        """Translate a text."""
        return self.texts.gettext(text)

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Translate a text that depends on a number."""
        return self.texts.ngettext(one, many, count)

    def number(self, count: float) -> str:
        """Write a number."""
        return format_decimal(count, locale=self.locale)

    def money(self, amount: Decimal, currency: str = "USD") -> str:
        """Write an amount of money."""
        return format_currency(amount, currency, locale=self.locale)

    def share(self, part: float) -> str:
        """Write a share, from 0 to 1, in whole percent."""
        return format_percent(part, locale=self.locale)

    def lasts(self, seconds: float) -> str:
        """Write a length of time the way one says it: "40 seconds", "1 minute"."""
        return format_timedelta(timedelta(seconds=seconds), threshold=0.95, locale=self.locale)

    def until(self, seconds: float) -> str:
        """Write when something is from now: "in 5 hours"."""
        return format_timedelta(
            timedelta(seconds=max(1.0, seconds)),
            add_direction=True,
            threshold=0.95,
            locale=self.locale,
        )

    def credits(self, count: int) -> str:
        """Write a number of credits with its word."""
        text = self.ngettext("{count} credit", "{count} credits", count)
        return text.format(count=self.number(count))


def _english() -> Mapping[str, gettext.NullTranslations]:
    return {DEFAULT: gettext.NullTranslations()}


@dataclass(frozen=True, slots=True)
class Languages:
    """All languages there are texts for; whatever a client claims falls back to one of them."""

    texts: Mapping[str, gettext.NullTranslations] = field(default_factory=_english)

    def translator(self, claimed: str | None) -> Translator:
        """Return the nearest language to what a Telegram client claims, such as `pt-BR`."""
        for name in (claimed or "", (claimed or "").split("-")[0], DEFAULT):
            if name in self.texts:
                return Translator(_locale(name), self.texts[name])
        return Translator(_locale(DEFAULT), gettext.NullTranslations())


def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale.parse(DEFAULT)
