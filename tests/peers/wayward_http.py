"""An HTTP peer that misbehaves on purpose, alone or before a real server."""

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.peers.connections import serving

LINES = b"\r\n\r\n"


@dataclass
class Exchange:
    """One request, and the connection to do with what one likes."""

    connection: socket.socket
    method: str
    path: str
    head: bytes
    body: bytes
    ended: threading.Event
    """Set when the test is over: whoever waits waits for this."""
    upstream: int
    """The real server's port; 0: there is none."""

    def real(self) -> tuple[int, str, bytes]:
        """Status, content type and body that the real server answers."""
        server = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=60)
        try:
            lines = self.head.decode("latin-1").split("\r\n")[1:]
            headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
            server.request(self.method, self.path, self.body, headers)
            answer = server.getresponse()
            return answer.status, answer.getheader("Content-Type", ""), answer.read()
        finally:
            server.close()

    def answer(self, status: int, content_type: str, body: bytes, *, length: int | None = None, more: str = "") -> None:
        """A proper answer, or one that announces another length than it has."""
        announced = len(body) if length is None else length
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {announced}\r\n{more}\r\n"
        self.connection.sendall(head.encode() + body)


Behaviour = Callable[[Exchange], bool | None]
"""Returns False where the connection is to be closed."""


def passes_on(exchange: Exchange) -> None:
    """What the real server says."""
    exchange.answer(*exchange.real())


def closes(exchange: Exchange) -> bool:
    """Without a word."""
    return False


def closes_within(exchange: Exchange) -> bool:
    """In the middle of the body."""
    status, content_type, body = exchange.real() if exchange.upstream else (200, "text/plain", bytes(1000))
    exchange.answer(status, content_type, body[: len(body) // 2], length=len(body))
    return False


def sends_garbage(exchange: Exchange) -> bool:
    """No HTTP."""
    exchange.connection.sendall(b"\x04\x00\x00\x00\x00\x0a DICOM?" + LINES)
    return False


def never_answers(exchange: Exchange) -> bool:
    """Waits until the test is over."""
    exchange.ended.wait(60)
    return False


def stalls(exchange: Exchange) -> bool:
    """Half of the body, and then nothing."""
    exchange.answer(200, "application/octet-stream", bytes(500), length=1000)
    exchange.ended.wait(60)
    return False


def endless_body(exchange: Exchange) -> bool:
    """Begins as it ought to, and goes on in chunks for ever."""
    content_type, begin = "text/plain", b"x"
    if exchange.upstream:
        _, content_type, body = exchange.real()
        begin = body[:-200]
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with suppress(OSError):
        exchange.connection.sendall(head.encode() + b"%x\r\n" % len(begin) + begin + b"\r\n")
        while not exchange.ended.is_set():
            exchange.connection.sendall(b"100000\r\n" + bytes(1 << 20) + b"\r\n")
    return False


def endless_head(exchange: Exchange) -> bool:
    """Header lines for ever."""
    exchange.connection.sendall(b"HTTP/1.1 200 OK\r\n")
    with suppress(OSError):
        while not exchange.ended.is_set():
            exchange.connection.sendall(b"X-More: " + b"x" * 8000 + b"\r\n")
    return False


def another_type(exchange: Exchange) -> None:
    """A page instead of what was asked for."""
    exchange.answer(200, "text/html", b"<html>please log in</html>")


def truncated(exchange: Exchange) -> None:
    """A multipart body whose end is missing, though the length is right."""
    status, content_type, body = exchange.real()
    exchange.answer(status, content_type, body[:-200])


def other_bytes(exchange: Exchange) -> None:
    """A bit of the pixel data has tipped over."""
    status, content_type, body = exchange.real()
    at = len(body) - 2000
    exchange.answer(status, content_type, body[:at] + bytes((body[at] ^ 1,)) + body[at + 1 :])


def no_dicom(exchange: Exchange) -> None:
    """A multipart body of something else."""
    part = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + bytes(1000) + b"\r\n--b--\r\n"
    exchange.answer(200, 'multipart/related; type="application/dicom"; boundary=b', part)


def twice(exchange: Exchange) -> None:
    """The first part of the body comes a second time."""
    status, content_type, body = exchange.real()
    delimiter = b"--" + content_type.partition("boundary=")[2].partition(";")[0].strip('"').encode()
    _, first, *rest = body.split(delimiter)
    exchange.answer(status, content_type, delimiter.join([b"", first, first, *rest]))


def nothing(exchange: Exchange) -> None:
    """A multipart body without a part that was asked for: of another instance's boundary only."""
    exchange.answer(200, 'multipart/related; type="application/dicom"; boundary=b', b"--b--\r\n")


def refuses(status: int) -> Behaviour:
    """This status."""

    def behave(exchange: Exchange) -> None:
        exchange.answer(status, "text/plain", b"no")

    return behave


def redirects(url: str) -> Behaviour:
    """302 to there."""

    def behave(exchange: Exchange) -> None:
        exchange.answer(302, "text/plain", b"", more=f"Location: {url}\r\n")

    return behave


@dataclass
class WaywardHttp:
    """Where it listens, and the requests that it has seen."""

    port: int
    requests: list[str] = field(default_factory=list)
    connections: int = 0

    @property
    def origin(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def wayward_http(behave: Behaviour, *, upstream: int = 0) -> Iterator[WaywardHttp]:
    """Serve on a free port of the loopback, perhaps before the real server on port `upstream` of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server, ended = WaywardHttp(listener.getsockname()[1]), threading.Event()

        def serve(connection: socket.socket) -> None:
            server.connections += 1
            with connection, suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                data = b""
                while True:
                    while LINES not in data:
                        more = connection.recv(1 << 16)
                        if not more:
                            return
                        data += more
                    head, _, data = data.partition(LINES)
                    length = next(
                        (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")),
                        0,
                    )
                    while len(data) < length:
                        more = connection.recv(1 << 20)
                        if not more:
                            return
                        data += more
                    body, data = data[:length], data[length:]
                    method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
                    server.requests.append(f"{method} {path}")
                    exchange = Exchange(connection, method, path, head, body, ended, upstream)
                    if behave(exchange) is False:
                        return

        with serving(listener, serve, ended):
            yield server
