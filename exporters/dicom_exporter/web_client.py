"""A probe's HTTP connection: phases as for DIMSE, no redirects, bodies of a bounded size, gone with the probe."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from exporters.dicom_exporter.connection import open_connection
from exporters.dicom_exporter.modules import WebAccess
from exporters.dicom_exporter.outcome import Outcome, ProbeError, os_words
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.target import Target

PHASES = ("resolve", "connect", "request", "transfer")


@dataclass(frozen=True)
class Answer:
    """A whole answer with a status of 2xx."""

    status: int
    content_type: str
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body. Raises ProbeError if it is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise ProbeError(Outcome.UNEXPECTED_CONTENT, "the answer is no JSON") from None


class WebClient:
    """Requests over one connection, one after the other. Failures are ProbeError or OSError."""

    def __init__(self, target: Target, access: WebAccess, probe: Probe, session: aiohttp.ClientSession) -> None:
        self._base = f"{'http' if access.tls is None else 'https'}://{target}"
        self._access, self._probe, self._session = access, probe, session

    async def request(
        self,
        method: str,
        path: str,
        accept: str,
        *,
        parameters: Mapping[str, str] | None = None,
        content: tuple[str, bytes] | None = None,
    ) -> Answer:
        """Send and take the answer; `content` is type and body.

        `request` is the time until the answer's head has come, `transfer` the time until its body's end.
        """
        headers = {"Accept": accept, "Accept-Encoding": "identity", **_authorization(self._access)}
        body = None
        if content is not None:
            headers["Content-Type"], body = content
            self._probe.bytes_sent += len(body)
        url = URL(self._base + path).with_query(parameters)
        try:
            with self._probe.phase("request"):
                answer = await self._session.request(method, url, headers=headers, data=body, allow_redirects=False)
            async with answer:
                self._probe.http_status = answer.status
                self._probe.say("answer", status=answer.status)
                with self._probe.phase("transfer"):
                    taken = await self._body(answer)
        except aiohttp.ClientError as error:
            raise _failure(error) from None
        if not 200 <= answer.status < 300:
            raise ProbeError(Outcome.HTTP_STATUS, f"{method} was answered with HTTP status {answer.status}")
        return Answer(answer.status, answer.headers.get("Content-Type", ""), taken)

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        taken, limit = bytearray(), self._access.max_body_bytes
        async for piece in answer.content.iter_any():
            self._probe.bytes_received += len(piece)
            if len(taken) + len(piece) > limit:
                raise ProbeError(Outcome.TOO_LARGE, f"the answer has more than {limit} bytes (max_body_bytes)")
            taken += piece
        return bytes(taken)


@asynccontextmanager
async def web_client(target: Target, access: WebAccess, probe: Probe) -> AsyncIterator[WebClient]:
    """A client that is connected, for the block."""
    _authorization(access)  # a file that can't be read is said before anybody is asked
    connector = _Connector(target, access, probe)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None),  # the probe's deadline ends it
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:
        try:
            await connector.connect_now()
            yield WebClient(target, access, probe, session)
        finally:
            connector.abort()


class _Connector(aiohttp.BaseConnector):
    """Connects as the DIMSE probers do, to the target and to nothing else, whatever the URL says.

    `_create_connection` is what aiohttp's own connectors override, too; the lock file keeps its version.
    """

    def __init__(self, target: Target, access: WebAccess, probe: Probe) -> None:
        super().__init__(limit=1)
        self._target, self._access, self._probe = target, access, probe
        self._ready: ResponseHandler | None = None
        self._transports: list[asyncio.Transport] = []

    async def connect_now(self) -> None:
        """So that errors of connecting are no errors of the request, nor their time the request's."""
        self._ready = await self._open()

    def abort(self) -> None:
        """Not close: TLS would wait, past any deadline, for the peer's goodbye."""
        for transport in self._transports:
            transport.abort()

    async def _create_connection(self, *_: Any) -> ResponseHandler:
        ready, self._ready = self._ready, None
        return ready if ready is not None and ready.is_connected() else await self._open()

    async def _open(self) -> ResponseHandler:
        transport, protocol = await open_connection(self._target, self._access.tls, self._probe, self._factory)
        self._transports.append(transport)
        return protocol


def _authorization(access: WebAccess) -> dict[str, str]:
    if access.bearer_token_file is not None:
        return {"Authorization": f"Bearer {_secret(access.bearer_token_file)}"}
    if access.basic_auth is not None:
        pair = f"{access.basic_auth.username}:{_secret(access.basic_auth.password_file)}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def _secret(path: Path) -> str:
    """What the file holds. What is wrong is said without it."""
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ProbeError(Outcome.INTERNAL_ERROR, f"{path} can't be read: {os_words(error)}") from None
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        raise ProbeError(Outcome.INTERNAL_ERROR, f"{path} does not hold one line of text")
    return text


def _failure(error: aiohttp.ClientError) -> Exception:
    """Of aiohttp's errors; their texts repeat what the peer has written."""
    if isinstance(error, OSError):
        return error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return ProbeError(Outcome.RESET, "the peer closed the connection without a word")
    return ProbeError(Outcome.PROTOCOL_VIOLATION, f"the answer is no HTTP: {type(error).__name__}")
