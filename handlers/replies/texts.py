"""Translation, number and time formats, and texts that several replies share."""

from __future__ import annotations

import gettext
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent
from telegram import MessageEntity

from generation.orders import quotes
from generation.orders.options import Defaults

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from generation.models.offer import Offer
    from generation.orders.balances import Accepted, Balance, Pool
    from generation.orders.quotes import Quote
    from storage.generations import Generation
    from storage.outages import ContentBrake, Pause

DEFAULT = "en"
MIN_GROUPED = 1000
"""The least number that may have a group separator: 1,000."""


def N_(text: str) -> str:  # noqa: N802 - the name by which Babel finds texts to translate
    """Mark a text for extraction; it is translated later, when the language is known."""
    return text


@dataclass(frozen=True, slots=True)
class Translator:
    """The texts and formats of one language."""

    locale: Locale
    texts: gettext.NullTranslations

    def gettext(self, text: str) -> str:
        """Translate a text."""
        return self.texts.gettext(text)

    def ngettext(self, one: str, many: str, number: int, /, **values: str) -> str:
        """Translate a text in the plural form of a number, and fill in its `{count}` and values."""
        return self.texts.ngettext(one, many, number).format(count=self.number(number), **values)

    def number(self, count: float) -> str:
        """Format a number."""
        # Babel would return the same for small numbers, but load 4 MB of data per language
        if isinstance(count, int) and 0 <= count < MIN_GROUPED:
            return str(count)
        return format_decimal(count, locale=self.locale)

    def money(self, amount: Decimal) -> str:
        """Format an amount of US dollars."""
        return format_currency(amount, "USD", locale=self.locale)

    def format_time(self, at: datetime, form: str) -> str:
        """Format a time by a pattern such as "HH" or "d MMM", or a name such as "short"."""
        return format_datetime(at, form, tzinfo=at.tzinfo, locale=self.locale)

    def percent(self, part: float) -> str:
        """Format a fraction, from 0 to 1, in whole percent."""
        return format_percent(part, locale=self.locale)

    def duration(self, seconds: float) -> str:
        """Format a duration: "40 seconds", "1 minute"."""
        return format_timedelta(timedelta(seconds=seconds), threshold=0.95, locale=self.locale)

    def short_duration(self, seconds: float) -> str:
        """Format a duration with abbreviated units: "8 sec"."""
        length = timedelta(seconds=seconds)
        return format_timedelta(length, threshold=2, format="short", locale=self.locale)

    def time_until(self, seconds: float) -> str:
        """Format a time from now: "in 5 hours"."""
        return format_timedelta(
            timedelta(seconds=max(1.0, seconds)),
            add_direction=True,
            threshold=0.95,
            locale=self.locale,
        )

    def credits(self, count: int) -> str:
        """Format a number of credits: "5 credits"."""
        return self.ngettext("{count} credit", "{count} credits", count)


@dataclass(frozen=True, slots=True)
class Languages:
    """All languages with texts, DEFAULT among them: others fall back to it."""

    texts: Mapping[str, gettext.NullTranslations] = field(
        default_factory=lambda: {DEFAULT: gettext.NullTranslations()}
    )

    @property
    def names(self) -> Mapping[str, str]:
        """The name of each language in itself."""
        return {name: _locale(name).display_name or name for name in self.texts}

    def translator(self, claimed: str | None) -> Translator:
        """Return the nearest language to what a Telegram client claims, such as `pt-BR`."""
        names = {name.casefold(): name for name in self.texts}
        wanted = (claimed or DEFAULT).casefold()
        nearest = (wanted, wanted.split("-")[0], DEFAULT)
        name = next(names[folded] for folded in nearest if folded in names)
        return Translator(_locale(name), self.texts[name])


def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale.parse(DEFAULT)


ELLIPSIS = "…"
MAX_CAPTION_PROMPT = 300
"""Characters of the prompt in a caption."""


_LINK_STARTS = re.compile(r"(?<=[@#$/.])(?=\w)|(?<=:)(?=//)")
_BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that change the direction of the text after them."""
ISOLATE, END_ISOLATE = "\u2068", "\u2069"
ZERO_WIDTH_SPACE = "\u200b"
"""An invisible space, at which Telegram ends a link."""


def sanitize(text: str) -> str:
    """Return a text of others so that Telegram shows no links, mentions or commands in it.

    The bot would otherwise post them in its own name. Right-to-left text is isolated, so that it
    does not reorder the text around it, such as the id of a person to ban.
    """
    plain = _LINK_STARTS.sub(ZERO_WIDTH_SPACE, _BIDI_CONTROLS.sub("", text))
    turns = any(unicodedata.bidirectional(letter) in {"R", "AL"} for letter in plain)
    return f"{ISOLATE}{plain}{END_ISOLATE}" if turns else plain


def truncate(text: str, longest: int) -> str:
    """Truncate a text to so many characters, on one line, with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + ELLIPSIS


