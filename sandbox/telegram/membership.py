"""ChatMember objects of the Bot API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.telegram.actors import Person

_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)


def chat_member(person: Person, status: str) -> dict[str, Any]:
    """Return the ChatMember with this status; an administrator has all rights."""
    member: dict[str, Any] = {"status": status, "user": person.as_json()}
    match status:
        case "creator":
            member["is_anonymous"] = False
        case "administrator":
            member |= {"is_anonymous": False, "can_be_edited": False}
            member |= dict.fromkeys(_RIGHTS, True)
        case "kicked":
            member["until_date"] = 0
    return member
