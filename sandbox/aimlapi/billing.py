"""Prices, the account, and the endpoints that report its balance."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from sandbox.aimlapi.schemas import models

if TYPE_CHECKING:
    from starlette.requests import Request

CREDITS_PER_USD = 2_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per second of video, and other prices for some resolutions."""

    per_second: Decimal
    by_resolution: dict[str, Decimal] = field(default_factory=dict)

    def of(self, seconds: int, resolution: str | None) -> Decimal:
        """Return the price of a video, in US dollars."""
        return seconds * self.by_resolution.get(resolution or "", self.per_second)

    def as_json(self) -> dict[str, Any]:
        """Return the catalogue's `pricing` section."""
        if not self.by_resolution:
            unit = {"name": "video", "measure": "second", "price": float(self.per_second), "per": 1}
            return {"kind": "fixed", "currency": "USD", "units": [unit]}
        variants = [
            {"when": {"resolution": name}, "price": float(price), "unit": "second", "per": 1}
            for name, price in self.by_resolution.items()
        ]
        return {
            "kind": "variants",
            "currency": "USD",
            "dimensions": ["resolution"],
            "variants": variants,
        }


_PRO = {"720p": Decimal("0.315"), "1080p": Decimal("0.525")}
# Figures of 2026 from third parties; the provider's own are not published for these models.
_KNOWN = {
    "openai/sora-2-t2v": Price(Decimal("0.21")),
    "openai/sora-2-i2v": Price(Decimal("0.21")),
    "openai/sora-2-pro-t2v": Price(_PRO["1080p"], _PRO),
    "openai/sora-2-pro-i2v": Price(_PRO["1080p"], _PRO),
    "google/veo-3-1-lite-generate-preview": Price(Decimal("0.065")),
    "minimax/hailuo-2.3-fast": Price(Decimal("0.042")),
    "ltxv/ltxv-2-fast": Price(Decimal("0.05")),
    "krea/krea-wan-14b/text-to-video": Price(Decimal("0.033")),
    "klingai/video-v3-pro-text-to-video": Price(Decimal("0.291")),
    "klingai/video-v3-pro-image-to-video": Price(Decimal("0.291")),
    "klingai/video-v3-standard-text-to-video": Price(Decimal("0.218")),
    "klingai/video-v3-standard-image-to-video": Price(Decimal("0.218")),
    "alibaba/happyhorse-1.1": Price(Decimal("0.182")),
    "bytedance/seedance-2-0": Price(Decimal("0.394")),
    "bytedance/seedance-2-0-fast": Price(Decimal("0.316")),
}
_DEFAULT = Price(Decimal("0.10"))


def price_list() -> dict[str, Price]:
    """Return the price of every model."""
    return {name: _KNOWN.get(name, _DEFAULT) for name in models()}


@dataclass(slots=True)
class Account:
    """The account's balance and spending, in US dollars."""

    balance: Decimal = Decimal(100)
    spent: Decimal = Decimal(0)

    def charge(self, usd: Decimal) -> None:
        """Charge a finished generation."""
        self.balance -= usd
        self.spent += usd

    async def answer_balance(self, _request: Request) -> Response:
        """Answer GET /v2/billing."""
        return JSONResponse(self._balance())

    async def answer_detail(self, _request: Request) -> Response:
        """Answer GET /v2/billing/detail."""
        topup = {"is_enabled": False, "threshold": None, "amount": None, "currency": "USD"}
        owner = {"user_id": 1, "email": "operator@example.org", "autotopup_settings": topup}
        return JSONResponse({**self._balance(), **owner})

    def _balance(self) -> dict[str, Any]:
        return {"current_balance": float(self.balance), "currency": "USD"}
