"""What became of everything in a ledger: acknowledged instances are compared, unknown ones looked for.

Instances are hashed while they come: one of gigabytes needs no memory.
"""

import http.client
import queue
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from loadtests import dicomweb
from loadtests.dataset import DataSetError
from loadtests.environment import DicomWeb
from loadtests.ledger import Entry, State

CONNECTIONS = 4
TIMEOUT_SECONDS = 30.0
ATTEMPTS = 10  # a second apart: a replica that is gone leaves the balancer within ten
PAUSE_SECONDS = 1.0
AHEAD = 4 * CONNECTIONS  # instances that are waited for at a time
PIECE = 1 << 18
NAMED = 20  # instances that the result names of each bad kind


class Found(StrEnum):
    """What was found of one instance."""

    IDENTICAL = "identical"
    DIFFERENT = "different"
    MISSING = "missing"
    UNVERIFIED = "unverified"
    """The archive could not be asked."""


@dataclass(slots=True)
class Verification:
    """The counts. `lost` and `different` are of acknowledged instances."""

    acknowledged: int = 0
    identical: int = 0
    different: int = 0
    missing: int = 0
    unverified: int = 0
    unknown: int = 0
    unknown_stored: int = 0
    unknown_not_stored: int = 0
    unknown_different: int = 0
    unknown_unverified: int = 0
    refused: int = 0
    seconds: float = 0.0
    details: dict[str, list[str]] = field(default_factory=dict)
    """Kind -> SOP instance UIDs, the first of them; or what kept it from being verified."""

    @property
    def found(self) -> int:
        """Acknowledged instances that the archive returned."""
        return self.identical + self.different

    @property
    def passed(self) -> bool:
        """Whether every acknowledged instance came back as it was sent, and no unknown one came back changed."""
        return self.identical == self.acknowledged and not self.unknown_different

    def as_dict(self) -> dict[str, Any]:
        """For the report."""
        names = [name for name in self.__dataclass_fields__ if name not in ("seconds", "details")]
        counts: dict[str, Any] = {name: getattr(self, name) for name in names}
        return {
            **counts,
            "found": self.found,
            "passed": self.passed,
            "seconds": round(self.seconds, 3),
            "details": self.details,
        }


