"""The gate between Moodle and the sidecar: it passes bytes on as they are, keeps what went through, and can
play every bad neighbour."""

import asyncio
import contextlib
import dataclasses
import json
import socket
import threading
import time

from .processes import free_port


# An answer within this, in seconds, is within what a request's first post may take; a later one may have come as the
# plugin hung up.
PROMPT = 0.15


@dataclasses.dataclass
class Passed:
    """One exchange: what was asked, and the answer, where there was one."""

    at: float
    path: str
    headers: dict[str, str]
    body: bytes
    status: int = 0
    answer: bytes = b""
    # Seconds until the answer was handed back, and whether anybody still listened.
    took: float = 0.0
    heard: bool = False

    def events(self) -> list[dict]:
        """The events of a batch, as the plugin sent them."""
        return json.loads(self.body) if self.path.endswith("/events") else []

    def told(self) -> list[dict]:
        """The same, each with `_status` of the batch's answer and whether it came in time: `_prompt`."""
        prompt = self.status == 202 and self.heard and self.took < PROMPT
        return [event | {"_status": self.status, "_prompt": prompt} for event in self.events()]


class Gate:
    """Listens on loopback. `mode` says what it does with the next connection or request:

    pass       hands on, and hands the answer back
    hang       reads, never answers
    trickle    answers a byte each 100 ms
    refuse     the port is closed
    blackhole  the queue of connections is full: a connection never opens
    500, 429   answers that
    lose       hands on, and closes before the answer
    slow       hands on after `delay` seconds
    swallow    says 202 by itself, but 400 to a batch that holds the text `spoiled`
    """

    def __init__(self, beyond: int):
        self.beyond = beyond
        self.port = free_port()
        self.mode = "pass"
        self.delay = 0.05
        self.spoiled = b""
        self.passed: list[Passed] = []
        self.loop = asyncio.new_event_loop()
        self.server: asyncio.Server | None = None
        self.hole: list[socket.socket] = []
        # asyncio itself would let a connection's task be collected while it waits.
        self.tasks: set = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def open(self):
        thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        thread.start()
        self.call(self.listen())
        try:
            yield self
        finally:
            self.fill_up()
            self.call(self.close())
            self.call(self.hang_up())
            self.loop.call_soon_threadsafe(self.loop.stop)
            thread.join(5)

    def call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def listen(self) -> None:
        if self.server is None:
            self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port, reuse_address=True, limit=8 << 20)

    async def close(self) -> None:
        if self.server is not None:
            self.server.close()
            self.server = None

    async def hang_up(self) -> None:
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def become(self, mode: str) -> None:
        """From now on the gate does this."""
        self.fill_up()
        self.mode = mode
        if mode in ("refuse", "blackhole"):
            self.call(self.close())
        else:
            self.call(self.listen())
        if mode == "blackhole":
            self.dig()

    def dig(self) -> None:
        """A socket that nobody accepts from, its queue filled: the kernel drops what knocks then."""
        well = socket.socket()
        well.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        well.bind(("127.0.0.1", self.port))
        well.listen(0)
        self.hole = [well]
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                s.connect(("127.0.0.1", self.port))
            self.hole.append(s)

    def fill_up(self) -> None:
        for s in self.hole:
            s.close()
        self.hole = []

    def sent(self) -> list[dict]:
        """Every event that was posted, in order."""
        return [event for p in self.passed for event in p.told()]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(task := asyncio.current_task())
        task.add_done_callback(self.tasks.discard)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                passed = Passed(time.time(), lines[0].split(" ")[1], headers, body)
                self.passed.append(passed)
                if not await self.answer(passed, head + body, reader, writer):
                    break
        writer.close()

    async def answer(self, passed: Passed, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answers in the present mode; False: the connection ends."""
        mode = self.mode
        if mode == "hang":
            await asyncio.sleep(3600)
        if mode in ("500", "429"):
            passed.status = int(mode)
            problem = b'{"title":"played by the gate"}'
            more = "Retry-After: 1\r\n" if mode == "429" else ""
            writer.write(f"HTTP/1.1 {mode} Played\r\nContent-Type: application/problem+json\r\n{more}"
                         f"Content-Length: {len(problem)}\r\n\r\n".encode() + problem)
            await writer.drain()
            return True
        if mode == "trickle":
            for byte in b"HTTP/1.1 202 Accepted\r\n" + b"X: " + b"x" * 10_000:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.1)
            return False
        if mode == "swallow":
            writer.write(self.swallow(passed))
            await writer.drain()
            return True
        if mode == "slow":
            await asyncio.sleep(self.delay)
        try:
            answer = await self.ask(passed, request)
        except (ConnectionError, asyncio.IncompleteReadError):
            return False
        if mode == "lose":
            passed.status = 0
            return False
        passed.took = time.time() - passed.at
        passed.heard = not reader.at_eof()
        writer.write(answer)
        await writer.drain()
        return True

    def swallow(self, passed: Passed) -> bytes:
        bad = bool(self.spoiled) and self.spoiled in passed.body
        passed.status = 400 if bad else 202
        if bad:
            body = json.dumps({"type": "urn:moodle-sns-producer:problem:form", "title": "played by the gate", "status": 400})
        else:
            body = json.dumps({"accepted": len(passed.events()), "duplicate": 0, "unwanted": 0, "parked": [], "spool": "gate"})
        kind = "application/problem+json" if bad else "application/json"
        return f"HTTP/1.1 {passed.status} Played\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

    async def ask(self, passed: Passed, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.beyond, limit=8 << 20)
        try:
            writer.write(request)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            length = next((int(l.split(":")[1]) for l in lines if l.lower().startswith("content-length:")), 0)
            passed.answer = await reader.readexactly(length)
            passed.status = int(lines[0].split(" ")[1])
            return head + passed.answer
        finally:
            writer.close()
