"""One HTTP request and its answer on geventhttpclient, the client under Locust's FastHttpUser.

Locust's own session above it isn't used for the exchange: it follows redirects (to whomever), holds whole bodies in
memory and formats the request into every error. And geventhttpclient sends a GET again whose connection was closed, up
to eleven times in silence: here it is sent again only where a connection was reused, and a new one counts.
"""

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any

import gevent
from geventhttpclient.client import IDEMPOTENT_METHODS, HTTPClient, HTTPClientPool
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketPoolResponse
from geventhttpclient.url import URL

from loadtests.dataset import Buffer

_PIECE = 1 << 18
_WRITE = 1 << 20  # a time-out is for each: whoever takes less than this within it has stopped
_SMALL = 1 << 16  # smaller buffers are copied together: a TLS record or a packet for each would cost more
# A connection that has been idle so long isn't used again: Orthanc closes after a second, and a request that meets the
# closing on its way is lost; a POST can't be sent again, for nobody knows what became of it.
IDLE_SECONDS = 0.5
_HEAD_LIMIT = 1 << 16


class HttpError(Exception):
    """An exchange that failed; `kind` is one of a bounded number of words, for counting."""

    def __init__(self, kind: str, *, sent: bool = True) -> None:
        super().__init__(kind)
        self.kind = kind
        self.sent = sent
        """Whether the peer may have taken the request."""


class _ClosedBeforeError(HttpError):
    """The connection was closed and nothing had come."""


class _Response(HTTPSocketPoolResponse):
    """Bounds the head, and tells a connection that closes too early from one that speaks something else."""

    _head_bytes = 0

    def feed(self, data: str | bytes) -> None:
        if not self.headers_complete:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_LIMIT + _PIECE:  # the first piece of the body may be in it
                raise HTTPParseError("endless head")
        try:
            super().feed(data)
        except HTTPParseError:
            if data:
                raise
            raise HTTPConnectionClosed("closed") from None


class Answer:
    """Status and headers of an answer, and its body as it comes. Bounded in size and, piece by piece, in time."""

    def __init__(self, response: _Response, timeout: float, closed: Callable[[], None]) -> None:
        self._response, self._timeout, self._closed = response, timeout, closed
        self.status: int = response.status_code
        said = response.get("content-type", "")
        self.content_type = said if isinstance(said, str) else ""

    def pieces(self, limit: int) -> Iterator[bytes]:
        """The body, until its end.

        Raises:
            HttpError: it is longer than `limit` bytes, ends too early, or stalls.
        """
        count = 0
        while piece := self._read():
            count += len(piece)
            if count > limit:
                raise HttpError("endless answer")
            yield piece

    def body(self, limit: int) -> bytes:
        """The whole body. Raises HttpError as `pieces` does."""
        return b"".join(self.pieces(limit))

    def close(self) -> None:
        """Give the connection back, or close it where the answer wasn't read to its end."""
        self._response.release()
        self._closed()

    def _read(self) -> bytes:
        with _answering(), gevent.Timeout(self._timeout):
            return self._response.read(_PIECE)


class Client(HTTPClient):
    """Connections to one server; nothing is followed."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._last_used = monotonic()
        self._newest: Any = None
        self._connection_pool.after_connect = self._connected  # type: ignore[method-assign]  # the library's hook

    def exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: Iterable[Buffer] = (),
        length: int = 0,
        *,
        timeout: float,
    ) -> Answer:
        """Send a request; returns when the answer's head is there.

        Args:
            body: its buffers in their order, `length` bytes together; large ones are not copied.
            timeout: seconds for each mebibyte of the body, and for the answer's head.

        Raises:
            HttpError: there is no answer.
        """
        announced = {"Content-Length": str(length)} if length or method in ("POST", "PUT") else {}
        head = self._build_request(method, target, headers={**headers, **announced}).encode("latin-1")
        while True:
            connection, fresh = self._connection()
            try:
                with _answering():
                    return Answer(self._sent(connection, method, [head, *body], timeout), timeout, self._used)
            except _ClosedBeforeError:
                # a server may close an idle connection just as a request comes (RFC 9112 section 9.3.1)
                if fresh or method not in IDEMPOTENT_METHODS:
                    raise HttpError("connection lost") from None

    def _connection(self) -> tuple[Any, bool]:
        """Whether it is a new one goes with it."""
        with _connecting():
            if monotonic() - self._last_used > IDLE_SECONDS:
                self._forget_idle()
            self._newest = None
            connection = self._connection_pool.get_socket()
        return connection, connection is self._newest

    def _sent(self, connection: Any, method: str, data: Iterable[Buffer], timeout: float) -> _Response:
        try:
            connection.settimeout(timeout)
            _send(connection, _writes(data))
        except BaseException:
            self._connection_pool.release_socket(connection)
            raise
        with gevent.Timeout(timeout):
            return _Response(connection, self._connection_pool, block_size=1 << 16, method=method)

    def _connected(self, sock: Any) -> None:
        # without it the end of a body waits 40 ms for an acknowledgement (Nagle's algorithm)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._newest = sock

    def _used(self) -> None:
        self._last_used = monotonic()

    def _forget_idle(self) -> None:
        """Close what the pool keeps."""
        idle = self._connection_pool._socket_queue
        while not idle.empty():
            idle.get(block=False).close()


class Clients(HTTPClientPool):
    """The pool that Locust's FastHttpUser takes as its `client_pool`: a `Client` for each server."""

    def get_client(self, url: str | URL) -> Client:
        """The client for this URL's scheme, host and port."""
        if not isinstance(url, URL):
            url = URL(url)
        client = self.clients.get((url.host, url.port))
        if not isinstance(client, Client):
            client = self.clients[url.host, url.port] = Client.from_url(url, **self.client_args)
        return client  # type: ignore[return-value]


def _send(connection: Any, data: Iterable[Buffer]) -> None:
    # a peer that closes while we send may have said why: its answer can still lie in the receive buffer
    with suppress(ConnectionResetError, BrokenPipeError):
        for buffer in data:
            connection.sendall(buffer)


def _writes(buffers: Iterable[Buffer]) -> Iterator[Buffer]:
    """The same bytes in few writes."""
    small = bytearray()
    for buffer in buffers:
        if len(buffer) < _SMALL:
            small += buffer
        if len(small) >= _SMALL or (small and len(buffer) >= _SMALL):
            yield small
            small = bytearray()
        if len(buffer) >= _SMALL:
            view = memoryview(buffer)
            yield from (view[at : at + _WRITE] for at in range(0, len(view), _WRITE))
    if small:
        yield small


@contextmanager
def _connecting() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise HttpError("connection timed out", sent=False) from None
    except ConnectionRefusedError:
        raise HttpError("connection refused", sent=False) from None
    except ssl.SSLError:
        raise HttpError("TLS failed", sent=False) from None
    except OSError:
        raise HttpError("no connection", sent=False) from None


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (TimeoutError, gevent.Timeout):
        raise HttpError("timed out") from None
    except HTTPConnectionClosed as error:
        # the library's own word where not a byte has come
        if str(error) == "connection closed.":
            raise _ClosedBeforeError("connection lost") from None
        raise HttpError("connection lost within an answer") from None
    except HTTPParseError:
        raise HttpError("no HTTP answer") from None
    except OSError:
        raise HttpError("connection lost") from None
