"""The state of the provider: its settings for tests, and the requests it received."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.aimlapi.billing import Account, Price, price_list
from sandbox.aimlapi.catalogue import Catalogue
from sandbox.aimlapi.events import Event, Events
from sandbox.aimlapi.faults import Faults
from sandbox.aimlapi.generations import Generations
from sandbox.aimlapi.logs import Logs
from sandbox.aimlapi.refusals import Refusals, Shape
from sandbox.aimlapi.renders import Render
from sandbox.aimlapi.retirements import Retirement

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from decimal import Decimal

    from sandbox.aimlapi.submissions import Submission

_CLIPS = Path(tempfile.gettempdir()) / "aimlapi-sandbox-clips"


class Provider:
    """The account, the catalogue, the generations, and all that tests set or check.

    `render_seconds` is the duration of a generation, `next_render` the outcome of the next one and
    `every_render` that of all others; `quick_clips` makes files of few frames, for tests.
    """

    def __init__(
        self,
        *,
        key: str = "sandbox-key",
        port: int = 0,
        render_seconds: float = 0.2,
        quick_clips: bool = True,
        clips: Path = _CLIPS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.key = key
        self.render_seconds = render_seconds
        self.quick_clips = quick_clips
        self.next_render: Render | None = None
        self.every_render = Render.works()
        self.submit_status = 200
        self.faults = Faults()
        self.prices: dict[str, Price] = price_list()
        self.catalogue = Catalogue(self.prices, clock)
        self.logs = Logs(key, clock)
        self.violations: list[str] = []
        self.submissions: list[Submission] = []
        """Every request for a video, oldest first, including refused ones."""
        self.polls: list[str] = []
        self.downloads: list[str] = []
        self.account = Account()
        self.balance_read_at = 0.0
        self.refusals = Refusals(clock)
        self.clock = clock
        self.port = port
        self.url = ""
        self._events = Events(clock)
        self.generations = Generations(
            folder=clips, account=self.account, events=self._events, clock=clock
        )

    @property
    def balance(self) -> Decimal:
        """The account's balance, in US dollars."""
        return self.account.balance

    @balance.setter
    def balance(self, usd: Decimal) -> None:
        self.account.balance = usd

    @property
    def spent_usd(self) -> Decimal:
        """The cost of all finished generations, in US dollars."""
        return self.account.spent

    @property
    def error_shape(self) -> Shape:
        """The shape of the API's error bodies."""
        return self.refusals.shape

    @error_shape.setter
    def error_shape(self, shape: Shape) -> None:
        self.refusals.shape = shape

    def withdraw(self, model: str, *, announced: bool = True) -> None:
        """Withdraw a model: it answers 404, and is in the deprecation feed if `announced`."""
        today = self.catalogue.today()
        self.retire(model, Retirement("withdrawn", today, today, announced=announced))

    def retire(self, model: str, retirement: Retirement) -> None:
        """Set a model's retirement."""
        self.catalogue.retired[model] = retirement

    def restore(self, model: str) -> None:
        """Remove a model's retirement."""
        self.catalogue.retired.pop(model, None)

    def clip_of(self, submission: Submission | str) -> Path:
        """Return the file of a finished generation; raises LookupError if it is not finished."""
        identity = submission if isinstance(submission, str) else submission.id
        generation = self.generations.by_id.get(identity or "")
        if generation is None or generation.status != "completed":
            raise LookupError(f"no finished generation {identity}")
        return self.generations.path(generation.clip)

    def tell(self, kind: str, **about: Any) -> None:
        """Publish an event that happens now."""
        self._events.tell(kind, **about)

    def events(self) -> AsyncIterator[Event]:
        """Return the events from now on."""
        return self._events.listen()

    async def wait_until(
        self,
        condition: Callable[[], bool],
        what: str,
        *,
        timeout: float = 10.0,  # noqa: ASYNC109  # passed on
    ) -> None:
        """Wait until `condition()` holds, checked after each event; TimeoutError names `what`."""
        await self._events.until(condition, timeout=timeout, what=what)

    async def wait_for_submissions(self, count: int, **options: Any) -> list[Submission]:
        """Wait for `count` submissions and return all."""
        await self.wait_until(
            lambda: len(self.submissions) >= count, f"{count} submissions", **options
        )
        return self.submissions
