"""The AI/ML API's video side as an HTTP server on this machine."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import uvicorn

from sandbox.aimlapi.billing import Account, Price, price_list
from sandbox.aimlapi.catalogue import Catalogue
from sandbox.aimlapi.desk import Desk
from sandbox.aimlapi.events import Event, Events
from sandbox.aimlapi.faults import Faults
from sandbox.aimlapi.generations import Generations
from sandbox.aimlapi.logs import Logs
from sandbox.aimlapi.refusals import Refusals, Shape
from sandbox.aimlapi.renders import Render
from sandbox.aimlapi.retirements import Retirement
from sandbox.aimlapi.routes import application
from sandbox.aimlapi.wires import Wires

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from decimal import Decimal

    from sandbox.aimlapi.submissions import Submission

_CLIPS = Path(tempfile.gettempdir()) / "aimlapi-sandbox-clips"

_PATIENCE = 1.0  # seconds a request may take to notice that nobody is there any more


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to the program around it, and starts and stops without delay."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.closing = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signal handlers over."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        """Serve until told to close; uvicorn's own loop looks only ten times a second."""
        await self.on_tick(0)
        await self.closing.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  # the servers own them
        """Listen no more and let requests whose connections are gone come to their end."""
        for server in self.servers:
            server.close()
        if tasks := set(self.server_state.tasks):
            _, unwilling = await asyncio.wait(tasks, timeout=_PATIENCE)
            for task in unwilling:
                task.cancel()


class AimlApiSandbox:
    """`async with AimlApiSandbox(key=…) as provider:` listens on loopback at `provider.url`.

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
        self.polls: list[str] = []
        self.downloads: list[str] = []
        self.account = Account()
        self.balance_told_at = 0.0
        self.refusals = Refusals(clock)
        self.clock = clock
        self.url = ""
        self._port = port
        self._events = Events(clock)
        self._wires = Wires()
        self.generations = Generations(
            folder=clips, account=self.account, events=self._events, clock=clock
        )
        self.desk = Desk(self, self._events)

    async def __aenter__(self) -> Self:
        """Listen."""
        listener = _listener(self._port)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            self._wires.tied_to(application(self, self._events)),
            http=self._wires.protocol(),
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve([listener]))
        await self._server.listening.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Drop every connection and whatever is under way."""
        await self.generations.close()
        self._events.close()
        await self._wires.cut_all()
        self._server.closing.set()
        await self._serving

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

    @property
    def submissions(self) -> list[Submission]:
        """Every request for a video, in the order they came, refused ones too."""
        return self.desk.submissions

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
        if generation is None or generation.path is None:
            raise LookupError(f"no finished generation {identity}")
        return generation.path

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


def _listener(port: int) -> socket.socket:
    """A socket on loopback.

    Its protocol is named because asyncio turns Nagle's algorithm off only then; left on, every
    answer of two pieces takes 40 ms longer.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener
