"""Words that several texts share: what credits are worth, what a video would be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation import quotes
from generation.options import Defaults

if TYPE_CHECKING:
    from generation.credits import Terms
    from generation.models import Offer
    from generation.quotes import Quote
    from handlers.replies.language import Speech

ELLIPSIS = "…"


def shortened(text: str, longest: int) -> str:
    """Cut a text to so many characters, on one line, showing that it was cut."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + ELLIPSIS


def usual_cost(offer: Offer, terms: Terms) -> int:
    """Return the credits of the video one gets who chooses nothing."""
    usual = quotes.quote(
        "usual", kind="t2v", offer=offer, defaults=Defaults(), credit_usd=terms.credit_usd
    )
    return usual.credits if isinstance(usual, quotes.Quote) else 1


def videos(speech: Speech, count: int) -> str:
    """Write a number of videos."""
    text = speech.ngettext("{count} video", "{count} videos", count)
    return text.format(count=speech.number(count))


def worth(speech: Speech, count: int, cost: int) -> str:
    """Write credits and what they buy: "20 credits, about 2 videos"."""
    if count < cost:
        return speech.credits(count)
    return speech.gettext("{credits}, about {videos}").format(
        credits=speech.credits(count), videos=videos(speech, count // cost)
    )


def gone(quote: Quote, speech: Speech) -> str:
    """Say that what was chosen is not to be had, and what takes its place."""
    if quote.instead_of is None:
        return ""
    text = (
        speech.gettext("{was} has trouble right now; {title}, {length}, {cost}.")
        if quote.instead_of.rests
        else speech.gettext("{was} is no longer offered; {title}, {length}, {cost}.")
    )
    return text.format(
        was=quote.instead_of.title,
        title=quote.choice.family.title,
        length=speech.lasts(quote.choice.seconds),
        cost=speech.credits(quote.credits),
    )


def described(speech: Speech, quote: Quote) -> str:
    """Write what a video would be: "4 seconds · 16:9 · 720p · Sora 2"."""
    choice = quote.choice
    parts = [
        speech.lasts(choice.seconds),
        quote.aspect_ratio or "",
        choice.resolution or "",
        choice.family.title,
    ]
    return " · ".join(part for part in parts if part)
