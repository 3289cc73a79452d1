"""What becomes of a generation: how it ends, what is said on the way, and how its file arrives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Body = Literal["video", "html", "garbage", "empty"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the finished file is made and served.

    `padding` is its size in bytes at least; `truncated` says half of it; `bytes_per_second` slows
    it; `redirect` is where its link leads; the first `dead_fetches` fetches answer `dead_status`,
    each killing its link, so that only another poll brings a fresh one.
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
    """How a generation goes.

    `statuses` are said poll by poll while it is pending, the last one on and on; `seconds` is how
    long it takes, None for the sandbox's usual time.
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
        sound: bool = True,
        moov: Literal["start", "end"] = "start",
        padding: int = 0,
        body: Body = "video",
        truncated: bool = False,
        endless: bool = False,
        bytes_per_second: int | None = None,
        redirect: str | None = None,
        dead_fetches: int = 0,
        dead_status: int = 410,
    ) -> Render:
        """A video comes of it; `Delivery` tells what the words about its file mean."""
        delivery = Delivery(
            sound=sound,
            moov=moov,
            padding=padding,
            body=body,
            truncated=truncated,
            endless=endless,
            bytes_per_second=bytes_per_second,
            redirect=redirect,
            dead_fetches=dead_fetches,
            dead_status=dead_status,
        )
        return cls(statuses=statuses, video_as=video_as, usage=usage, delivery=delivery)

    @classmethod
    def refused(
        cls,
        message: str = "Your request was blocked by our moderation system.",
        *,
        error_as: Literal["object", "string"] = "object",
    ) -> Render:
        """Moderation stops it on the way; nothing is charged."""
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
        """It breaks on the way; nothing is charged."""
        name = "InternalServerErrorException"
        return cls("error", error_name=name, error_message=message, error_as=error_as)

    @classmethod
    def never(cls) -> Render:
        """It stays pending for ever."""
        return cls("never")

    @classmethod
    def late(cls, seconds: float) -> Render:
        """A video comes of it after so many seconds."""
        return cls(seconds=seconds)
