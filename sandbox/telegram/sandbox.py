"""The sandbox as tests and the demo use it: a server, its people and its chats."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from sandbox.loopback import LoopbackServer
from sandbox.telegram.actors import Person
from sandbox.telegram.chats import Group, PrivateChat
from sandbox.telegram.floods import FloodLimits
from sandbox.telegram.server import telegram_app
from sandbox.telegram.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from types import TracebackType

    from sandbox.telegram.account import Call, Profile
    from sandbox.telegram.changes import Event
    from sandbox.telegram.faults import Faults
    from sandbox.telegram.queries import InlineAnswer, Query

TOKEN = "7000000001:AAsandbox-telegram-token-for-this-machine"  # noqa: S105 - opens nothing but this sandbox
_FIRST_PERSON = 1_000_000
_FIRST_GROUP = 4_000_000
_SUPERGROUPS = -1_000_000_000_000


class TelegramSandbox:
    """A Bot API server with one bot; ``async with`` serves it.

    Args:
        port: the server's port; 0 for a free one.
        token: the bot's token; the number before the colon is the bot's id.
        username: the bot's username.
        flood_limits: whether Telegram's limits per chat are enforced.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        token: str = TOKEN,
        username: str = "film_maker_bot",
        flood_limits: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="telegram-sandbox-")
        bot = Person(int(token.partition(":")[0]), "Film Maker", username, is_bot=True)
        self.world = World(token=token, bot=bot, directory=Path(self._folder.name), clock=clock)
        if flood_limits:
            self.world.floods = FloodLimits(clock)
        self._server = LoopbackServer(telegram_app(self.world), port)
        self.token = token
        self.bot = bot
        self.url = self._server.url

    async def __aenter__(self) -> Self:
        await self._server.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.faults.clear()
        self.world.updates.release()
        await self.world.webhook.stop()
        await self._server.stop()
        self._folder.cleanup()

    @property
    def faults(self) -> Faults:
        """The faults of later calls."""
        return self.world.faults

    @property
    def calls(self) -> list[Call]:
        """Every call of the bot, oldest first."""
        return self.world.calls

    @property
    def profile(self) -> Profile:
        """The bot's name, descriptions and commands."""
        return self.world.profile

    @property
    def unanswered_callbacks(self) -> list[Query]:
        """The callback queries the bot has not answered."""
        return self.world.callbacks.unanswered

    def calls_of(self, method: str) -> list[Call]:
        """Return the calls of one method."""
        return [call for call in self.calls if call.method == method]

    async def wait_for_call(
        self,
        method: str,
        *,
        count: int = 1,
        timeout: float = 30,  # noqa: ASYNC109 - a test says how long it is ready to wait
    ) -> Call:
        """Wait for the ``count``-th call of a method and return it; it may still be running.

        Raises:
            AssertionError: after ``timeout`` seconds.
        """

        def look() -> Call | None:
            calls = self.calls_of(method)
            return calls[count - 1] if len(calls) >= count else None

        call = await self.world.changes.until(look, timeout)
        if call is None:
            raise AssertionError(
                f"{method} was called {len(self.calls_of(method))} times within {timeout} s, "
                f"not {count}"
            )
        return call

    def events(self) -> AsyncGenerator[Event, None]:
        """Yield events: message, edit, delete, action, answer, reaction, call and others."""
        return self.world.changes.stream()

    def person(
        self,
        name: str,
        *,
        username: str | None = None,
        language: str | None = "en",
        user_id: int | None = None,
    ) -> Person:
        """Create a Telegram user, with a new id unless ``user_id`` is given."""
        number = _FIRST_PERSON + self.world.fresh_id() if user_id is None else user_id
        person = Person(number, name, username, language)
        self.world.people[person.id] = person
        return person

    def private(self, person: Person, *, started: bool = True) -> PrivateChat:
        """Return a person's chat with the bot; until it is started, the bot cannot write."""
        chat = self.world.chats.get(person.id)
        if isinstance(chat, PrivateChat):
            return chat
        new = PrivateChat(self.world, person.id, "private", members=[person], started=started)
        self.world.chats[new.id] = new
        return new

    def group(
        self,
        title: str,
        members: list[Person],
        *,
        kind: Literal["group", "supergroup"] = "supergroup",
        forum: bool = False,
        with_bot: bool = True,
    ) -> Group:
        """Create a group owned by its first member; ``with_bot=False`` leaves the bot out.

        Raises:
            ValueError: for a forum that is not a supergroup.
        """
        if forum and kind == "group":
            raise ValueError("only supergroups are forums")
        number = -(_FIRST_GROUP + self.world.fresh_id())
        group = Group(
            self.world,
            number if kind == "group" else _SUPERGROUPS + number,
            kind,
            title=title,
            members=list(members),
            admins=members[:1],
            is_forum=forum,
            bot_status="member" if with_bot else "left",
        )
        self.world.chats[group.id] = group
        return group

    def privacy_mode(self, *, on: bool) -> None:
        """Switch privacy mode, in which groups show the bot only commands and replies to it."""
        self.world.reads_all_group_messages = not on

    def inline_mode(self, *, on: bool) -> None:
        """Switch whether the bot receives inline queries, as BotFather's /setinline does."""
        self.world.supports_inline_queries = on

    async def inline(
        self,
        person: Person,
        query: str,
        offset: str = "",
        timeout: float = 10,  # noqa: ASYNC109 - as above
    ) -> InlineAnswer:
        """Send an inline query and wait for its results.

        Raises:
            AssertionError: if no answer came within ``timeout`` seconds.
        """
        return await self.world.ask_inline(person, query, offset, timeout)
