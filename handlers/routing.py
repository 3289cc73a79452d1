"""Routing: what every handler is wrapped in.

A module that answers people has a `Router`, and decorates with it what answers: commands of the
table, buttons by what they carry, messages by a filter. Whoever speaks is met once, and turned away
here where they may not (of presses see `handlers.presses`). What is decorated asks by name for what
it needs (see `HANDLER_ARGUMENTS`), and stays a plain function.
"""

from __future__ import annotations

import inspect
import logging
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

from telegram import MessageEntity
from telegram.ext import MessageHandler, filters

from handlers import commands
from handlers.commands import Scope
from handlers.replies.letting_in import shut_out_text, stranger_buttons, stranger_text
from handlers.replies.sending import SendError, Unreachable, Unreadable
from handlers.replies.texts import contact_text
from handlers.senders import ALBUM, Access, cause_of, identify_sender
from storage import cards
from storage.chats import Asking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Coroutine

    from telegram import Message, Update
    from telegram.ext import BaseHandler

    from handlers.context import Context, Services
    from handlers.replies.keyboards import CallbackData
    from handlers.senders import Sender
    from storage.cards import Card

F = TypeVar("F", bound="Callable[..., Coroutine[Any, Any, Any]]")

HANDLER_ARGUMENTS = {
    "sender": "Sender",
    "services": "Services",
    "context": "Context",
    "update": "Update",
    "cause": "str",
    "message": "Message",
    "words": "Sequence[str]",
    "query": "CallbackQuery",
    "shown": "int",
}
"""The parameters a handler may declare, and their types.

A button's handler may also declare `press` (the fields of its callback data), `sure` (whether the
presser confirmed, see `presses.ask_to_confirm`) and `shown` (the id of the message that shows the
button, None if it is gone or never had it; a handler that declares `shown: int` is not called
without it). A handler for admins may declare `admin`, the person who sent the command or pressed
the button.
"""

logger = logging.getLogger(__name__)


_OURS = frozenset(name for command in commands.COMMANDS for name in command.names)
_WRITTEN = re.compile(r"/ ?(\w{1,64})(?:@(\w{3,32}))?(?![\w/@<>])", re.ASCII)
_BEHIND_A_COMMAND = ":,;\uff1a\uff0c\u3001"
"""Signs that some put between a command and what they want of it."""
_RIGHT_BEHIND_IT = re.compile(r"\A[-!.=>…–—]+(?=\s)")
"""The same, with no blank before it: options begin so."""


def cut(text: str, units: int) -> tuple[str, str]:
    """Cut a text after so many UTF-16 units, as Telegram counts."""
    encoded = text.encode("utf-16-le")
    return (
        encoded[: units * 2].decode("utf-16-le", "replace"),
        encoded[units * 2 :].decode("utf-16-le", "replace"),
    )


def command_in(message: Message) -> tuple[str, str] | None:
    """Return the command a text or caption begins with, and what follows it.

    None where it begins with none, or with one that is addressed to another bot.
    """
    found = _command(message)
    if found is None:
        return None
    name, _, bot = found[0][1:].lstrip().partition("@")
    if bot and bot.lower() != message.get_bot().username.lower():
        return None
    rest = _RIGHT_BEHIND_IT.sub("", found[1]).lstrip().lstrip(_BEHIND_A_COMMAND).strip()
    again = rest.startswith(("@", "/"))
    return name.lower(), strip_bot_calls(rest, message.get_bot().username) if again else rest


def strip_bot_calls(text: str, username: str) -> str:
    """Return a text without what calls the bot at its beginning once more: its name, an order."""
    called = (
        rf"(?:\s|[{_BEHIND_A_COMMAND}]|@{username}\b|/(?:video|animate)(?:@{username})?\b(?!/))*"
    )
    return re.sub(called, "", text, count=1, flags=re.IGNORECASE).rstrip()


def begins_with_command(message: Message) -> bool:
    """Whether a text or caption begins with any command, whoever it is for."""
    return _command(message) is not None


def _command(message: Message) -> tuple[str, str] | None:
    """Return the command as it is written, and the rest.

    It may be bold, or whatever else formatted. Telegram marks none in what is written as code, as
    examples are, nor where a phone put a blank; alone with the bot it is meant all the same.
    """
    text = message.text or message.caption or ""
    if not text.startswith("/"):
        return None
    for entity in message.entities or message.caption_entities:
        if entity.offset == 0 and entity.type == MessageEntity.BOT_COMMAND:
            return cut(text, entity.length)
    written = _WRITTEN.match(text)
    if written is None or written[1].lower() not in _OURS or message.chat.type != "private":
        return None
    return written[0], text[written.end() :]


