"""/stats: the number, outcome and cost of requests, as a chart and a few lines of text."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from math import ceil
from typing import TYPE_CHECKING

from generation.media.formats import MediaError
from generation.models import pricing
from generation.orders import balances
from handlers.presses import pressed_message
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.texts import N_, sanitize, truncate
from handlers.routing import Router
from storage import HOUR_SECONDS, chats, ledger, people, statistics
from storage.generations import Reason, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from telegram import CallbackQuery

    from generation.models.offer import Offer
    from generation.orders.balances import Terms
    from handlers.context import Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender
    from storage.database import Connection
    from storage.statistics import Asked

router = Router()

PERIODS = {1: N_("Today"), 7: N_("7 days"), 30: N_("30 days")}
MAX_NAMED = 3
"""People, groups and causes that are named: a caption is short."""
MAX_NAME_LENGTH = 20
MEDIAN, P95 = 0.5, 0.95
GREEN, RED, BLUE, YELLOW = range(4)
"""Indices of the colours of a chart."""

CAUSES = {
    Reason.CONTENT_REFUSED: N_("not allowed by the filter"),
    Reason.PEOPLE_REFUSED: N_("people in the photo"),
    Reason.REQUEST_REFUSED: N_("refused by the provider"),
    Reason.PROVIDER_FAILED: N_("broke at the provider"),
    Reason.PROVIDER_CLOSED: N_("provider closed"),
    Reason.MODEL_GONE: N_("model gone"),
    Reason.PICTURE_LOST: N_("photo gone"),
    Reason.PICTURE_UNUSABLE: N_("photo cannot be used"),
    Reason.WAITED_TOO_LONG: N_("waited too long"),
    Reason.BOT_WAS_AWAY: N_("the bot was away"),
    Reason.CANCELLED: N_("cancelled"),
    Reason.BANNED: N_("banned"),
    Reason.NEVER_FINISHED: N_("never came"),
    Reason.VIDEO_LOST: N_("video lost"),
}
OTHER_CAUSE = N_("something else")

logger = logging.getLogger(__name__)


class ShowFigures(CallbackData, prefix="figures"):
    """Show the figures of a number of days, today included."""

    days: int


@dataclass(slots=True)
class _Interval:
    """Figures of an hour or a day."""

    states: Counter[State] = field(default_factory=Counter)
    charged: int = 0
    took: Counter[int] = field(default_factory=Counter)
    """Number of videos by the seconds from order to delivery."""

    @property
    def delivered(self) -> int:
        return self.states[State.DELIVERED]

    @property
    def failed(self) -> int:
        return self.states[State.FAILED] + self.states[State.CANCELLED]

    @property
    def in_work(self) -> int:
        return self.states.total() - self.delivered - self.failed


class Figures(_Interval):
    """Figures of all intervals together, and of each; `begins` are their starts."""

    def __init__(self, begins: Sequence[float]) -> None:
        super().__init__()
        self._begins = begins
        self.intervals = [_Interval() for _ in begins]
        self.causes = Counter[Reason]()
        self.people = Counter[int]()
        self.chats = Counter[int]()
        self.seconds = self.credits = self.spent = self.told = 0

    def add(self, one: Asked) -> None:
        """Count a request."""
        interval = self.intervals[max(0, bisect_right(self._begins, one.at) - 1)]
        for sums in (interval, self):
            sums.states[one.state] += 1
            sums.charged += one.charged
            if one.took is not None:
                sums.took[round(one.took)] += 1
        if one.state in {State.FAILED, State.CANCELLED}:
            self.causes[one.reason] += 1
        if one.account.is_person:
            self.people[one.account.id] += 1
        self.chats[one.chat] += 1
        if one.took is not None:
            self.seconds += one.seconds
        self.credits += one.credits
        if one.spent is not None and one.charged:
            self.spent += one.spent
            self.told += 1


def quantile(counts: Counter[int], part: float) -> int | None:
    """Return the smallest value that a `part` of the counts does not exceed; None if empty."""
    left = ceil(part * counts.total())
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0:
            return value
    return None


def interval_starts(days: int, zone: ZoneInfo, now: float) -> list[datetime]:
    """Return the start of each hour of today if `days` is 1, else of each of the last days."""
    today = datetime.fromtimestamp(now, zone).date()
    midnights = [
        datetime.combine(today - timedelta(days=back), time.min, zone)
        for back in range(days - 1, -2, -1)
    ]
    if days > 1:
        return midnights[:-1]
    begins, ends = (one.timestamp() for one in midnights)
    hours = round((ends - begins) / HOUR_SECONDS)
    return [datetime.fromtimestamp(begins + hour * HOUR_SECONDS, zone) for hour in range(hours)]


def chart_of(
    figures: Figures, days: int, begins: Sequence[datetime], translator: Translator
) -> dict[str, object]:
    """Return the figures in the form that `picture_jobs.draw_chart` takes."""
    _, intervals = translator.gettext, figures.intervals
    form = {1: "HH", 7: "EEE"}.get(days, "d MMM")

    def minutes(part: float) -> list[float | None]:
        found = (quantile(one.took, part) for one in intervals)
        return [None if took is None else took / 60 for took in found]

    return {
        "title": _(PERIODS[days]),
        "labels": [translator.format_time(begin, form) for begin in begins],
        "nothing": _("Nothing yet"),
        "panels": [
            {
                "title": _("Videos"),
                "bars": True,
                "whole": True,
                "series": [
                    (_("delivered"), [one.delivered for one in intervals]),
                    (_("failed"), [one.failed for one in intervals]),
                    (_("in work"), [one.in_work for one in intervals]),
                ],
                "colours": [GREEN, RED, BLUE],
            },
            {
                "title": _("US dollars"),
                "bars": True,
                "whole": False,
                "series": [("", [float(pricing.from_micros(one.charged)) for one in intervals])],
                "colours": [YELLOW],
            },
            {
                "title": _("Minutes from order to chat"),
                "bars": False,
                "whole": False,
                "least": 1.0,
                "series": [
                    (_("half of them"), minutes(MEDIAN)), (_("95 of 100"), minutes(P95)),
                ],
                "colours": [BLUE, YELLOW],
            },
        ],
    }  # fmt: skip


@router.command("stats")
@router.button(ShowFigures, admins=True)
async def stats(
    sender: Sender,
    services: Services,
    press: ShowFigures | None = None,
    shown: int | None = None,
    query: CallbackQuery | None = None,
) -> None:
    """Show an admin the figures of today, or of another period in the same message."""
    await sender.answer()
    message = pressed_message(query)
    if message is None or not message.photo:
        shown = None
    days = press.days if press and press.days in PERIODS else 1
    now, translator = services.clock(), sender.translator
    begins = interval_starts(days, services.terms.zone, now)
    figures = Figures([begin.timestamp() for begin in begins])
    async for page in statistics.asked(services.db, since=begins[0].timestamp()):
        for one in page:
            figures.add(one)
    text = await _text(services, figures, days, now, translator)
    try:
        picture = await services.pictures.chart(chart_of(figures, days, begins, translator))
    except MediaError as error:
        logger.warning("cannot draw the chart of /stats: %s", error)
        picture = None
    buttons = [
        Button(translator.gettext(name), ShowFigures(other))
        for other, name in PERIODS.items()
        if other != days
    ]
    await sender.show(text, [buttons], shown, picture)


async def _text(
    services: Services, figures: Figures, days: int, now: float, translator: Translator
) -> str:
    """Return the figures as text, short enough for the caption of a picture."""
    _ = translator.gettext
    of_all = await statistics.collect(services.db)
    async with services.db.reading(in_thread=True) as connection:
        owed = await ledger.owed(connection)
        left = await balances.budget_left(connection, services.terms, now)
        who = await _busiest(connection, figures, translator)
    lines = [
        f"📊 {_(PERIODS[days])}",
        *_count_lines(figures, translator),
        *_cost_lines(figures, translator),
        *who,
        "",
        _("In all: {delivered} delivered, {money} spent").format(
            delivered=translator.number(of_all.delivered),
            money=translator.money(pricing.from_micros(of_all.spent_micros)),
        ),
        owed_line(owed, services.offer, translator),
        budget_line(left, services.terms, translator, now),
    ]
    return "\n".join(lines)


def owed_line(credits_: int, offer: Offer, translator: Translator) -> str:
    """Return a line with the credits that people were given or paid for and did not spend."""
    return translator.gettext("Owed in unspent credits: {credits}, {money}.").format(
        credits=translator.credits(credits_), money=translator.money(credits_ * offer.credit_usd)
    )


def _count_lines(figures: Figures, translator: Translator) -> list[str]:
    _, number = translator.gettext, translator.number
    lines = [
        _("Asked for: {asked} · delivered: {delivered}").format(
            asked=number(figures.states.total()), delivered=number(figures.delivered)
        )
    ]
    if figures.failed:
        words = Counter[str]()
        for cause, count in figures.causes.items():
            words[_(CAUSES.get(cause, OTHER_CAUSE))] += count
        named = [f"{word} {number(count)}" for word, count in words.most_common(MAX_NAMED)]
        lines.append(
            _("Failed or cancelled: {failed} ({causes})").format(
                failed=number(figures.failed), causes=", ".join(named)
            )
        )
    if figures.in_work:
        lines.append(_("In work: {count}").format(count=number(figures.in_work)))
    return lines


def _cost_lines(figures: Figures, translator: Translator) -> list[str]:
    _, money = translator.gettext, translator.money
    lines = [
        _("Seconds of video: {seconds} · credits: {credits}").format(
            seconds=translator.number(figures.seconds), credits=translator.number(figures.credits)
        ),
        _("Cost by the price list: {money}").format(
            money=money(pricing.from_micros(figures.charged))
        ),
    ]
    if figures.told:
        text = translator.ngettext(
            "Cost told by the provider: {money} for {count} video",
            "Cost told by the provider: {money} for {count} videos",
            figures.told, money=money(pricing.from_micros(figures.spent)),
        )  # fmt: skip
        lines.append(text)
    took = figures.took
    half, most = quantile(took, MEDIAN), quantile(took, P95)
    if half is not None and most is not None:
        lines.append(
            _("Waiting time: half within {half}, 95 of 100 within {most}").format(
                half=translator.short_duration(half), most=translator.short_duration(most)
            )
        )
    return lines


async def _busiest(tx: Connection, figures: Figures, translator: Translator) -> list[str]:
    """Return lines with the people and groups that ordered most."""
    named, titles = [], await chats.group_titles(tx)
    for number, count in figures.people.most_common(MAX_NAMED):
        person = await people.find(tx, number)
        name = person.name if person else str(number)
        known = f"@{person.username}" if person and person.username else _short(name)
        named.append(f"{known} {translator.number(count)}")
    asked = {chat: count for chat, count in figures.chats.items() if chat in titles}
    groups = [
        f"{_short(titles[number])} {translator.number(count)}"
        for number, count in Counter(asked).most_common(MAX_NAMED)
    ]
    _ = translator.gettext
    lines = [_("People: {names}").format(names=", ".join(named))] if named else []
    return lines + ([_("Groups: {names}").format(names=", ".join(groups))] if groups else [])


def _short(name: str) -> str:
    return sanitize(truncate(name, MAX_NAME_LENGTH))


def budget_line(left: int | None, terms: Terms, translator: Translator, now: float) -> str:
    """Return a line with what is left of the budget, in micro-dollars; None is no ceiling."""
    if left is None or terms.budget_usd is None:
        return translator.gettext("Budget: no ceiling. BUDGET_USD sets one.")
    ends_at = pricing.ends_at(terms.budget_period, terms.zone, now)
    return translator.gettext("Budget: {left} of {all} left. It renews {when}.").format(
        left=translator.money(pricing.from_micros(max(0, left))),
        all=translator.money(terms.budget_usd),
        when=translator.time_until(ends_at - now) if ends_at else "",
    )
