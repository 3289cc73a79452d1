"""The text and the buttons of each kind of notice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from generation.models.pricing import from_micros
from handlers.replies import letting_in, more_credits
from handlers.replies.keyboards import Button, CallbackData, Change
from handlers.replies.letting_in import shut_out_text
from handlers.replies.texts import (
    N_,
    bad_picture_text,
    credits_returned,
    sanitize,
    truncate,
    videos,
)
from storage.notices import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handlers.replies.texts import Translator
    from storage.notices import Owed

WHY_PREFIX, AGAIN_PREFIX = "why-", "video-"
"""The prefixes of /start payloads that ask why a video was refused, or for the video."""
_NOT_REFUNDED = frozenset({NoticeKind.SUBSTITUTED, NoticeKind.ELSEWHERE})
"""Notices about videos whose credits were not returned."""
_REFUSED = frozenset(
    {NoticeKind.FAILED_MODERATION, NoticeKind.FAILED_PEOPLE, NoticeKind.FAILED_REJECTED}
)
_OFFERING_OTHERS = frozenset({NoticeKind.FAILED_PEOPLE, NoticeKind.FAILED_MODEL_GONE})
_RETRYABLE = frozenset(
    {
        NoticeKind.FAILED_BROKEN,
        NoticeKind.FAILED_LOST,
        NoticeKind.FAILED_CLOSED,
        NoticeKind.FAILED_WAITED,
        NoticeKind.FAILED_AWAY,
        NoticeKind.PARKED_UNKNOWN,
    }
)

Rows: TypeAlias = tuple[tuple[Button, ...], ...]


class Retry(CallbackData, prefix="retry"):
    """Try a failed generation again."""

    generation: int


class Resend(CallbackData, prefix="resend"):
    """Send a video again."""

    generation: int


class TryWith(CallbackData, prefix="with"):
    """Repeat a failed generation with another family, for the credits on the button."""

    generation: int
    family: str
    credits: int


def notice_text(
    owed: Owed, translator: Translator, *, name: str, link: str | None, by_name: bool = False
) -> tuple[str, Rows]:
    """Return the text and buttons of a notice to a person or an admin.

    In a group, `link` leads to the private chat, the only place where the reason of a refusal is
    told. `by_name` addresses the person by name, for a notice that replies to no message.

    Raises:
        KeyError: this kind has no text, which is a bug.
    """
    facts, back = dict(owed.facts), ""
    for to_notice in (more_credits.notice_text, letting_in.notice_text, _operator_notice):
        if (told := to_notice(owed, translator)) is not None:
            return told
    if owed.kind in _ADMIN_TEXTS:
        return translator.gettext(_ADMIN_TEXTS[owed.kind]).format(**facts), ()
    if "credits" in facts and owed.kind not in _NOT_REFUNDED:
        back = credits_returned(translator, facts["credits"])
    if link is not None and owed.kind in _REFUSED:
        text = translator.gettext("{name}, this one was refused.").format(name=name)
        why = Button(
            translator.gettext("See why"), url=f"{link}?start={WHY_PREFIX}{owed.generation}"
        )
        return f"{text} {back}".strip(), ((why,),)
    words = (_reason(owed.kind, facts, translator), back, _advice(owed.kind, facts, translator))
    text = " ".join(word for word in words if word)
    if by_name and name:
        text = translator.gettext("{name}: {text}").format(name=name, text=text)
    return text, _buttons(owed, translator, link)


def _buttons(owed: Owed, translator: Translator, link: str | None) -> Rows:
    rows, facts, generation = list[tuple[Button, ...]](), owed.facts, owed.generation
    if generation is None:
        return ()
    if owed.kind is NoticeKind.UNDELIVERABLE:
        rows.append((Button(translator.gettext("Try again"), Resend(generation)),))
    if owed.kind is NoticeKind.ELSEWHERE and owed.person is not None and link is not None:
        opens = f"{link}?start={AGAIN_PREFIX}{generation}"
        rows.append((Button(translator.gettext("Open in private"), url=opens),))
    if "family" in facts and owed.kind in _OFFERING_OTHERS:
        label = translator.gettext("Try with {title} · {credits}").format(
            title=facts["title"], credits=translator.number(facts["cost"])
        )
        rows.append((Button(label, TryWith(generation, facts["family"], facts["cost"])),))
    if owed.kind in _RETRYABLE:
        label = translator.gettext("Try again · {credits}").format(
            credits=translator.number(facts["credits"])
        )
        rows.append((Button(label, Retry(generation)),))
    elif owed.kind in _REFUSED:
        # the same words would be refused again
        rows.append((Button(translator.gettext("✏️ Change"), Change(generation)),))
    return tuple(rows)


def _reason(kind: NoticeKind, facts: dict[str, Any], translator: Translator) -> str:
    if kind is NoticeKind.FAILED_PICTURE:
        return bad_picture_text(str(facts["picture"]), translator)
    if kind is NoticeKind.SUBSTITUTED:
        makes_it = (
            translator.gettext("{was} has trouble right now. {title} makes it: {length}, {cost}.")
            if facts.get("cooling")
            else translator.gettext(
                "{was} is no longer offered. {title} makes it: {length}, {cost}."
            )
        )
        return makes_it.format(
            was=facts["was"],
            title=facts["title"],
            length=translator.duration(facts["seconds"]),
            cost=translator.credits(facts["cost"]),
        )
    _ = translator.gettext
    return {
        NoticeKind.CANCELLED: _("Cancelled."),
        NoticeKind.FAILED_MODERATION: _(
            "The video service refused this one because of what it would show. Try "
            "other words: no real people, no violence, nothing sexual."
        ),
        NoticeKind.FAILED_PEOPLE: _("{was} does not accept photos of people.").format(
            was=facts.get("was", "")
        ),
        NoticeKind.FAILED_REJECTED: _(
            "The video service did not accept this one. Try other words."
        ),
        NoticeKind.FAILED_BROKEN: _("Something broke at the video service."),
        NoticeKind.FAILED_LOST: _(
            "This video got lost on its way to you, and I cannot get it again."
        ),
        NoticeKind.FAILED_CLOSED: _("The video service did not take orders for too long."),
        NoticeKind.FAILED_BANNED: shut_out_text(translator, facts.get("why")),
        NoticeKind.FAILED_AWAY: _(
            "I was away for a while, so I have not made this. Still want it?"
        ),
        NoticeKind.FAILED_WAITED: _("This video waited 6 hours and did not get its turn."),
        NoticeKind.FAILED_MODEL_GONE: (
            _("{was} has trouble right now.")
            if facts.get("cooling")
            else _("{was} is no longer offered.")
        ).format(was=facts.get("was", "")),
        NoticeKind.FAILED_PICTURE_GONE: (
            _("I can no longer get that video from Telegram. Send me a screenshot of it instead.")
            if facts.get("frame")
            else _("I can no longer get your picture from Telegram. Please send it again.")
        ),
        NoticeKind.PARKED_LATE: _(
            "This is taking too long. If the video still arrives, it is free."
        ),
        NoticeKind.PARKED_UNKNOWN: _(
            "I could not find out whether this video is being made. If it still "
            "arrives, it is free."
        ),
        NoticeKind.UNDELIVERABLE: _(
            "I have a video for you that I could not deliver. Send /start and I bring it."
        ),
        NoticeKind.ELSEWHERE: _elsewhere(facts, translator),
    }[kind]


def _elsewhere(facts: Mapping[str, Any], translator: Translator) -> str:
    """Return, for the group, where to find a video that it did not accept."""
    if not facts.get("in_private"):
        return translator.gettext(
            "Telegram does not let me send this video here. I keep it: "
            "let me send videos, then send /start here."
        )
    if facts.get("is_kept"):
        return translator.gettext(
            "Telegram does not let me send this video here. I keep it for you: "
            "open me in private and send /start."
        )
    return translator.gettext(
        "Telegram does not let me send this video here. It is in our private chat."
    )


def _advice(kind: NoticeKind, facts: Mapping[str, Any], translator: Translator) -> str:
    """Return what to try if no button offers another model."""
    _ = translator.gettext
    if "family" in facts:
        return ""
    return {
        NoticeKind.FAILED_PEOPLE: _("Try a photo without people."),
        NoticeKind.FAILED_MODEL_GONE: _("/models shows what there is."),
        NoticeKind.FAILED_CLOSED: _("It is best to try again in an hour."),
        NoticeKind.FAILED_WAITED: _("It is best to try again in a while."),
    }.get(kind, "")


_ADMIN_TEXTS = {
    NoticeKind.ALLOWED_CHAT_MOVED: N_(
        "A group of ALLOWED_IDS became a supergroup and has another id now. It is still let in. "
        "Please write {moved} in the place of {was} in .env."
    ),
    NoticeKind.OUTAGE: N_(
        "⚠️ The AI/ML API refuses all requests ({reason}): {explanation}\n"
        "Orders wait 15 minutes, new ones are refused. I look again every 5 minutes."
    ),
    NoticeKind.OUTAGE_OVER: N_("✅ The AI/ML API accepts requests again."),
    NoticeKind.MODEL_GONE: N_(
        "⚠️ {model} is no longer served. It is not used for a day; the next of MODELS takes over."
    ),
    NoticeKind.MODEL_FAILING: N_(
        "⚠️ {model} failed for three people in 10 minutes. It is not used for 30 "
        "minutes; the next of MODELS takes over."
    ),
    NoticeKind.MODEL_WITHDRAWN: N_(
        "⚠️ The AI/ML API has withdrawn {model}. The next of MODELS takes over."
    ),
    NoticeKind.MODEL_SUPERSEDED: N_(
        "🔁 The AI/ML API has replaced {model} by {successor}, which takes over."
    ),
    NoticeKind.NOTHING_SERVED: N_(
        "⚠️ None of the families in MODELS is served any more: nothing can be ordered. "
        "`python -m bot models` lists what there is."
    ),
    NoticeKind.PRICES_MOVED: N_(
        "💵 Prices moved by more than a fifth:\n{moved}\nOrders under way keep theirs."
    ),
    NoticeKind.SET_ASIDE: N_(
        "⚠️ A message crashed the bot twice, so it was skipped (update {update}). The log says more."
    ),
    NoticeKind.UNREADABLE: N_(
        "⚠️ Telegram sent something I cannot read, so it was skipped (update "
        "{update}). The log says more."
    ),
    NoticeKind.BAD_RESULT: N_(
        "⚠️ Video {generation} could not be used: {explanation}. The credits went back."
    ),
}


def _operator_notice(owed: Owed, translator: Translator) -> tuple[str, Rows] | None:
    """Return the text and buttons of a notice on reports or figures; None for any other."""
    _, facts = translator.gettext, owed.facts

    def money(name: str) -> str:
        return translator.money(from_micros(facts[name]))

    match owed.kind:
        case NoticeKind.REPORTED:
            return reported_text(facts, translator), reported_buttons(facts, translator)
        case NoticeKind.CONTENT_BRAKE:
            return _brake_text(facts, translator), _ban_rows(facts, translator, facts["name"])
        case NoticeKind.SPENDING_SURGE:
            text = _(
                "⚠️ Videos cost {today} so far today, more than three times the usual {usual}. "
                "/people shows who asks, /pause stops new orders."
            ).format(today=money("today"), usual=money("usual"))
        case NoticeKind.BALANCE_LOW:
            text = _(
                "⚠️ The AI/ML API account holds {balance}, which lasts about {time}. "
                "Please top it up: when it is empty, no videos are made."
            ).format(balance=money("balance"), time=translator.duration(facts["lasts"]))
        case NoticeKind.MORNING:
            text = _morning_text(facts, translator)
        case _:
            return None
    return text, ()


def _morning_text(facts: Mapping[str, Any], translator: Translator) -> str:
    _ = translator.gettext
    people = translator.ngettext("{count} new person", "{count} new people", facts["people"])
    text = _("☀️ Yesterday: {videos}, {money}, {people}.").format(
        videos=videos(translator, facts["delivered"]),
        money=translator.money(from_micros(facts["spent"])),
        people=people,
    )
    if facts["lasts"] is not None:
        lasts = _("The balance lasts about {time}.")
        text = f"{text} {lasts.format(time=translator.duration(facts['lasts']))}"
    return text


class TakeDown(CallbackData, prefix="takedown"):
    """Delete a video where it was sent."""

    generation: int


class BanRequester(CallbackData, prefix="banasker"):
    """Ban the person who ordered a video."""

    generation: int


def reported_text(facts: Mapping[str, Any], translator: Translator) -> str:
    """Return who reports whose video, where and why, and its prompt."""
    _ = translator.gettext
    head = (
        _("🚩 {reporter} reports a video in {place}. {owner} asked for it.")
        if facts["place"]
        else _("🚩 {reporter} reports a video in their private chat. {owner} asked for it.")
    )
    lines = [head]
    if facts["words"]:
        lines.append(_("They say: {words}"))
    if facts["prompt"]:
        lines.append(_("It was made from: {prompt}"))
    return "\n".join(line.format(**facts) for line in lines)


def reported_buttons(facts: Mapping[str, Any], translator: Translator) -> Rows:
    """Return the buttons to delete the video and, if a person ordered it, to ban them."""
    delete = Button(translator.gettext("🗑 Delete"), TakeDown(int(facts["generation"])))
    return ((delete,), *_ban_rows(facts, translator, facts["owner"]))


def _brake_text(facts: Mapping[str, Any], translator: Translator) -> str:
    return translator.gettext(
        "🛑 The video service refused several ideas of {name} ({number}) within an "
        "hour because of what they would show. They have to wait now, longer each "
        "time. The last one: {prompt}"
    ).format(**{**facts, "name": sanitize(facts["name"]), "prompt": sanitize(facts["prompt"])})


MAX_NAME_LENGTH = 30
"""Characters of a name on a button."""


def _ban_rows(facts: Mapping[str, Any], translator: Translator, name: str) -> Rows:
    """Return the button to ban the person who ordered a video; none for a group or a channel."""
    if not facts["by_person"]:
        return ()
    label = translator.gettext("Ban {name}").format(name=truncate(name, MAX_NAME_LENGTH))
    return ((Button(label, BanRequester(int(facts["generation"]))),),)