class PredicateFilter(filters.MessageFilter):
    """Messages of which something holds."""

    def __init__(self, holds: Callable[[Message], bool]) -> None:
        super().__init__()
        self.holds = holds

    def filter(self, message: Message) -> bool:
        """Whether the message is one."""
        return self.holds(message)


ANY_COMMAND = filters.TEXT & PredicateFilter(begins_with_command)
"""Texts that begin with a command, whoever it is for."""


def command_filter(names: Collection[str]) -> PredicateFilter:
    """Return what finds texts and captions that begin with one of these commands of ours."""
    return PredicateFilter(lambda message: (command_in(message) or ("",))[0] in names)


class Admission(TypedDict, total=False):
    """Who is admitted to a handler, and when.

    Attributes:
        admins: admins only.
        orders: nobody whom the operator did not let in, for it orders a video.
        refuses_silently: nobody is turned away aloud, for it may not be meant for the bot.
        when_off: also where a group's admins switched the bot off.
        when_banned: also those who are shut out, alone with the bot: it is about their own data.
        even_late: also a press that lay while the bot was away.
        asks: what cannot be undone asks once; this is the button that does it. It may name
            fields of what the pressed one carries, and the `{name}` of a person.
    """

    admins: bool
    orders: bool
    refuses_silently: bool
    when_off: bool
    when_banned: bool
    even_late: bool
    asks: str


@dataclass(frozen=True, slots=True)
class Route:
    """What answers something: a function, the names of what it asks for, and who is admitted.

    `press` is what the buttons carry that lead here; `is_shown` where only one counts that a
    message shows.
    """

    answer: Callable[..., Coroutine[Any, Any, Any]]
    wanted: frozenset[str]
    admission: Admission
    press: type[CallbackData] | None
    is_shown: bool

    @classmethod
    def to(
        cls,
        answer: Callable[..., Coroutine[Any, Any, Any]],
        admission: Admission,
        press: type[CallbackData] | None = None,
    ) -> Route:
        """Return the route to a function.

        Raises:
            TypeError: it asks for what it cannot be handed.
        """
        offered = HANDLER_ARGUMENTS | ({"press": press.__name__, "sure": "bool"} if press else {})
        offered |= {"admin": "Person"} if admission.get("admins") else {}
        asked = inspect.signature(answer).parameters.values()
        # of a press, what a command does without
        of_press = {"press", "query", "shown"} if press else set[str]()
        wanted = [one for one in asked if one.default is one.empty or one.name in of_press]
        for one in wanted:
            if offered.get(one.name) not in str(one.annotation).split(" | "):
                raise TypeError(f"{answer.__qualname__}: nothing to hand over as {one}")
        is_shown = any((one.name, one.annotation) == ("shown", "int") for one in wanted)
        return cls(answer, frozenset(one.name for one in wanted), admission, press, is_shown)

    async def run(self, update: Update, context: Context, sender: Sender, **found: Any) -> None:
        """Call the function with what it asks for; say so where it breaks."""
        found |= {
            "sender": sender,
            "services": context.services,
            "context": context,
            "update": update,
            "cause": f"update:{update.update_id}",
            "admin": sender.person,
        }
        async with _apologize_on_error(sender):
            await self.answer(**{name: found[name] for name in self.wanted})


@asynccontextmanager
async def _apologize_on_error(sender: Sender) -> AsyncIterator[None]:
    """Tell who asked that a fault is ours: silence would say it is theirs."""
    try:
        yield
    except (Unreachable, Unreadable):
        raise
    except Exception:
        text = sender.translator.gettext("Something broke on my side. Please try that again.")
        if sender.press is not None and not sender.press.is_given:
            await sender.answer(text)
        elif sender.chat.is_private:
            try:
                await sender.reply(text)
            except SendError as error:
                logger.warning("no apology in chat %d: %r", sender.chat.id, error)
        raise


