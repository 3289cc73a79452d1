"""The exception for a refused call, with Telegram's own descriptions."""

from __future__ import annotations


class ApiError(Exception):
    """A refused call.

    Args:
        code: the HTTP status and the ``error_code``.
        description: the ``description`` of the answer.
        parameters: ``retry_after`` (seconds), ``migrate_to_chat_id``.
    """

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


def bad_request(reason: str) -> ApiError:
    """Return an error 400: the call is invalid, or does not fit the chat's state."""
    return ApiError(400, f"Bad Request: {reason}")


def forbidden(reason: str) -> ApiError:
    """Return an error 403: the bot has no access to the chat."""
    return ApiError(403, f"Forbidden: {reason}")


def too_many_requests(retry_after: int) -> ApiError:
    """Return an error 429; ``retry_after`` in seconds."""
    return ApiError(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)
