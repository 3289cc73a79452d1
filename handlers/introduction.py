"""How the bot introduces itself: in the empty chat, to /start, to /help. Texts only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram.constants import BotDescriptionLimit

from generation.periods import Period
from handlers import commands
from handlers.replies.words import usual_cost, worth

if TYPE_CHECKING:
    from generation.credits import Terms
    from generation.models import Offer
    from handlers.commands import Scope
    from handlers.replies.language import Speech


def description(speech: Speech, offer: Offer, terms: Terms) -> str:
    """Say in the empty chat what the bot is; at most 512 characters."""
    text = f"{short_description(speech, offer, terms)}\n\n{_pictures(speech)}"
    return text[: BotDescriptionLimit.MAX_DESCRIPTION_LENGTH]


def short_description(speech: Speech, offer: Offer, terms: Terms) -> str:
    """Say beside a shared link what the bot is; at most 120 characters."""
    text = speech.gettext("Send me a photo or an idea, I make a short video.")
    count = terms.free_credits // usual_cost(offer, terms)
    if count:
        text = f"{text} {_so_many(speech, terms.period, count)}"
    return text[: BotDescriptionLimit.MAX_SHORT_DESCRIPTION_LENGTH]


def _so_many(speech: Speech, period: Period, count: int) -> str:
    say = speech.ngettext
    text = {
        Period.DAY: say(
            "About {count} free video a day.", "About {count} free videos a day.", count
        ),
        Period.WEEK: say(
            "About {count} free video a week.", "About {count} free videos a week.", count
        ),
        Period.MONTH: say(
            "About {count} free video a month.", "About {count} free videos a month.", count
        ),
        Period.LIFETIME: say(
            "About {count} free video to begin with.",
            "About {count} free videos to begin with.",
            count,
        ),
    }[period]
    return text.format(count=speech.number(count))


def _pictures(speech: Speech) -> str:
    return speech.gettext(
        "Photos go to the AI service that makes the video; here they are deleted when it is done."
    )


def free_allowance(speech: Speech, offer: Offer, terms: Terms) -> str:
    """Say what videos cost a person, in what they get for nothing."""
    say, cost = speech.gettext, usual_cost(offer, terms)
    if terms.free_credits < cost:
        return say("A usual video costs {cost}; whoever runs this bot can give you some.").format(
            cost=speech.credits(cost)
        )
    return {
        Period.DAY: say("It costs you nothing: every day you have {all}."),
        Period.WEEK: say("It costs you nothing: every week you have {all}."),
        Period.MONTH: say("It costs you nothing: every month you have {all}."),
        Period.LIFETIME: say("It costs you nothing to begin with: you have {all}."),
    }[terms.period].format(all=worth(speech, terms.free_credits, cost))


def greeting(speech: Speech, offer: Offer, terms: Terms) -> str:
    """Say in three lines what to send, what it costs, and where photos go."""
    return "\n".join(
        (
            speech.gettext("👋 Send me an idea or a photo, and I make a short video of it."),
            free_allowance(speech, offer, terms),
            _pictures(speech),
        )
    )


def group_greeting(speech: Speech) -> str:
    """Say in one line how a group gets a video."""
    return speech.gettext(
        "Write /video and your idea, or answer a photo with /animate, and a short video comes back."
    )


def hello_group(speech: Speech) -> str:
    """Greet a group that took the bot in."""
    return speech.gettext(
        "Hello! /video and your idea makes a short video; reply /animate to a photo to bring it "
        "to life. It uses your own daily credits. Admins: /settings."
    )


def help_text(speech: Speech, offer: Offer, terms: Terms, scope: Scope, support: str | None) -> str:
    """Say what there is to do here, and where to ask."""
    say = speech.gettext
    parts = [
        say("Send me an idea or a photo, and I make a short video of it.")
        if scope is not commands.Scope.EVERYONE
        else group_greeting(speech),
        commands.overview(speech, scope),
        say("Write what else you want after the idea: {options}").format(
            options=", ".join(_examples(offer))
        ),
        free_allowance(speech, offer, terms),
    ]
    if support:
        parts.append(say("Questions? {contact}").format(contact=support))
    return "\n\n".join(parts)


def _examples(offer: Offer) -> list[str]:
    """Return options that can be typed, each possible with the first family or naming another."""
    modes = [mode for family in offer if (mode := family.t2v)]
    examples = [f"--seconds {mode.seconds[-1]}" for mode in modes[:1]]
    examples += ["--vertical" for mode in modes[:1] if "9:16" in mode.aspect_ratios]
    return examples + [f"--model {name}" for name in offer.names[1:][-1:]]
