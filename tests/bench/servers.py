"""Stand-ins of Telegram and of the AI/ML API that check nothing: `python -m tests.bench.servers`.

They run in a process of their own, so that only the bot's cost is counted, and answer as fast as
they can. Orders come as lines of JSON on the standard input, figures go as lines of JSON to the
standard output (see `tests.bench.setup`).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "123456789:AAH-a-token-for-servers-that-check-nothing"
BOT = {"id": 123456789, "is_bot": True, "first_name": "Bench", "username": "bench_bot",
       "supports_inline_queries": True}  # fmt: skip
MOST_AT_ONCE = 100
"""Updates in an answer, as Telegram gives."""


class World:
    """What both servers know: the updates that wait, what was asked, and when."""

    def __init__(self) -> None:
        self.updates: deque[tuple[int, str]] = deque()
        self.new = asyncio.Event()
        self.latency = 0.0
        self.render_seconds = 1e9
        self.video = b""
        self.given: dict[int, float] = {}
        self.answered: dict[int, float] = {}
        self.calls: dict[str, int] = {}
        self.last: dict[str, float] = {}
        self.begun: dict[str, float] = {}
        self.numbers = 0
        self.polls: list[asyncio.Future[None]] = []

    def count(self, what: str) -> None:
        """Note a call."""
        self.calls[what] = self.calls.get(what, 0) + 1
        self.last[what] = time.monotonic()

    def figures(self) -> dict[str, Any]:
        """Return what was counted since the last reset."""
        waits = [
            (chat - CHATS, at - self.given[chat])
            for chat, at in self.answered.items()
            if chat in self.given
        ]
        return {
            "now": time.monotonic(),
            "calls": self.calls,
            "last": self.last,
            "given": min(self.given.values(), default=0.0),
            "answered": len(self.answered),
            "waits": waits,
            "waiting": len(self.updates),
        }

    def reset(self) -> None:
        """Count anew."""
        for one in (self.given, self.answered, self.calls, self.last):
            one.clear()


class Connection(asyncio.Protocol):
    """One connection: requests one after the other, read as little as needed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.transport: asyncio.Transport
        self.buffer = b""
        self.chunked = False
        self.head: tuple[str, str] | None = None
        self.missing = 0
        self.body = bytearray()
        self.skips = False
        self.is_head = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are written to."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Read on; answer what is complete."""
        if self.head is None:
            self.buffer += data
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head, rest = self.buffer[:end], self.buffer[end + 4 :]
            self.buffer = b""
            line, _, fields = head.partition(b"\r\n")
            method, target, _ = line.decode("latin-1").split(" ", 2)
            lowered = fields.lower()
            at = lowered.find(b"content-length:")
            self.missing = int(lowered[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            self.chunked = b"transfer-encoding: chunked" in lowered
            self.skips = b"multipart/form-data" in lowered
            self.head = method, target
            self.body = bytearray()
            data = rest
        if self.chunked:
            self.body += data
            if not self.body.endswith(b"0\r\n\r\n"):
                return
        else:
            self.missing -= len(data)
            if not self.skips or len(self.body) < 8192:
                self.body += data
            if self.missing > 0:
                return
        (method, target), self.head = self.head, None
        self.is_head = method == "HEAD"
        self.answer(method, target, self.body)

    def send(self, body: bytes, kind: str = "application/json", after: float = 0.0) -> None:
        """Answer."""
        if after:
            asyncio.get_running_loop().call_later(after, self.send, body, kind)
        elif not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
                % (kind.encode(), len(body))
                + (b"" if self.is_head else body)
            )

    def answer(self, method: str, target: str, body: bytearray, /) -> None:
        """Answer a request."""
        raise NotImplementedError


class Telegram(Connection):
    """The Bot API."""

    def answer(self, _method: str, target: str, body: bytearray, /) -> None:
        """Answer a call."""
        world = self.world
        path = urlsplit(target)
        name = path.path.rpartition("/")[2]
        world.count(name)
        fields = dict[str, str]()
        if not self.skips:
            fields = {key: one[-1] for key, one in parse_qs(path.query or body.decode()).items()}
        if name == "getUpdates":
            world.polls.append(asyncio.ensure_future(self.updates(fields)))
            del world.polls[:-2]
            return
        result: Any = True
        if name == "getMe":
            result = BOT
        elif name.startswith("send") and name != "sendChatAction":
            chat = int(fields.get("chat_id", 0)) or self._chat_in(body)
            world.numbers += 1
            place = {"id": chat, "type": "private", "first_name": "P"}
            result = {
                "message_id": world.numbers, "date": int(time.time()), "chat": place, "from": BOT
            }  # fmt: skip
            if name == "sendVideo":
                result["video"] = {"file_id": f"v{world.numbers}", "file_unique_id": "u",
                                   "width": 1280, "height": 720, "duration": 4}  # fmt: skip
            else:
                result["text"] = "x"
                world.answered.setdefault(chat, time.monotonic())
        elif name == "setMessageReaction":
            world.answered.setdefault(int(fields.get("chat_id", 0)), time.monotonic())
        self.send(json.dumps({"ok": True, "result": result}).encode(), after=world.latency)

    @staticmethod
    def _chat_in(body: bytearray) -> int:
        at = body.find(b'name="chat_id"\r\n\r\n')
        return int(body[at + 18 :].split(b"\r\n", 1)[0]) if at >= 0 else 0

    async def updates(self, fields: dict[str, str]) -> None:
        """Give what waits, or wait."""
        world = self.world
        offset = int(fields.get("offset", 0))
        while world.updates and world.updates[0][0] < offset:
            world.updates.popleft()
        if not world.updates:
            world.new.clear()
            try:
                async with asyncio.timeout(float(fields.get("timeout", 0)) or 0.01):
                    await world.new.wait()
            except TimeoutError:
                pass
        some = [one for _, one in zip(range(MOST_AT_ONCE), world.updates, strict=False)]
        now = time.monotonic()
        for number, _ in some:
            world.given.setdefault(CHATS + number % NUMBERS, now)
        body = ",".join(text for _, text in some)
        self.send(f'{{"ok":true,"result":[{body}]}}'.encode(), after=world.latency)


class Provider(Connection):
    """The AI/ML API: takes any order, and makes a video after the time there is."""

    def answer(self, method: str, target: str, _body: bytearray, /) -> None:
        """Answer a request."""
        world = self.world
        path = urlsplit(target)
        if path.path == "/v2/video/generations" and method == "POST":
            world.count("submit")
            world.numbers += 1
            number = f"g{world.numbers}"
            world.begun[number] = time.monotonic()
            self.send(json.dumps({"id": number, "status": "queued"}).encode())
        elif path.path == "/v2/video/generations":
            world.count("poll")
            number = parse_qs(path.query)["generation_id"][0]
            if time.monotonic() - world.begun.get(number, 0.0) < world.render_seconds:
                self.send(json.dumps({"id": number, "status": "generating"}).encode())
            else:
                host = self.transport.get_extra_info("sockname")
                url = f"http://{host[0]}:{host[1]}/v/{number}.mp4"
                done = {"id": number, "status": "completed", "video": {"url": url}}
                self.send(json.dumps(done).encode())
        elif path.path.startswith("/v/"):
            world.count("fetch")
            self.send(world.video, "video/mp4")
        else:
            self.send(b'{"data":[]}')


CHATS = 1_000_000
NUMBERS = 1_000_000
"""The chat of update n is CHATS + n % NUMBERS: one update for each."""


def update(number: int, text: str) -> str:
    """Write an update: somebody's words in their private chat."""
    person = CHATS + number % NUMBERS
    entities = []
    if text.startswith("/"):
        length = len(text.split(maxsplit=1)[0])
        entities = [{"type": "bot_command", "offset": 0, "length": length}]
    who = {"id": person, "first_name": f"Person {person}"}
    message = {
        "message_id": number, "date": int(time.time()), "text": text, "entities": entities,
        "chat": who | {"type": "private"}, "from": who | {"is_bot": False, "language_code": "en"},
    }  # fmt: skip
    return json.dumps({"update_id": number, "message": message})


async def main() -> None:
    """Serve until the input ends."""
    world = World()
    loop = asyncio.get_running_loop()
    telegram = await loop.create_server(lambda: Telegram(world), "127.0.0.1", 0)
    provider = await loop.create_server(lambda: Provider(world), "127.0.0.1", 0)
    ports = [one.sockets[0].getsockname()[1] for one in (telegram, provider)]
    print(json.dumps({"telegram": ports[0], "provider": ports[1]}), flush=True)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        order = json.loads(line)
        match order.pop("do"):
            case "set":
                if "video" in order:
                    world.video = await asyncio.to_thread(Path(order.pop("video")).read_bytes)
                for name, value in order.items():
                    setattr(world, name, value)
            case "send":
                world.updates += [
                    (number, update(number, order["text"]))
                    for number in range(order["first"], order["first"] + order["count"])
                ]
                world.new.set()
            case "reset":
                world.reset()
        print(json.dumps(world.figures()), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
