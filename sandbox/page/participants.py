"""The people and chats of the demo: three people, their private chats, two groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.telegram import Chat, Group, Person, PrivateChat, TelegramSandbox


@dataclass(frozen=True, slots=True)
class Participants:
    """The people and chats by id, in the order in which the page lists them."""

    people: Mapping[int, Person]
    operator: Person
    private: Mapping[int, PrivateChat]
    groups: Sequence[Group]
    chats: Mapping[int, Chat]

    @classmethod
    def create(cls, telegram: TelegramSandbox) -> Participants:
        """Create people and chats in a new sandbox; the bot is in none of the groups yet.

        The first message id follows from the time, as update ids do, so that a bot with data of an
        earlier sandbox does not mistake a new message for an old one.
        """
        ann = telegram.person("Ann", username="ann")
        bob = telegram.person("Bob", username="bob")
        operator = telegram.person("Operator", username="operator")
        people = {person.id: person for person in (ann, bob, operator)}
        private = {key: telegram.private(one, started=False) for key, one in people.items()}
        club = telegram.group("Film club", [ann, bob, operator], with_bot=False)
        studio = telegram.group("Studio", [operator, ann, bob], forum=True, with_bot=False)
        chats: dict[int, Chat] = {**private, club.id: club, studio.id: studio}
        for chat in chats.values():
            chat.last_id = telegram.world.updates.first_id
        studio.topic("Trailers")
        studio.topic("Holiday photos")
        return cls(people, operator, private, (club, studio), chats)

    async def invite(self) -> None:
        """Send the operator's /start, and add the bot to each group."""
        await self.private[self.operator.id].send(self.operator, "/start")
        for group in self.groups:
            group.add_bot()

    def person(self, person_id: int) -> Person:
        """Return the person with this id; raises LookupError."""
        return self.people[person_id]

    def chat(self, chat_id: int, person: Person) -> Chat:
        """Return the chat with this id if the person is in it; raises LookupError."""
        chat = self.chats[chat_id]
        if person not in chat.members:
            raise LookupError(f"{person.first_name} is not in {chat!r}")
        return chat
