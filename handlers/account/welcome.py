"""/start and /help: the greeting, and the pages that links into the private chat open."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from generation.media.videos import Deliverable
from generation.models.pricing import Period
from generation.orders.reading import read_number
from handlers import commands
from handlers.account import buying, privacy, quota, settings, support
from handlers.admin.invites import GIFT_PREFIX, INVITE_PREFIX, follow_invite
from handlers.admin.records import record
from handlers.commands import Scope
from handlers.context import FirstAdmin
from handlers.membership import rights_advice
from handlers.ordering.drafts import OrderDraft
from handlers.ordering.placing import place
from handlers.replies.keyboards import Button, CallbackData
from handlers.replies.letting_in import stranger_buttons, stranger_text
from handlers.replies.notices import AGAIN_PREFIX, WHY_PREFIX
from handlers.replies.sending import Refused, SendError
from handlers.replies.texts import contact_text, usual_cost, worth
from handlers.routing import Router
from handlers.senders import Access
from handlers.videos.cancel import show_queue
from handlers.videos.history import send_again, send_undelivered, show_history, show_reason
from handlers.videos.sharing import LIKE_PREFIX, offer_like
from storage import people, statistics, videos
from storage.chats import Asking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from telegram import Message

    from generation.models.offer import Offer
    from generation.orders.balances import Terms
    from handlers.context import Context, Services
    from handlers.replies.texts import Translator
    from handlers.senders import Sender

router = Router()

SAMPLE = Deliverable(
    path := Path(__file__).with_name("sample.mp4"),
    "video", width=640, height=360, seconds=4.0, thumbnail=None, size=path.stat().st_size,
)  # fmt: skip
"""The sample video for people who have not ordered one yet."""

logger = logging.getLogger(__name__)


class OrderIdea(CallbackData, prefix="idea"):
    """Order a video of one of our ideas, for as many credits as the button says."""

    number: int
    credits: int


def ideas(translator: Translator) -> tuple[tuple[str, str], ...]:
    """Return ideas for new people, each as the text of a button and the prompt."""
    _ = translator.gettext
    return (
        (
            _("A cat in a bathtub storm"),
            _("A cat captains a tiny sailing boat through a bathtub storm, warm evening light"),
        ),
        (
            _("A paper city in a book"),
            _("A paper city unfolds out of an old book, lanterns light up one after another"),
        ),
        (
            _("A very fast snail"),
            _("A snail races across a rainy garden leaf, filmed like a car commercial"),
        ),
        (
            _("Balloons come home"),
            _("A lighthouse on a cloud guides hot-air balloons home at sunrise"),
        ),
        (
            _("Two robots in the rain"),
            _("Two robots share an umbrella at a tram stop, soft rain, city lights"),
        ),
        (
            _("A whale made of stars"),
            _("A whale made of stars swims slowly over a sleeping mountain village"),
        ),
    )


def allowance_text(
    translator: Translator, offer: Offer, terms: Terms, *, selling: bool = False
) -> str:
    """Say how many videos the free allowance is worth, or that it is less than one costs."""
    _, cost = translator.gettext, usual_cost(offer)
    if terms.free_credits < cost:
        text = (
            _("A usual video costs {cost}. You get some with /buy.")
            if selling
            else _("A usual video costs {cost}. The owner of this bot can give you some.")
        )
        return text.format(cost=translator.credits(cost))
    return {
        Period.DAY: _("It costs you nothing: every day you have {all}."),
        Period.WEEK: _("It costs you nothing: every week you have {all}."),
        Period.MONTH: _("It costs you nothing: every month you have {all}."),
        Period.LIFETIME: _("It costs you nothing to begin with: you have {all}."),
    }[terms.period].format(all=worth(translator, terms.free_credits, cost))


def greeting(translator: Translator, offer: Offer, terms: Terms, *, selling: bool = False) -> str:
    """Say in three lines what to send, what it costs, and that photos go to the provider."""
    return "\n".join(
        (
            translator.gettext("👋 Send me an idea or a photo, and I make a short video of it."),
            allowance_text(translator, offer, terms, selling=selling),
            commands.where_pictures_go(translator),
        )
    )


def group_greeting(translator: Translator) -> str:
    """Say in one line how to order a video in a group."""
    return translator.gettext(
        "Write /video and your idea, or reply to a photo with /animate, and I send "
        "you a short video."
    )


def help_text(
    translator: Translator,
    offer: Offer,
    terms: Terms,
    scope: Scope,
    support: str | None,
    *,
    selling: bool = False,
) -> str:
    """Return the answer to /help: commands, options, cost and the contact."""
    _ = translator.gettext
    parts = [
        _("Send me an idea or a photo, and I make a short video of it.")
        if scope is not Scope.EVERYONE
        else group_greeting(translator),
        commands.overview(translator, scope, selling=selling),
        # each on its own line: phones break lines after a dash
        _("Write what else you want after the idea:\n{options}").format(
            options="\n".join(_examples(offer))
        ),
        allowance_text(translator, offer, terms, selling=selling),
    ]
    if support:
        parts.append(contact_text(translator, support))
    return "\n\n".join(parts)


def _examples(offer: Offer) -> list[str]:
    """Return examples of options, valid for the first family, and one that names another."""
    modes = [mode for family in offer if (mode := family.t2v)]
    examples = [f"--seconds {mode.seconds[-1]}" for mode in modes[:1]]
    examples += ["--vertical" for mode in modes[:1] if "9:16" in mode.aspect_ratios]
    return examples + [f"--model {name}" for name in offer.names[1:][-1:]]


@router.command("start")
async def start(
    sender: Sender, message: Message, words: Sequence[str], cause: str, context: Context
) -> None:
    """Greet the sender, or open the page of the link they followed."""
    services, payload = context.services, words[0] if words else ""
    if sender.chat.is_private and payload.startswith(FirstAdmin.PREFIX):
        await _claim_admin(sender, context, payload, cause)
    elif sender.chat.is_private and payload.startswith((INVITE_PREFIX, GIFT_PREFIX)):
        if await follow_invite(sender, services, payload):
            await _greet(sender, message, context)
    elif sender.access is Access.STRANGER:
        text = stranger_text(sender.translator, sender.chat.telegram_id)
        asks = stranger_buttons(sender.translator)
        await sender.reply(text, reply_to=message.message_id, buttons=asks)
    elif not sender.chat.is_private:
        await sender.reply(group_greeting(sender.translator), reply_to=message.message_id)
        await send_undelivered(services, sender)
    elif not await _open_link(sender, message, context, payload):
        await _greet(sender, message, context)


async def _greet(sender: Sender, message: Message, context: Context) -> None:
    services = context.services
    terms, selling = services.terms_of(sender.person), bool(services.policy.stars_per_credit)
    hello = greeting(sender.translator, services.offer, terms, selling=selling)
    await _send_greeting(services, sender, hello, message.message_id)
    await send_undelivered(services, sender)
    if sender.is_admin and sender.person is not None:
        # Telegram accepts a menu for a chat only once the chat exists
        await commands.publish_to_admin(context.bot, services, sender.person)


async def _send_greeting(services: Services, sender: Sender, words: str, turn: int) -> None:
    """Send a greeting with two ideas, and with the sample video if the sender never ordered.

    The sample is uploaded once, then sent by its file id. `turn` selects the ideas.
    """
    rows = _idea_buttons(services, sender, turn)
    async with services.db.reading() as connection:
        knows = await statistics.ever_asked(connection, sender.account)
        file_id = await videos.bundled_file_id(connection, SAMPLE.path.name)
    if knows:
        await sender.reply(words, buttons=rows)
        return
    try:
        if file_id is not None:
            with suppress(Refused):  # Telegram lost it, or it was another bot's
                await sender.outbox.send_by_id(sender.chat, file_id, "video", words, buttons=rows)
                return
        async with sender.outbox.upload_slot(sender.chat) as upload:
            sent = await sender.outbox.send_file(sender.chat, SAMPLE, words, upload, buttons=rows)
    except SendError as error:
        logger.info("cannot send the sample video with a greeting: %r", error)
        await sender.reply(words, buttons=rows)
        return
    async with services.db.transaction() as tx:
        await videos.save_bundled_file_id(tx, SAMPLE.path.name, sent.file_id)


def _idea_buttons(services: Services, sender: Sender, turn: int) -> list[list[Button]]:
    """Return buttons for two ideas with their price; none if nothing can be ordered."""
    quote = settings.usual_quote_of(services, sender.person) if sender.person else None
    if quote is None:
        return []
    choices = ideas(sender.translator)
    cost = sender.translator.number(quote.credits)
    two = [(2 * turn + place) % len(choices) for place in range(2)]
    return [
        [Button(f"🎬 {choices[number][0]} · {cost}", OrderIdea(number, quote.credits))]
        for number in two
    ]


@router.button(OrderIdea, orders=True)
async def order_idea(sender: Sender, press: OrderIdea, shown: int | None, context: Context) -> None:
    """Order a video of one of our ideas; if the price rose, a card asks first."""
    choices = ideas(sender.translator)
    if press.number >= len(choices) or shown is None:
        await sender.answer(sender.translator.gettext("This button is old."))
        return
    draft = OrderDraft(
        text=choices[press.number][1],
        picture=None,
        origin="press",
        cause=f"press:idea:{press.number}:{sender.account}",
        message_id=None,
        agreed=press.credits,
    )
    await place(context, sender, draft)


async def _open_link(sender: Sender, message: Message, context: Context, payload: str) -> bool:
    """Open the page of a link; return False if the payload names none."""
    services = context.services
    pages: Mapping[str, Callable[[], Awaitable[None]]] = {
        "quota": partial(quota.quota, sender, message, services),
        "buy": partial(buying.show_packages, sender, services),
        "paysupport": partial(support.explain, sender, services),
        "history": partial(show_history, sender, message, (), services),
        "cancel": partial(show_queue, sender, services),
        "settings": partial(settings.settings, sender, message, context),
        "mydata": partial(privacy.show_data, sender, message, context),
        "deletemydata": partial(privacy.ask_deletion, sender, message, services),
    }
    if payload.startswith(WHY_PREFIX):
        await show_reason(services, sender, payload)
    elif payload.startswith(LIKE_PREFIX):
        await offer_like(context, sender, message, payload)
    elif payload.startswith(AGAIN_PREFIX):
        await send_again(services, sender, read_number(payload.removeprefix(AGAIN_PREFIX)))
    elif payload in pages:
        await pages[payload]()
    else:
        return False
    return True


async def _claim_admin(sender: Sender, context: Context, payload: str, cause: str) -> None:
    """Make the sender an admin by the one-time link, if it is valid."""
    services, _ = context.services, sender.translator.gettext
    if sender.person is None:
        return
    if sender.is_admin:
        text = _("You are an admin of this bot already. /help shows your commands.")
    elif services.first_admin.claim(payload):
        async with services.db.transaction() as tx:
            await people.make_admin(tx, sender.person.id)
            await record(tx, services, sender, cause, "start")
        logger.warning("%s (%d) is admin now, by the link", sender.name, sender.person.id)
        await commands.publish_to_admin(context.bot, services, sender.person)
        text = _(
            "You are an admin of this bot now. /admin shows what is going on, /help your commands."
        )
    else:
        text = _("This link is no longer good. Start the bot again to get a new one.")
    await sender.reply(text)


@router.command("help")
async def show_help(sender: Sender, message: Message, context: Context) -> None:
    """Answer /help."""
    if sender.group and sender.group.asking is Asking.NOBODY:
        off = sender.translator.gettext("I am switched off here. Admins: /settings.")
        await sender.reply(off, reply_to=message.message_id)
        return
    services, scope, advice = context.services, Scope.EVERYONE, list[str]()
    if sender.chat.is_private:
        scope = Scope.ADMIN if sender.is_admin else Scope.PRIVATE
    else:
        advice = await rights_advice(context.bot, sender.chat, sender.translator)
    help_ = help_text(
        sender.translator, services.offer, services.terms_of(sender.person), scope,
        services.policy.support_contact, selling=bool(services.policy.stars_per_credit),
    )  # fmt: skip
    # in private, an answer need not be a reply
    reply_to = None if sender.chat.is_private else message.message_id
    await sender.reply("\n\n".join([help_, *advice]), reply_to=reply_to)
