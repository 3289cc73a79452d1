"""Private chats and groups, and what changes them: blocking, topics, members, migration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.telegram.actors import Topic
from sandbox.telegram.people import Conversation

if TYPE_CHECKING:
    from sandbox.telegram.actors import Person


class PrivateChat(Conversation):
    """The chat of a person and the bot."""

    def block(self, person: Person) -> None:
        """Block the bot."""
        self.blocked = True
        self.set_bot_status("kicked", person)

    def unblock(self, person: Person) -> None:
        """Unblock the bot."""
        self.blocked = False
        self.set_bot_status("member", person)


class Group(Conversation):
    """A group or supergroup, with topics when it is a forum."""

    def topic(self, name: str) -> Topic:
        """Create a topic.

        Raises:
            ValueError: if the group is not a forum.
        """
        if not self.is_forum:
            raise ValueError(f"{self!r} is no forum")
        owner = self.members[0]
        topic = Topic(self.last_id + 1, name)
        self.topics[topic.id] = topic
        self.service(owner, topic, forum_topic_created={"name": name, "icon_color": 7322096})
        return topic

    def close(self, topic: Topic) -> None:
        """Close a topic, so that only admins can write in it."""
        topic.closed = True
        self.service(self.members[0], topic, forum_topic_closed={})

    def rename(self, topic: Topic, name: str) -> None:
        """Rename a topic."""
        topic.name = name
        self.service(self.members[0], topic, forum_topic_edited={"name": name})

    def reopen(self, topic: Topic) -> None:
        """Reopen a closed topic."""
        topic.closed = False
        self.service(self.members[0], topic, forum_topic_reopened={})

    def delete(self, topic: Topic) -> None:
        """Delete a topic with everything in it."""
        topic.deleted = True
        for message in [m for m in self.messages if m.topic is topic]:
            self.world.delete(message)

    def join(self, person: Person) -> None:
        """Add a member."""
        self.members.append(person)
        self.service(person, new_chat_members=[person.as_json()])

    def add_bot(self, by: Person | None = None) -> None:
        """Add the bot (again)."""
        adder = by or self.members[0]
        self.set_bot_status("member", adder)
        self.service(adder, new_chat_members=[self.world.bot.as_json()])

    def kick_bot(self, by: Person | None = None) -> None:
        """Remove the bot."""
        self.set_bot_status("kicked", by or self.members[0])

    def make_admin(self, person: Person | None = None) -> None:
        """Make a person, or the bot, an administrator."""
        if person is not None:
            self.admins.append(person)
        else:
            self.set_bot_status("administrator", self.members[0])

    def read_only(self) -> None:
        """Forbid members to write."""
        self.writable = False

    def disband(self) -> None:
        """Delete the group."""
        self.deleted = True

    def migrate(self) -> Group:
        """Upgrade a group to a supergroup, which is a new chat with a new id.

        Raises:
            ValueError: if it is a supergroup already.
        """
        if self.type != "group":
            raise ValueError(f"{self!r} is no basic group")
        owner = self.members[0]
        new = Group(
            self.world,
            -1_000_000_000_000 + self.id,
            "supergroup",
            title=self.title,
            members=list(self.members),
            admins=list(self.admins),
            bot_status=self.bot_status,
        )
        self.world.chats[new.id] = new
        self.service(owner, migrate_to_chat_id=new.id)
        self.migrated_to = new.id
        new.service(owner, migrate_from_chat_id=self.id)
        return new
