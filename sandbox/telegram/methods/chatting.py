"""Methods about chats: actions, reactions, members, leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.telegram.errors import bad_request
from sandbox.telegram.membership import chat_member
from sandbox.telegram.methods.posting import Params, find_chat, find_message
from sandbox.telegram.schema import allowed_values

if TYPE_CHECKING:
    from sandbox.telegram.world import World

_ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)
_PERMISSIONS = (
    "can_send_messages",
    "can_send_photos",
    "can_send_videos",
    "can_send_documents",
    "can_send_other_messages",
)
_EMOJI = allowed_values("ReactionTypeEmoji", "emoji")


async def send_chat_action(world: World, params: Params) -> bool:
    """Serve sendChatAction."""
    chat = find_chat(world, params)
    chat.check_writable("text messages")
    chat.open_topic(params.get("message_thread_id"))
    if params["action"] not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat.actions.append(params["action"])
    thread = params.get("message_thread_id")
    world.changes.tell("action", chat_id=chat.id, topic=thread, action=params["action"])
    return True


async def set_message_reaction(world: World, params: Params) -> bool:
    """Serve setMessageReaction, with at most one of Telegram's reaction emoji."""
    chat, message = find_message(world, params, "react")
    reactions = params.get("reaction", [])
    if len(reactions) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    if any(reaction.get("emoji") not in _EMOJI for reaction in reactions):
        raise bad_request("REACTION_INVALID")
    message.reactions = [reaction["emoji"] for reaction in reactions]
    world.changes.tell(
        "reaction",
        chat_id=chat.id,
        message_id=message.message_id,
        reactions=list(message.reactions),
    )
    return True


async def get_chat(world: World, params: Params) -> dict[str, Any]:
    """Serve getChat."""
    chat = find_chat(world, params)
    permissions = {}
    if chat.type != "private":
        chat.check_open()
        permissions = {
            "permissions": {
                right: chat.writable and right not in chat.withheld for right in _PERMISSIONS
            }
        }
    return (
        chat.as_json()
        | permissions
        | {
            "accent_color_id": 0,
            "max_reaction_count": 11,
            "accepted_gift_types": {
                "unlimited_gifts": False,
                "limited_gifts": False,
                "unique_gifts": False,
                "premium_subscription": False,
                "gifts_from_channels": False,
            },
        }
    )


async def get_chat_member(world: World, params: Params) -> dict[str, Any]:
    """Serve getChatMember."""
    chat = find_chat(world, params)
    chat.check_open()
    person = world.people.get(params["user_id"])
    if person is None:
        raise bad_request("invalid user_id specified")
    return chat_member(person, chat.status_of(person))


async def get_chat_administrators(world: World, params: Params) -> list[dict[str, Any]]:
    """Serve getChatAdministrators: people and this bot."""
    chat = find_chat(world, params)
    if chat.type == "private":
        raise bad_request("there are no administrators in the private chat")
    chat.check_open()
    members = [chat_member(person, chat.status_of(person)) for person in [*chat.members, world.bot]]
    return [member for member in members if member["status"] in {"creator", "administrator"}]


async def get_chat_member_count(world: World, params: Params) -> int:
    """Serve getChatMemberCount."""
    chat = find_chat(world, params)
    chat.check_open()
    return len(chat.members) + 1


async def leave_chat(world: World, params: Params) -> bool:
    """Serve leaveChat."""
    chat = find_chat(world, params)
    if chat.type == "private":
        raise bad_request("can't leave a private chat")
    chat.check_open()
    chat.bot_status = "left"
    world.changes.tell("left", chat_id=chat.id)
    return True


async def get_user_profile_photos(_: World, __: Params) -> dict[str, Any]:
    """Serve getUserProfilePhotos: no person has one."""
    return {"total_count": 0, "photos": []}


METHODS = {
    "sendChatAction": send_chat_action,
    "setMessageReaction": set_message_reaction,
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "getChatAdministrators": get_chat_administrators,
    "getChatMemberCount": get_chat_member_count,
    "leaveChat": leave_chat,
    "getUserProfilePhotos": get_user_profile_photos,
}
