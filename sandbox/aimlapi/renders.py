"""The planned course of a generation: its end, its statuses, and the delivery of its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Body = Literal["video", "html", "garbage", "empty"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the finished file is made and served.

    `padding` is its minimum size in bytes; `truncated` sends half of it; `bytes_per_second` limits
    the rate; `redirect` is the target of its link. The first `dead_fetches` downloads answer
    `dead_status` and expire their link, so that only another poll returns a new one.
    """

    sound: bool = True
    moov: Literal["start", "end"] = "start"
    padding: int = 0
    body: Body = "video"
    truncated: bool = False
    endless: bool = False
    bytes_per_second: int | None = None
    redirect: str | None = None
    dead_fetches: int = 0
    dead_status: int = 410


@dataclass(frozen=True, slots=True)
class Render:
    """How a generation proceeds and ends.

    `statuses` are answered poll by poll while it is pending, the last one repeatedly; `seconds` is
    its duration, None for the sandbox's default.
    """

    ends: Literal["completed", "error", "never"] = "completed"
    statuses: tuple[str, ...] = ("queued", "generating")
    seconds: float | None = None
    error_name: str = ""
    error_message: str = ""
    error_as: Literal["object", "string"] = "object"
    video_as: Literal["object", "array"] = "object"
    usage: bool = True
    delivery: Delivery = field(default_factory=Delivery)

    @classmethod
    def works(
        cls,
        *,
        statuses: tuple[str, ...] = ("queued", "generating"),
        video_as: Literal["object", "array"] = "object",
        usage: bool = True,
        **delivery: Any,
    ) -> Render:
        """Complete with a video; `delivery` are fields of `Delivery`."""
        return cls(statuses=statuses, video_as=video_as, usage=usage, delivery=Delivery(**delivery))

    @classmethod
    def refused(
        cls,
        message: str = "Your request was blocked by our moderation system.",
        *,
        error_as: Literal["object", "string"] = "object",
    ) -> Render:
        """Fail by moderation; nothing is charged."""
        return cls(
            "error", error_name="moderation_blocked", error_message=message, error_as=error_as
        )

    @classmethod
    def failed(
        cls,
        message: str = "Video generation failed",
        *,
        error_as: Literal["object", "string"] = "object",
    ) -> Render:
        """Fail by an error; nothing is charged."""
        name = "InternalServerErrorException"
        return cls("error", error_name=name, error_message=message, error_as=error_as)

    @classmethod
    def never(cls) -> Render:
        """Stay pending for ever."""
        return cls("never")

    @classmethod
    def late(cls, seconds: float) -> Render:
        """Complete with a video after so many seconds."""
        return cls(seconds=seconds)
