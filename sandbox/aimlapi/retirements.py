"""Retirements of models, and the deprecation feed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.aimlapi import schemas

Status = Literal["deprecated", "superseded", "withdrawn"]
_STATUSES = {"deprecated", "superseded", "withdrawn"}
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")


@dataclass(frozen=True, slots=True)
class Retirement:
    """The retirement of a model; dates as YYYY-MM-DD. The feed has only announced ones."""

    status: Status
    deprecated_at: str | None = None
    shutdown_at: str | None = None
    replaced_by: str | None = None
    reason: str | None = "provider_delisted"
    announced: bool = True

    @property
    def is_listed(self) -> bool:
        """Whether the catalogue still shows the model."""
        return self.status == "superseded" or (
            self.status == "deprecated" and self.shutdown_at is None
        )

    @property
    def sort_date(self) -> str:
        """The date the feed sorts by."""
        return self.shutdown_at or self.deprecated_at or ""

    def since(self, date: str) -> bool:
        """Whether one of its dates is this date or later."""
        return max(self.deprecated_at or "", self.shutdown_at or "") >= date

    def as_json(self, name: str) -> dict[str, Any]:
        """Return the feed's entry."""
        model = schemas.find(name)
        return {
            "id": name,
            "aliases": list(model.aliases) if model else [],
            "status": self.status,
            "deprecated_at": self.deprecated_at,
            "shutdown_at": self.shutdown_at,
            "replaced_by": self.replaced_by,
            "reason": self.reason,
        }


def feed(retired: dict[str, Retirement], statuses: set[str], since: str) -> list[dict[str, Any]]:
    """Return the feed's entries, newest first; invalid filters are ignored."""
    wanted = {status.lower() for status in statuses} & _STATUSES or _STATUSES
    rows = [
        (name, retirement)
        for name, retirement in retired.items()
        if retirement.announced
        and retirement.status in wanted
        and (not _DATE.match(since) or retirement.since(since))
    ]
    rows.sort(key=lambda row: row[0])
    rows.sort(key=lambda row: row[1].sort_date, reverse=True)
    return [retirement.as_json(name) for name, retirement in rows]