class Router:
    """What a module answers, in the order in which it is asked."""

    def __init__(self) -> None:
        self.handlers: list[BaseHandler[Update, Context, None]] = []
        self.buttons: list[Route] = []

    def command(self, name: str) -> Callable[[F], F]:
        """Register what answers a command of the table, under all its names.

        Only new messages count; of an edit, what orders (see `message`). What admins do, they do in
        private and in their own words: a forwarded message may hold somebody else's.

        Raises:
            KeyError: the table has no such command.
        """
        command = commands.BY_NAME[name]
        admins = command.scope is Scope.ADMIN
        where = _updates(orders=command.orders)
        if admins:
            where = where & filters.ChatType.PRIVATE & ~filters.FORWARDED

        def register(answer: F) -> F:
            admission = Admission(
                admins=admins,
                orders=command.orders,
                when_off=command.when_off,
                when_banned=command.when_banned,
            )
            route = Route.to(answer, admission)
            ours = where & filters.TEXT & command_filter(command.names)
            self.handlers.append(MessageHandler(ours, _message_callback(route)))
            return answer

        return register

    def message(
        self, where: filters.BaseFilter, **admission: Unpack[Admission]
    ) -> Callable[[F], F]:
        """Register what answers new messages of a kind; see `Admission`.

        What orders is asked about edited ones as well, while a card waits for a tap on them.
        """

        def register(answer: F) -> F:
            spoken = _message_callback(Route.to(answer, admission))
            of_kind = _updates(orders=admission.get("orders", False)) & where
            self.handlers.append(MessageHandler(of_kind, spoken))
            return answer

        return register

    def button(self, press: type[CallbackData], **admission: Unpack[Admission]) -> Callable[[F], F]:
        """Register what answers the buttons that carry this; see `Admission`."""

        def register(answer: F) -> F:
            self.buttons.append(Route.to(answer, admission, press))
            return answer

        return register


def _updates(*, orders: bool) -> filters.BaseFilter:
    return filters.UpdateType.MESSAGES if orders else filters.UpdateType.MESSAGE


def _message_callback(route: Route) -> Callable[[Update, Context], Coroutine[Any, Any, None]]:
    """Return the handler of messages that takes a route."""

    async def handle(update: Update, context: Context) -> None:
        message = update.message or update.edited_message
        sender = None if message is None else await identify_sender(update, context.services)
        if message is None or sender is None:
            return
        if update.message is None and sender.edited is None:
            return
        refusal = access_refusal(sender, route.admission, context.services, message)
        try:
            if refusal is None:
                words = (command_in(message) or ("", ""))[1].split()
                await route.run(update, context, sender, message=message, words=words)
            elif refusal and not is_answered(context, cause_of(message)):
                is_stranger = sender.access is Access.STRANGER and route.admission.get("orders")
                asks = stranger_buttons(sender.translator) if is_stranger else ()
                await sender.reply(refusal, reply_to=message.message_id, buttons=asks)
        finally:
            if sender.edited is None:
                await sender.take_away(sender.closed)
            elif not sender.edited.is_replaced:
                await _drop_card(context.services, sender, sender.edited.card)

    return handle


async def _drop_card(services: Services, sender: Sender, card: Card) -> None:
    """Take a card away: what it waits for is not said any more."""
    async with services.db.transaction() as tx:
        await cards.close(tx, card.id, "dropped")
    await sender.take_away(card)


def access_refusal(
    sender: Sender, admission: Admission, services: Services, message: Message | None = None
) -> str | None:
    """Say why somebody is turned away; "" where that is done in silence, None where they may."""
    _ = sender.translator.gettext
    heard = admission.get("when_banned") and sender.chat.is_private
    if sender.access is Access.BANNED and not heard:
        text = shut_out_text(sender.translator, sender.banned_for)
        if services.policy.support_contact is not None:
            text = f"{text} {contact_text(sender.translator, services.policy.support_contact)}"
        if services.policy.stars_per_credit:
            text += " " + _("About a payment, write /paysupport.")
        # in a group, others read all but the answer to a press
        return text if sender.press or sender.chat.is_private else ""
    if sender.group and sender.group.asking is Asking.NOBODY and not admission.get("when_off"):
        return _("I am switched off here.") if sender.press else ""
    if admission.get("orders") and sender.access is Access.STRANGER:
        number = sender.chat.telegram_id
        return "" if admission.get("refuses_silently") else stranger_text(sender.translator, number)
    if untimely := _timing_refusal(sender, admission):
        return untimely
    if admission.get("admins") and not (sender.is_admin and sender.chat.is_private):
        return (
            _("This button is not for you.")
            if message is None
            else commands.unknown(message.text or "", sender.translator)
        )
    return None


def _timing_refusal(sender: Sender, admission: Admission) -> str:
    """Say why this is not the time; "" where it is."""
    _ = sender.translator.gettext
    if sender.is_excess:
        return _(
            "That was too much at once. Please wait a minute, then send the last message again."
        )
    if sender.press and sender.is_late and not admission.get("even_late"):
        return _("That was long ago. Tap again if you still want it.")
    return ""


def is_answered(context: Context, cause: str) -> bool:
    """Whether this is an album something was said to already; from now on it was.

    Each of an album's pictures is a message of its own, and one answer is enough for all.
    """
    seen = context.chat_data
    if seen is None or not cause.startswith(ALBUM):
        return False
    known = seen.get("album") == cause
    seen["album"] = cause
    return bool(known)