@lru_cache(maxsize=1)
def usual_cost(offer: Offer) -> int:
    """Return the credits of a text-to-video order with default options."""
    found = quotes.quote("usual", kind="t2v", offer=offer, defaults=Defaults())
    return found.credits if isinstance(found, quotes.Quote) else 1


def cost_text(
    quote: Quote, balance: Balance, pool: Pool | None, translator: Translator
) -> tuple[str, bool]:
    """Return what a video would cost the sender, and whether they can pay it."""
    pooled = pool.available if pool else 0
    needed = translator.number(quote.credits)
    if pooled >= quote.credits:
        text = translator.gettext("Costs {cost} of the group's {left}.")
        return text.format(cost=needed, left=translator.credits(pooled)), True
    left = translator.credits(balance.total + pooled)
    if balance.total + pooled < quote.credits:
        text = translator.gettext("This one needs {cost}, you have {left}. /quota tells more.")
        return text.format(cost=needed, left=left), False
    return translator.gettext("Costs {cost} of your {left}.").format(cost=needed, left=left), True


def approximate_duration(translator: Translator, seconds: float) -> str:
    """Format an estimate, rounded to half minutes: "1½ minutes"."""
    halves = round(seconds / 30)
    if halves < 2:  # noqa: PLR2004 - below one minute, round to tens of seconds
        return translator.duration(max(10.0, round(seconds / 10) * 10.0))
    if halves % 2 == 0 or halves > 10:  # noqa: PLR2004 - beyond five minutes, round to minutes
        return translator.duration(round(halves / 2) * 60.0)
    return translator.gettext("{minutes}½ minutes").format(minutes=translator.number(halves // 2))


class Moment(NamedTuple):
    """A time mentioned in a text, which clients show as a countdown.

    Older clients show the `words`.
    """

    words: str
    at: float


def approximate_moment(translator: Translator, at: float, now: float) -> Moment:
    """Return a future moment, worded relative to `now`: "in about 2 minutes"."""
    words = translator.gettext("in about {time}").format(
        time=approximate_duration(translator, at - now)
    )
    return Moment(words, at)


def moment_entities(text: str, moments: Iterable[Moment]) -> list[MessageEntity]:
    """Return the entities of the moments in a text, which has their words in this order."""
    marks, end = list[MessageEntity](), 0
    for words, at in moments:
        if (begins := text.find(words, end)) >= 0:
            end = begins + len(words)
            marks.append(
                MessageEntity(
                    MessageEntity.DATE_TIME,
                    offset=utf16_length(text[:begins]),
                    length=utf16_length(words),
                    unix_time=datetime.fromtimestamp(at, UTC),
                    date_time_format="r",
                )
            )
    return marks


def monospace_entities(text: str) -> list[MessageEntity]:
    """Return the entity that makes a whole text monospace, so that a tap copies it."""
    return [MessageEntity(MessageEntity.CODE, offset=0, length=utf16_length(text))]


def utf16_length(text: str) -> int:
    """Return the length of a text in UTF-16 units, as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def payment_text(accepted: Accepted, translator: Translator, *, in_private: bool) -> str:
    """Return what an order costs and what is left; a person's balance is told only in private."""
    cost, pooled = accepted.generation.credits, accepted.pooled
    if pooled == cost:
        return translator.ngettext(
            "The group pays {count} credit, {left} left.",
            "The group pays {count} credits, {left} left.",
            cost, left=translator.number(accepted.pool_left),
        )  # fmt: skip
    if in_private:
        return translator.ngettext(
            "{count} credit, {left} left.", "{count} credits, {left} left.",
            cost, left=translator.number(accepted.left),
        )  # fmt: skip
    if pooled:
        return translator.gettext("{cost}, {pooled} of them from the group.").format(
            cost=translator.credits(cost), pooled=translator.number(pooled)
        )
    return translator.gettext("{cost} of your own.").format(cost=translator.credits(cost))


def videos(translator: Translator, count: int) -> str:
    """Format a number of videos: "2 videos"."""
    return translator.ngettext("{count} video", "{count} videos", count)


def credits_returned(translator: Translator, count: int) -> str:
    """Return the text that so many credits were returned."""
    return translator.ngettext("{count} credit is back.", "{count} credits are back.", count)


def cancelled_text(translator: Translator, count: int) -> str:
    """Return the text that an order was cancelled, and its credits returned."""
    return f"{translator.gettext('Cancelled.')} {credits_returned(translator, count)}"


def worth(translator: Translator, count: int, cost: int) -> str:
    """Format credits and what they buy: "20 credits, about 2 videos"."""
    if count < cost:
        return translator.credits(count)
    return translator.gettext("{credits}, about {videos}").format(
        credits=translator.credits(count), videos=videos(translator, count // cost)
    )


def substitution_note(quote: Quote, translator: Translator) -> str:
    """Return what replaces a choice that is unavailable; "" if nothing was replaced."""
    if quote.instead_of is None:
        return ""
    text = (
        translator.gettext("{was} has trouble right now. Instead: {title}, {length}, {cost}.")
        if quote.instead_of.cooling
        else translator.gettext("{was} is no longer offered. Instead: {title}, {length}, {cost}.")
    )
    return text.format(
        was=quote.instead_of.title,
        title=quote.choice.family.title,
        length=translator.duration(quote.choice.seconds),
        cost=translator.credits(quote.credits),
    )


def video_summary(translator: Translator, quote: Quote) -> str:
    """Return the options of a quote: "4 seconds · 16:9 · 720p · Sora 2"."""
    choice = quote.choice
    parts = [
        translator.duration(choice.seconds),
        quote.aspect_ratio or "",
        choice.resolution or "",
        choice.family.title,
        translator.gettext("no sound") if choice.silent else "",
    ]
    return " · ".join(part for part in parts if part)


def caption(generation: Generation, translator: Translator, *, ai_label: bool) -> str:
    """Return a video's caption: its truncated prompt, and nothing private: people forward it."""
    lines = []
    if generation.is_gift:
        lines.append(translator.gettext("This one came late, so it is free."))
    prompt = generation.prompt
    if len(prompt) > MAX_CAPTION_PROMPT:
        prompt = prompt[: MAX_CAPTION_PROMPT - 1].rstrip() + ELLIPSIS
    lines.append(sanitize(prompt))
    if ai_label:
        lines.append(translator.gettext("Made with AI"))
    return "\n".join(line for line in lines if line)


def bad_picture_text(reason: str, translator: Translator) -> str:
    """Return what is wrong with a picture, and what to send instead."""
    _ = translator.gettext
    return {
        "not_a_picture": _("That is no picture I can read. Send a JPEG, PNG, WEBP or HEIC."),
        "too_many_bytes": _("That picture is over 20 MB. Send it as a photo, it is smaller then."),
        "too_many_pixels": _("That picture is too large to open. Send it as a photo."),
        "too_small": _("That picture is too small to make a video of. Send a larger one."),
        "resting": _(
            "Your last picture was too much for me, and I still rest from it. "
            "Send this one again in a few minutes."
        ),
        "too_slow": _("That picture took too long to open. Send it as a photo."),
        "broken": _("That picture is damaged. Please send it again."),
    }[reason]


def content_brake_text(
    brake: ContentBrake, name: str | None, translator: Translator, now: float
) -> str:
    """Return when a sender may order again; in a group with their name and without the reason."""
    text = (
        translator.gettext(
            "Several of your ideas were refused because of what they would show. You "
            "can order again {when}. Nothing was charged."
        )
        if name is None
        else translator.gettext("{name}, you can order again {when}. Nothing was charged.")
    )
    return text.format(name=name, when=translator.time_until(brake.until - now))


def pause_text(pause: Pause, translator: Translator, now: float) -> str:
    """Return that the bot is paused and why, and when it accepts orders again."""
    _ = translator.gettext
    parts = [
        _("I am taking a break: {reason}.").format(reason=sanitize(pause.reason.rstrip(".")))
        if pause.reason
        else _("I am taking a break."),
        _("Please try again later.")
        if pause.ends_at is None
        else _("You can order again {when}.").format(
            when=translator.time_until(pause.ends_at - now)
        ),
        _("Nothing was charged."),
    ]
    return " ".join(parts)


def held_back_text(pause: Pause | None, translator: Translator) -> str:
    """Return why an order is held back: a pause, or a provider that accepts no orders."""
    if pause is None:
        return translator.gettext(
            "🎬 The video service is not taking orders right now. I wait for it up to 15 "
            "minutes. After that you get your credits back."
        )
    return translator.gettext(
        "🎬 I am taking a break. Your video waits, and starts by itself when I am back. If that "
        "takes over 6 hours, you get your credits back."
    )


def contact_text(translator: Translator, contact: str) -> str:
    """Return the text with the contact of the operator."""
    return translator.gettext("Questions? {contact}").format(contact=contact)
