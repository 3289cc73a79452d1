"""The AI/ML API's video side on this machine: submit, poll and fetch videos without an account."""

from __future__ import annotations

from sandbox.aimlapi.billing import Price
from sandbox.aimlapi.events import Event
from sandbox.aimlapi.faults import Fault, Faults
from sandbox.aimlapi.renders import Delivery, Render
from sandbox.aimlapi.retirements import Retirement
from sandbox.aimlapi.server import AimlApiSandbox
from sandbox.aimlapi.submissions import Submission

__all__ = [
    "AimlApiSandbox",
    "Delivery",
    "Event",
    "Fault",
    "Faults",
    "Price",
    "Render",
    "Retirement",
    "Submission",
]
