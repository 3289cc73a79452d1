"""What follows when a model fails a request: another one does the job, or is offered for a tap."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from generation.jobs import transitions
from generation.jobs.transitions import told
from generation.models import pricing
from generation.models.offer import Offer, People
from generation.orders import substitutes
from storage.generations import State

if TYPE_CHECKING:
    from decimal import Decimal

    from aiosqlite import Connection

    from generation.models.catalogue import Catalogue
    from generation.models.cooldowns import Rests
    from generation.orders.substitutes import Priced
    from storage.generations import Generation

ANY_PRICE = 2**31


class Detours:
    """Finds the way round a model that is gone, fails, or refuses what it is shown."""

    def __init__(self, catalogue: Catalogue, rests: Rests, *, credit_usd: Decimal) -> None:
        self._catalogue = catalogue
        self._rests = rests
        self._credit_usd = credit_usd

    def is_needed(self, generation: Generation) -> bool:
        """Whether its model is not asked for anything now."""
        return generation.model in self._catalogue.unserved

    async def gone(self, tx: Connection, generation: Generation, *, now: float) -> None:
        """Leave a model alone that is not served, and take the way round it."""
        await self._rests.gone(tx, generation.model)
        await self.around(tx, generation, now=now)

    async def around(self, tx: Connection, generation: Generation, *, now: float) -> None:
        """Make a video with the next model instead of its own, which is not asked now.

        By itself that happens where it costs no more; else the credits go back, and one tap goes
        on.
        """
        wanted = substitutes.choice_of(generation, self._catalogue.known)
        found = substitutes.replacement(
            wanted, self._catalogue.offer, credit_usd=self._credit_usd, most=generation.credits,
            prompt=generation.prompt,
        )  # fmt: skip
        facts = {
            "was": wanted.family.title,
            "rests": generation.model in self._catalogue.resting,
            **(_facts(found) if found else {}),
        }
        if found is not None and found.credits <= generation.credits:
            await self._reroute(tx, generation, found, facts, now)
            return
        await transitions.advance(
            tx, generation, State.FAILED, reason="model gone", now=now,
            owes=[told(generation, "failed_model_gone", **facts)], uncharged=True,
        )  # fmt: skip

    async def strike(self, tx: Connection, generation: Generation) -> None:
        """Count a failure of the model that its sender is not to blame for."""
        await self._rests.strike(tx, generation.model, generation.id)

    def moderated(self, generation: Generation, *, people: bool) -> tuple[str, dict[str, Any]]:
        """Return the notice of a refusal for what is shown, and its facts."""
        if people and generation.kind == "i2v":
            return "failed_people", self._for_people(generation)
        return "failed_moderation", {}

    def _for_people(self, generation: Generation) -> dict[str, Any]:
        """Return who may animate a picture of people, if anybody is not known to refuse."""
        wanted = substitutes.choice_of(generation, self._catalogue.known)
        families = [
            one
            for one in self._catalogue.offer
            if one.people is not People.NO and one.name != generation.family
        ]
        families.sort(key=lambda family: family.people is not People.YES)
        found = substitutes.replacement(
            wanted, Offer(tuple(families)), credit_usd=self._credit_usd, most=ANY_PRICE,
            prompt=generation.prompt,
        )  # fmt: skip
        return {"was": wanted.family.title} | (_facts(found) if found else {})

    async def _reroute(
        self,
        tx: Connection,
        generation: Generation,
        found: Priced,
        facts: dict[str, Any],
        now: float,
    ) -> None:
        choice = found.choice
        notice = told(generation, "rerouted", **facts)
        queued = await transitions.reroute(
            tx, generation, reason=f"{generation.family} is not served", now=now,
            # it may happen again, and each time its sender should know
            owes=[replace(notice, cause=f"{notice.cause}:{choice.family.name}")],
            family=choice.family.name, model=choice.mode.model, seconds=choice.seconds,
            aspect_ratio=choice.aspect_ratio, resolution=choice.resolution,
            credits=found.credits, price_micros=pricing.to_micros(found.usd),
        )  # fmt: skip
        if queued is not None and queued.cancel_wanted:
            await transitions.call_back(tx, queued, now=now)


def _facts(found: Priced) -> dict[str, Any]:
    choice = found.choice
    return {
        "family": choice.family.name,
        "title": choice.family.title,
        "seconds": choice.seconds,
        "cost": found.credits,
    }
