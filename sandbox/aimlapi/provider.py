"""The provider behind the HTTP server: what it is told to do, and what has been asked of it."""

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
    """The account, the catalogue and the generations, with everything a test sets or looks at.

    `render_seconds` is how long a generation takes; `next_render` what becomes of the next one and
    `every_render` of all others; `quick_clips` makes files of few frames, for tests.
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
        """Every request for a video, in the order they came, refused ones too."""
        self.polls: list[str] = []
        self.downloads: list[str] = []
        self.account = Account()
        self.balance_told_at = 0.0
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
        """What the account has left, in US dollars."""
        return self.account.balance

    @balance.setter
    def balance(self, usd: Decimal) -> None:
        self.account.balance = usd

    @property
    def spent_usd(self) -> Decimal:
        """What finished generations have cost."""
        return self.account.spent

    @property
    def error_shape(self) -> Shape:
        """Which body the API's errors have."""
        return self.refusals.shape

    @error_shape.setter
    def error_shape(self, shape: Shape) -> None:
        self.refusals.shape = shape

    def withdraw(self, model: str, *, announced: bool = True) -> None:
        """Stop serving a model: 404, and an entry in the deprecation feed if `announced`."""
        today = self.catalogue.today()
        self.retire(model, Retirement("withdrawn", today, today, announced=announced))

    def retire(self, model: str, retirement: Retirement) -> None:
        """Have a model announced as going, replaced or gone."""
        self.catalogue.retired[model] = retirement

    def restore(self, model: str) -> None:
        """Serve a model again as if nothing had been."""
        self.catalogue.retired.pop(model, None)

    def clip_of(self, submission: Submission | str) -> Path:
        """The very file the CDN serves for a finished generation; LookupError if it is not."""
        identity = submission if isinstance(submission, str) else submission.id
        generation = self.generations.by_id.get(identity or "")
        if generation is None or generation.status != "completed":
            raise LookupError(f"no finished generation {identity}")
        return self.generations.path(generation.clip)

    def tell(self, kind: str, **about: Any) -> None:
        """Something happened now."""
        self._events.tell(kind, **about)

    def events(self) -> AsyncIterator[Event]:
        """Everything that happens from now on."""
        return self._events.listen()

    async def wait_until(
        self,
        true: Callable[[], bool],
        what: str,
        *,
        timeout: float = 10.0,  # noqa: ASYNC109  # handed on
    ) -> None:
        """Return once `true()` holds after something happened here; TimeoutError names `what`."""
        await self._events.until(true, timeout=timeout, what=what)

    async def wait_for_submissions(self, count: int, **options: Any) -> list[Submission]:
        """The submissions once there are so many."""
        await self.wait_until(
            lambda: len(self.submissions) >= count, f"{count} submissions", **options
        )
        return self.submissions
