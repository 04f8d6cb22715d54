"""A TCP proxy in front of an S3 endpoint that cuts, stalls, delays, throttles and corrupts, exchange by exchange.

An exchange is one HTTP request with its answer on a connection that may be kept. Each one takes the next fault of the
plan, so that a test says what happens to the first attempt, what to the second; what comes after that passes untouched.
"""

import select
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

CHUNK = 65536


@dataclass(frozen=True)
class Fault:
    """What happens to one direction of one exchange.

    Args:
        action: `cut` closes both sides with a reset, `close` as if the peer had ended; `stall` forwards nothing more
            and keeps the connection; `delay` waits once; `throttle` goes on at a rate; `corrupt` inverts one byte.
        direction: `request` (client to server) or `answer`.
        after: bytes of that direction that still pass untouched.
        of_body: count `after` from the body's first byte instead of the header's.
        amount: seconds of a delay, bytes/s of a throttle.
    """

    action: Literal["cut", "close", "stall", "delay", "throttle", "corrupt"]
    direction: Literal["request", "answer"]
    after: int = 0
    of_body: bool = False
    amount: float = 0.0


@dataclass
class S3Proxy:
    """The endpoint to use instead of the real one."""

    endpoint: str
    exchanges: int = 0
    _plan: deque[Fault | None] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closing: threading.Event = field(default_factory=threading.Event)

    def plan(self, *faults: Fault | None) -> None:
        """Replace the plan: the faults of the next exchanges, in their order (`None`: untouched)."""
        with self._lock:
            self._plan = deque(faults)
            self.exchanges = 0

    def _next(self) -> Fault | None:
        with self._lock:
            self.exchanges += 1
            return self._plan.popleft() if self._plan else None

    def _serve(self, client: socket.socket, upstream: tuple[str, int]) -> None:
        with client:
            try:
                with socket.create_connection(upstream, timeout=10) as server:
                    for one in (client, server):
                        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        one.settimeout(30)
                    _Connection(self, client, server).run()
            except OSError:
                return  # one side is gone: closing the other tells it


class _Connection:
    def __init__(self, proxy: S3Proxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self.fault: Fault | None = None
        self.answered = True  # the next byte from the client begins an exchange
        self.passed = 0  # bytes of the fault's direction
        self.head = b""  # of that direction, until the body's start is known
        self.body_at: int | None = None

    def run(self) -> None:
        while not self.proxy._closing.is_set():
            readable, _, _ = select.select([self.client, self.server], [], [], 0.1)
            for source in readable:
                data = source.recv(CHUNK)
                if not data:
                    return
                if not self._forward(source, data):
                    return

    def _forward(self, source: socket.socket, data: bytes) -> bool:
        direction = "request" if source is self.client else "answer"
        target = self.server if source is self.client else self.client
        if direction == "request" and self.answered:
            self.fault, self.answered = self.proxy._next(), False
            self.passed, self.head, self.body_at = 0, b"", None
        if direction == "answer":
            self.answered = True
        fault = self.fault
        if fault is None or fault.direction != direction:
            target.sendall(data)
            return True
        at = self._position(fault, data)
        if at is None or at >= len(data):
            target.sendall(data)
            self.passed += len(data)
            return True
        self.fault = None
        return self._act(fault, source, target, data, at)

    def _position(self, fault: Fault, data: bytes) -> int | None:
        """Where in `data` the fault strikes; None: not in sight yet."""
        if not fault.of_body:
            return max(0, fault.after - self.passed)
        if self.body_at is None:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return None
            self.body_at = end + 4
        return max(0, self.body_at + fault.after - self.passed)

    def _act(self, fault: Fault, source: socket.socket, target: socket.socket, data: bytes, at: int) -> bool:
        if fault.action == "corrupt":
            target.sendall(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
            return True
        target.sendall(data[:at])
        if fault.action == "cut":
            for one in (self.client, self.server):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if fault.action == "close":
            return False
        if fault.action == "stall":
            self._hold()
            return False
        if fault.action == "delay":
            if self.proxy._closing.wait(fault.amount):
                return False
            target.sendall(data[at:])
            return True
        self._throttle(fault.amount, source, target, data[at:])
        return False

    def _hold(self) -> None:
        """Forward nothing more in either direction; return when the client has gone."""
        while not self.proxy._closing.wait(0.05):
            if _has_gone(self.client):
                return

    def _throttle(self, rate: float, source: socket.socket, target: socket.socket, data: bytes) -> None:
        """Go on at `rate` bytes/s until one side has gone."""
        step = max(1, int(rate * 0.05))
        while data:
            for start in range(0, len(data), step):
                if self.proxy._closing.wait(0.05) or (target is self.client and _has_gone(target)):
                    return
                target.sendall(data[start : start + step])
            data = source.recv(CHUNK)


def _has_gone(one: socket.socket) -> bool:
    """Whether the peer has closed; what it may have sent stays unread."""
    watch = select.poll()
    watch.register(one, select.POLLRDHUP)
    return bool(watch.poll(0))


@contextmanager
def s3_proxy(endpoint: str, *, port: int = 0) -> Iterator[S3Proxy]:
    """Run a proxy on a loopback port (0: a free one) in front of `endpoint` (http or https: bytes are bytes)."""
    parts = urlsplit(endpoint)
    upstream = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    with socket.create_server(("127.0.0.1", port)) as listener:
        proxy = S3Proxy(f"{parts.scheme}://127.0.0.1:{listener.getsockname()[1]}")
        workers: list[threading.Thread] = []

        def accept() -> None:
            listener.settimeout(0.1)
            while not proxy._closing.is_set():
                try:
                    client, _ = listener.accept()
                except TimeoutError:
                    continue
                worker = threading.Thread(target=proxy._serve, args=(client, upstream))
                worker.start()
                workers.append(worker)

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield proxy
        finally:
            proxy._closing.set()
            acceptor.join()
            for worker in workers:
                worker.join()
