"""What a wish would be and cost for the one who has it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from generation.orders import quotes
from generation.orders.options import Defaults
from generation.orders.quotes import Quote
from storage import generations

if TYPE_CHECKING:
    from generation.orders.options import Problem
    from handlers.context import Services
    from handlers.identity import Sender
    from handlers.ordering.drafts import Wish


async def quoted(services: Services, sender: Sender, wish: Wish) -> Quote | tuple[Problem, ...]:
    """Say what a wish would be and cost for this sender.

    That our own choice for those who make none is another one now is said until they had it.
    """
    person = sender.person
    defaults = (
        Defaults(person.family, person.seconds, person.aspect_ratio, person.resolution)
        if person
        else Defaults()
    )
    quote = quotes.quote(
        wish.text,
        kind=wish.kind,
        offer=services.offer,
        named=services.catalogue.named,
        defaults=defaults,
        credit_usd=services.terms.credit_usd,
        picture_size=wish.picture.size if wish.picture else None,
        instead=wish.instead,
    )
    if not isinstance(quote, Quote) or quote.instead_of is None or quote.instead_of.chosen:
        return quote
    async with services.db.reading() as connection:
        had = await generations.last_family(connection, sender.account, wish.kind)
    return replace(quote, instead_of=None) if had == quote.choice.family.name else quote
