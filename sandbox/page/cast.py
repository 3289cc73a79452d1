"""Who plays in the demo, and where: three people, their private chats, two groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.telegram import Chat, Group, Person, PrivateChat, TelegramSandbox


@dataclass(frozen=True, slots=True)
class Cast:
    """The people in the order the page offers them, and their chats by id in that of its list."""

    people: Mapping[int, Person]
    operator: Person
    private: Mapping[int, PrivateChat]
    groups: Sequence[Group]
    chats: Mapping[int, Chat]

    @classmethod
    def gather(cls, telegram: TelegramSandbox) -> Cast:
        """Bring everybody to a fresh sandbox; nobody has written to the bot or invited it yet.

        Messages are numbered as updates are, from the time on: a bot that remembers an earlier
        sandbox must not take a new message for one it has answered.
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
        """Have the operator start the bot, and the owner of each group add it."""
        await self.private[self.operator.id].send(self.operator, "/start")
        for group in self.groups:
            group.add_bot()

    def person(self, person_id: int) -> Person:
        """The person with this id; raises LookupError."""
        return self.people[person_id]

    def chat(self, chat_id: int, person: Person) -> Chat:
        """The chat with this id if that person is in it; raises LookupError."""
        chat = self.chats[chat_id]
        if person not in chat.members:
            raise LookupError(f"{person.first_name} is not in {chat!r}")
        return chat
