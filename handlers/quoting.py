"""What a wish would be and cost for the one who has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generation import quotes
from generation.options import Defaults

if TYPE_CHECKING:
    from generation.options import Problem
    from generation.quotes import Quote
    from handlers.context import Services
    from handlers.identity import Asker
    from handlers.wish import Wish


async def quoted(services: Services, asker: Asker, wish: Wish) -> Quote | tuple[Problem, ...]:
    """Say what a wish would be and cost for this asker."""
    person = asker.person
    defaults = (
        Defaults(person.family, person.seconds, person.aspect_ratio, person.resolution)
        if person
        else Defaults()
    )
    return quotes.quote(
        wish.text,
        kind=wish.kind,
        offer=services.offer,
        named=services.catalogue.named,
        defaults=defaults,
        credit_usd=services.terms.credit_usd,
        picture_size=wish.picture.size if wish.picture else None,
        instead=wish.instead,
    )
