"""A Telegram Bot API server on this machine, over real HTTP, with people to play the chats."""

from __future__ import annotations

from sandbox.telegram.account import Call
from sandbox.telegram.actors import Person, Topic
from sandbox.telegram.chats import Group, PrivateChat
from sandbox.telegram.faults import Fault, FaultRule, Faults
from sandbox.telegram.files import StoredFile
from sandbox.telegram.messages import Button, Message
from sandbox.telegram.people import Conversation as Chat
from sandbox.telegram.queries import Answer, InlineAnswer, Query
from sandbox.telegram.sandbox import TelegramSandbox
from sandbox.telegram.schema import Uploaded

__all__ = [
    "Answer",
    "Button",
    "Call",
    "Chat",
    "Fault",
    "FaultRule",
    "Faults",
    "Group",
    "InlineAnswer",
    "Message",
    "Person",
    "PrivateChat",
    "Query",
    "StoredFile",
    "TelegramSandbox",
    "Topic",
    "Uploaded",
]
