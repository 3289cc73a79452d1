"""Methods by which the bot gets updates, files, and its own account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox.telegram.errors import ApiError, bad_request

if TYPE_CHECKING:
    from sandbox.telegram.methods.posting import Params
    from sandbox.telegram.world import World

DOWNLOAD_BYTES = 20 * 1024 * 1024
_BATCH = 100
_PORTS = (443, 80, 88, 8443)
_SECRET = re.compile(r"[A-Za-z0-9_-]{0,256}")


async def get_me(world: World, _: Params) -> dict[str, Any]:
    """Serve getMe."""
    return world.bot.as_json() | {
        "can_join_groups": True,
        "can_read_all_group_messages": world.reads_all_group_messages,
        "supports_inline_queries": world.supports_inline_queries,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": False,
    }


async def get_updates(world: World, params: Params) -> list[dict[str, Any]]:
    """Serve getUpdates, a long poll; allowed_updates stay in force until given again."""
    if world.webhook_url:
        raise ApiError(
            409,
            "Conflict: can't use getUpdates method while webhook is active; "
            "use deleteWebhook to delete the webhook first",
        )
    if "allowed_updates" in params:
        world.updates.allowed = params["allowed_updates"]
    updates = await world.updates.poll(
        offset=params.get("offset", 0),
        limit=min(max(params.get("limit", _BATCH), 1), _BATCH),
        timeout=max(params.get("timeout", 0), 0),
    )
    return [update.as_json() for update in updates]


async def set_webhook(world: World, params: Params) -> bool:
    """Serve setWebhook: updates are posted from now on, and getUpdates is refused."""
    url, secret = params["url"], params.get("secret_token", "")
    if url and not world.files.is_local:
        if not url.startswith("https://"):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if (urlsplit(url).port or 443) not in _PORTS:
            raise bad_request(
                "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443"
            )
    if not _SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    world.webhook_url = url
    if "allowed_updates" in params:
        world.updates.allowed = params["allowed_updates"]
    if params.get("drop_pending_updates"):
        world.updates.clear()
    await (world.webhook.set(url, secret) if url else world.webhook.stop())
    return True


async def delete_webhook(world: World, params: Params) -> bool:
    """Serve deleteWebhook."""
    world.webhook_url = ""
    await world.webhook.stop()
    if params.get("drop_pending_updates"):
        world.updates.clear()
    return True


async def get_webhook_info(world: World, _: Params) -> dict[str, Any]:
    """Serve getWebhookInfo."""
    info: dict[str, Any] = {
        "url": world.webhook_url,
        "has_custom_certificate": False,
        "pending_update_count": len(world.updates),
        **world.webhook.info(),
    }
    return info | ({"allowed_updates": world.updates.allowed} if world.updates.allowed else {})


async def get_file(world: World, params: Params) -> dict[str, Any]:
    """Serve getFile: up to 20 MB, or as a path if the server is local."""
    file = world.files.by_id(params["file_id"])
    if file is None:
        raise bad_request("invalid file_id")
    if file.size > DOWNLOAD_BYTES and not world.files.is_local:
        raise bad_request("file is too big")
    return {
        "file_id": file.file_id,
        "file_unique_id": file.file_unique_id,
        "file_size": file.size,
        "file_path": str(file.path) if world.files.is_local else file.file_path,
    }


async def log_out(_: World, __: Params) -> bool:
    """Serve logOut and close, which have no effect here."""
    return True


METHODS = {
    "getMe": get_me,
    "getUpdates": get_updates,
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info,
    "getFile": get_file,
    "logOut": log_out,
    "close": log_out,
}
