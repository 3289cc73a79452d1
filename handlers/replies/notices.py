"""What is owed, in words: each kind of notice has its own here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from handlers.replies import newcomers, reported
from handlers.replies.buttons import Button, CallbackData
from handlers.replies.words import worth

if TYPE_CHECKING:
    from collections.abc import Callable

    from handlers.replies.language import Translator
    from storage.notices import Owed

WHY = "why-"
"""What a link to the bot begins with that asks why a video was turned down."""


@dataclass(frozen=True, slots=True)
class Retry(CallbackData):
    """Try a failed generation again."""

    prefix: ClassVar[str] = "retry"
    generation: int


@dataclass(frozen=True, slots=True)
class TryWith(CallbackData):
    """Make what failed with another family, for as many credits as the button says."""

    prefix: ClassVar[str] = "with"
    generation: int
    family: str
    credits: int


@dataclass(frozen=True, slots=True)
class Told:
    """A notice in words."""

    text: str
    buttons: tuple[tuple[Button, ...], ...] = ()


def in_words(
    owed: Owed, translator: Translator, *, name: str, link: str | None, calls: bool = False
) -> Told:
    """Put a notice into words for a person or an admin.

    Where others read along, `link` leads to the bot in private, and only there it says why
    something was turned down. It `calls` the person by name where it answers no message of theirs.

    Raises:
        KeyError: there are no words for this kind: a bug of ours.
    """
    if owed.kind == "added":
        return Told(
            newcomers.text(owed.facts, translator), newcomers.buttons(owed.facts, translator)
        )
    if owed.kind == "reported":
        return Told(reported.text(owed.facts, translator), reported.buttons(owed.facts, translator))
    if owed.kind in _ADMIN:
        return Told(_ADMIN[owed.kind](translator).format(**owed.facts))
    facts = dict(owed.facts)
    back = ""
    if "credits" in facts and owed.kind not in _KEEPS:
        back = translator.gettext("{credits} are back.").format(
            credits=translator.credits(facts["credits"])
        )
    if link is not None and owed.kind in _PRIVATE:
        # what was refused and why is nobody else's business
        text = translator.gettext("{name}, that one was turned down.").format(name=name)
        why = Button(translator.gettext("See why"), url=f"{link}?start={WHY}{owed.generation}")
        return Told(f"{text} {back}".strip(), ((why,),))
    text = _reason(owed.kind, facts, translator)
    buttons: tuple[tuple[Button, ...], ...] = ()
    if owed.kind in _RETRY and owed.generation is not None:
        label = translator.gettext("Try again · {credits}").format(
            credits=translator.number(facts["credits"])
        )
        buttons = ((Button(label, Retry(owed.generation)),),)
    if "family" in facts and owed.generation is not None and owed.kind in _OTHERS:
        label = translator.gettext("Try with {title} · {credits}").format(
            title=facts["title"], credits=translator.number(facts["cost"])
        )
        press = TryWith(owed.generation, facts["family"], facts["cost"])
        buttons = ((Button(label, press),),)
    text = f"{text} {back}".strip()
    if calls and name:
        text = translator.gettext("{name}: {text}").format(name=name, text=text)
    return Told(text, buttons)


_KEEPS = frozenset({"granted", "rerouted"})
"""Notices after which no credits came back."""
_PRIVATE = frozenset({"failed_moderation", "failed_people", "failed_rejected"})
_OTHERS = frozenset({"failed_people", "failed_model_gone"})
_RETRY = frozenset({"failed_broken", "failed_closed", "failed_waited", "parked_unknown"})


def _reason(kind: str, facts: dict[str, Any], translator: Translator) -> str:
    if kind == "failed_picture":
        return _picture(str(facts["picture"]), translator)
    if kind == "granted":
        # what an older version owes does not know its worth
        cost = facts.get("cost", facts["credits"] + 1)
        given = translator.gettext("You were given {credits}.").format(
            credits=worth(translator, facts["credits"], cost)
        )
        return f"{given} {facts.get('note') or ''}".strip()
    if kind == "rerouted":
        makes_it = (
            translator.gettext("{was} has trouble right now; {title} makes it: {length}, {cost}.")
            if facts.get("rests")
            else translator.gettext(
                "{was} is no longer offered. {title} makes it: {length}, {cost}."
            )
        )
        return makes_it.format(
            was=facts["was"],
            title=facts["title"],
            length=translator.lasts(facts["seconds"]),
            cost=translator.credits(facts["cost"]),
        )
    _ = translator.gettext
    return {
        "cancelled": _("Cancelled."),
        "failed_moderation": _(
            "The video service turned this one down for what it would show. "
            "Try other words: no real names, nothing violent or intimate."
        ),
        "failed_people": _("{was} takes no pictures of people.").format(was=facts.get("was", "")),
        "failed_rejected": _("The video service did not accept this one. Try other words."),
        "failed_broken": _("Something broke where videos are made."),
        "failed_closed": _("The video service stayed closed to us."),
        "failed_banned": _("You cannot make videos with this bot any more."),
        "failed_waited": _("Its turn never came, it was too busy."),
        "failed_model_gone": (
            _("{was} has trouble right now.")
            if facts.get("rests")
            else _("{was} is no longer offered.")
        ).format(was=facts.get("was", "")),
        "failed_picture_gone": _("I could not fetch your picture any more. Please send it again."),
        "parked_late": _("This one takes far too long. If it still comes, it is on the house."),
        "parked_unknown": _(
            "I could not find out whether this one is being made. If it comes, it is on the house."
        ),
        "undeliverable": _(
            "I have a video for you that I could not deliver. Send /start and I bring it."
        ),
    }[kind]


def _picture(reason: str, translator: Translator) -> str:
    _ = translator.gettext
    return {
        "not_a_picture": _("That is no picture I can read. Send a JPEG, PNG, WEBP or HEIC."),
        "too_many_bytes": _("That picture is over 20 MB. Send it as a photo, it is smaller then."),
        "too_many_pixels": _("That picture is too large to open. Send it as a photo."),
        "too_small": _("That picture is too small to make a video of. Send a larger one."),
        "too_slow": _("That picture took too long to open. Send it as a photo."),
        "broken": _("That picture is damaged. Please send it again."),
    }[reason]


_ADMIN: dict[str, Callable[[Translator], str]] = {
    "outage": lambda translator: translator.gettext(
        "⚠️ The AI/ML API refuses all requests ({reason}): {explanation}\n"
        "Orders wait 15 minutes, new ones are refused. I look again every 5 minutes."
    ),
    "outage_over": lambda translator: translator.gettext(
        "✅ The AI/ML API accepts requests again."
    ),
    "model_gone": lambda translator: translator.gettext(
        "⚠️ {model} is no longer served. It rests for a day; the next of MODELS takes over."
    ),
    "model_failing": lambda translator: translator.gettext(
        "⚠️ {model} failed three times in 10 minutes. It rests for 30; "
        "the next of MODELS takes over."
    ),
    "model_withdrawn": lambda translator: translator.gettext(
        "⚠️ The AI/ML API has withdrawn {model}. The next of MODELS takes over."
    ),
    "model_superseded": lambda translator: translator.gettext(
        "🔁 The AI/ML API has put {successor} in the place of {model}; it takes over."
    ),
    "nothing_served": lambda translator: translator.gettext(
        "⚠️ None of the families in MODELS is served any more: nothing can be ordered. "
        "`python -m bot models` lists what there is."
    ),
    "prices_moved": lambda translator: translator.gettext(
        "💵 Prices moved by more than a fifth:\n{moved}\nOrders under way keep theirs."
    ),
    "set_aside": lambda translator: translator.gettext(
        "⚠️ A message ended me twice, so I left it alone (update {update}). "
        "It is kept, the log says more."
    ),
    "unreadable": lambda translator: translator.gettext(
        "⚠️ Telegram sent me something I cannot read, so I left it alone (update {update}). "
        "It is kept, the log says more."
    ),
    "bad_result": lambda translator: translator.gettext(
        "⚠️ Video {generation} could not be used: {explanation}. The credits went back."
    ),
}
