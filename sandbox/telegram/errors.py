"""The one exception of this server: a call that is refused, in the words of Telegram."""

from __future__ import annotations


class ApiError(Exception):
    """A refused call.

    Args:
        code: HTTP status and ``error_code`` at once.
        description: what the caller reads.
        parameters: machine-readable hints: ``retry_after`` (seconds), ``migrate_to_chat_id``.
    """

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


def bad_request(reason: str) -> ApiError:
    """A call that is wrong in itself or does not fit what is in the chat."""
    return ApiError(400, f"Bad Request: {reason}")


def forbidden(reason: str) -> ApiError:
    """A chat that does not want this bot."""
    return ApiError(403, f"Forbidden: {reason}")


def too_many_requests(retry_after: int) -> ApiError:
    """A flood limit; ``retry_after`` in seconds."""
    return ApiError(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)
