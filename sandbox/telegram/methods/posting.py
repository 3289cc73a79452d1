"""Finds the chat and message of a call, and posts messages of the bot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.telegram.errors import bad_request
from sandbox.telegram.keyboards import read_keyboard

if TYPE_CHECKING:
    from sandbox.telegram.messages import Message
    from sandbox.telegram.world import Chat, World

Params = dict[str, Any]
_UNSUPPORTED = (
    "business_connection_id",
    "direct_messages_topic_id",
    "suggested_post_parameters",
    "allow_paid_broadcast",
)


def find_chat(world: World, params: Params, name: str = "chat_id") -> Chat:
    """Return the chat of a call.

    Raises:
        ApiError: 400 for an unknown chat.
    """
    chat = world.chats.get(params[name])
    if chat is None:
        raise bad_request("chat not found")
    return chat


def find_message(world: World, params: Params, to: str) -> tuple[Chat, Message]:
    """Return the chat and the message of a call; ``to`` is the verb for errors.

    Raises:
        ApiError: 400 if the message is gone, else as ``Chat.check_open``.
    """
    chat = find_chat(world, params)
    chat.check_open()
    message = chat.find(params["message_id"])
    if message is None:
        raise bad_request(f"message to {to} not found")
    return chat, message


def post_message(world: World, params: Params, what: str, **content: Any) -> Message:
    """Post a message of the bot; ``what`` is the kind of content, as ``check_writable`` names it.

    Raises:
        ApiError: if the chat, the topic or the answered message does not allow it.
    """
    for name in _UNSUPPORTED:
        if name in params:
            raise bad_request(f"this server does not support {name}")
    chat = find_chat(world, params)
    chat.check_writable(what)
    thread = params.get("message_thread_id")
    reply_to = _answered(chat, params.get("reply_parameters"), in_topic=thread is not None)
    if thread is None and chat.is_forum and reply_to is not None and reply_to.topic is not None:
        thread = reply_to.topic.id
    topic = chat.open_topic(thread)
    markup = read_keyboard(params)
    if world.floods is not None:
        world.floods.count(chat.id)
    return world.post(
        chat,
        world.bot,
        reply_to=reply_to,
        topic=topic,
        silent=params.get("disable_notification", False),
        protected=params.get("protect_content", False),
        spoiler=params.get("has_spoiler", False),
        reply_markup=markup,
        **content,
    )


def _answered(chat: Chat, given: Params | None, *, in_topic: bool) -> Message | None:
    if given is None:
        return None
    if "chat_id" in given and given["chat_id"] != chat.id:
        raise bad_request("this server does not support replies to another chat")
    message = chat.find(given["message_id"])
    if message is None and (in_topic or not given.get("allow_sending_without_reply")):
        raise bad_request("message to be replied not found")
    quote = given.get("quote")
    if message is not None and quote and quote not in (message.text or message.caption or ""):
        raise bad_request("QUOTE_TEXT_INVALID")
    return message


def message_to_edit(world: World, params: Params) -> Message:
    """Return the message that an edit is about.

    Raises:
        ApiError: 400 if it is gone, not the bot's, or has a keyboard that is not inline.
    """
    inline_id = params.get("inline_message_id")
    if inline_id is not None:
        inline = world.inline_messages.get(inline_id)
        if inline is None or inline.deleted:
            raise bad_request("MESSAGE_ID_INVALID")
        return inline
    if "chat_id" not in params:
        raise bad_request("chat_id is empty")
    if "message_id" not in params:
        raise bad_request("message identifier is not specified")
    _, message = find_message(world, params, "edit")
    keyboard = message.reply_markup
    if message.sender is not world.bot or (keyboard and "inline_keyboard" not in keyboard):
        raise bad_request("message can't be edited")
    return message