def verify(
    entries: list[Entry], web: DicomWeb, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Verification:
    """Retrieve by WADO-RS and compare. Never raises because of the archive: what can't be asked is `unverified`."""
    result = Verification(refused=sum(entry.state is State.REFUSED for entry in entries))
    wanted = [entry for entry in entries if entry.state is not State.REFUSED]
    begun = time.monotonic()
    with _Connections(web) as connections, closing(_looked(wanted, connections)) as looks:
        for done, (entry, found, why) in enumerate(looks, 1):
            _count(result, entry, found, why)
            progress(done, len(wanted))
    result.seconds = time.monotonic() - begun
    return result


def _looked(entries: Iterable[Entry], connections: "_Connections") -> "Generator[_Look, None, None]":
    """What was found of each, in their order, over several connections."""
    waiting: deque[Future[_Look]] = deque()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        try:
            for entry in entries:
                waiting.append(pool.submit(_look, entry, connections))
                if len(waiting) == AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # at the end, or where nobody wants the rest any more: then it isn't waited for
            pool.shutdown(wait=False, cancel_futures=True)
            connections.stop()


def _count(result: Verification, entry: Entry, found: Found, why: str) -> None:
    kind = str(found)
    if entry.state is State.ACKNOWLEDGED:
        result.acknowledged += 1
        setattr(result, kind, getattr(result, kind) + 1)
    else:
        result.unknown += 1
        words = {Found.IDENTICAL: "stored", Found.MISSING: "not_stored"}
        kind = f"unknown_{words.get(found, kind)}"
        setattr(result, kind, getattr(result, kind) + 1)
    if kind in (Found.DIFFERENT, Found.MISSING, Found.UNVERIFIED, "unknown_different", "unknown_unverified"):
        named = result.details.setdefault(kind, [])
        if len(named) < NAMED:
            named.append(f"{entry.sop_instance_uid} ({why})" if why else entry.sop_instance_uid)


_Look = tuple[Entry, Found, str]


def _look(entry: Entry, connections: "_Connections") -> _Look:
    path = f"/studies/{entry.study_uid}/series/{entry.series_uid}/instances/{entry.sop_instance_uid}"
    why = ""
    for attempt in range(1 if connections.hopeless.is_set() else ATTEMPTS):
        if attempt and connections.hopeless.wait(PAUSE_SECONDS):
            break
        try:
            with connections.get(path) as (status, content_type, pieces):
                if status in (404, 410):
                    return entry, Found.MISSING, ""
                if status == 200:
                    return entry, *_compare(entry, content_type, pieces)
                why = f"HTTP {status}"
        except (OSError, http.client.HTTPException) as error:
            why = type(error).__name__
    connections.hopeless.set()  # the rest gets one attempt each, or an archive that is down would take hours
    return entry, Found.UNVERIFIED, why


def _compare(entry: Entry, content_type: str, pieces: Iterable[bytes]) -> tuple[Found, str]:
    limit = 2 * entry.size + (1 << 20)  # an archive may write lengths and meta information in its own way
    try:
        came = list(islice(dicomweb.instances(content_type, pieces, size_limit=limit), 2))
    except (dicomweb.DicomWebError, DataSetError) as error:
        return Found.DIFFERENT, str(error)
    if len(came) != 1 or came[0].sop_instance_uid != entry.sop_instance_uid:
        return Found.DIFFERENT, "another instance"
    if came[0].pixel_sha256 != entry.pixel_sha256:
        return Found.DIFFERENT, "another hash of the pixel data"
    return Found.IDENTICAL, ""


class _Connections:
    """Keep-alive connections that threads share."""

    def __init__(self, web: DicomWeb) -> None:
        self._web = web
        self.hopeless = threading.Event()
        self._stopped = False
        self._context: ssl.SSLContext | None = web.tls() if web.url.startswith("https:") else None
        self._idle: queue.SimpleQueue[http.client.HTTPConnection] = queue.SimpleQueue()
        self._open: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._headers = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
        if web.username:
            credentials = f"{web.username}:{web.password.get_secret_value()}".encode()
            self._headers["Authorization"] = f"Basic {b64encode(credentials).decode()}"

    def __enter__(self) -> "_Connections":
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._open:
            connection.close()

    def stop(self) -> None:
        """End what is under way: whoever waits for an answer gets an error at once."""
        self.hopeless.set()
        with self._lock:
            self._stopped = True
            for connection in self._open:
                if connection.sock is not None:
                    with suppress(OSError):
                        connection.sock.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def get(self, path: str) -> Iterator[tuple[int, str, Iterator[bytes]]]:
        """Status, content type and body. Raises OSError or HTTPException; the connection opens anew after that."""
        connection = self._take()
        try:
            if connection.sock is None:
                connection.connect()
            with self._lock:
                if self._stopped:  # before there was anything to be shut down
                    raise ConnectionAbortedError("stopped")
            connection.request("GET", self._web.path + path, headers=self._headers)
            response = connection.getresponse()
            yield response.status, response.getheader("Content-Type", ""), self._pieces(response)
            if not response.isclosed():  # what is left is short, or isn't worth reading
                response.read(PIECE)
            if not response.isclosed():
                connection.close()
        except BaseException:
            connection.close()
            raise
        finally:
            self._idle.put(connection)

    def _pieces(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        while piece := response.read(PIECE):
            yield piece
        if response.length:  # http.client is silent about it where a length was announced
            raise http.client.IncompleteRead(b"", response.length)

    def _take(self) -> http.client.HTTPConnection:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            parts = urlsplit(self._web.url)
            host, port = parts.hostname or "", parts.port
            connection: http.client.HTTPConnection
            if self._context:
                connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=self._context)
            else:
                connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
            with self._lock:
                self._open.append(connection)
            return connection
