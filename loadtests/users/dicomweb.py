"""What users that speak DICOMweb have in common: requests, and what may be wrong with an answer."""

import base64
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

import gevent
from locust.contrib.fasthttp import FastHttpUser

from loadtests import dicomweb
from loadtests.dataset import Buffer, DataSetError, Fingerprint
from loadtests.transactions import RequestFailed
from loadtests.users.base import CampaignUser
from loadtests.users.http import Answer, Clients, HttpError

JSON_LIMIT = 1 << 26
STRANGER = "points to a stranger"
DICOM_JSON = "application/dicom+json"
DICOM_PARTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'
BULK_PARTS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'

T = TypeVar("T")


class PeerError(Exception):
    """An answer that came whole and is wrong; `kind` is one of a bounded number of words, for counting."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(slots=True, frozen=True)
class Taken(Generic[T]):
    """What an answer was good for: its value, and what is counted of it."""

    value: T
    instances: int = 0
    size: int = 0


class WebUser(CampaignUser, FastHttpUser):
    """Knows the environment's DICOMweb, its authority and its password."""

    abstract = True
    request_type = "DICOMweb"
    insecure = False
    max_redirects = 0
    connections = 1
    """Requests at a time of one user."""

    def __init__(self, environment: Any) -> None:
        web = environment.campaign.environment.dicom_web
        self.host = web.origin
        self.timeout = environment.campaign.plan.answer_timeout_seconds
        self._headers = {"Accept-Encoding": "identity"}  # what viewers ask for; compressing costs both sides
        if web.username:
            password = f"{web.username}:{web.password.get_secret_value()}".encode()
            self._headers["Authorization"] = "Basic " + base64.b64encode(password).decode()
        self.client_pool = Clients(
            concurrency=self.connections,
            connection_timeout=5.0,
            network_timeout=self.timeout,
            ssl_context_factory=lambda **_: web.tls(),  # else the machine's authorities would be trusted too
        )
        super().__init__(environment)

    @contextmanager
    def request(
        self, method: str, url: str, headers: dict[str, str], body: Iterable[Buffer] = (), length: int = 0
    ) -> Iterator[Answer]:
        """An exchange with the front door; `url` is below the root of DICOMweb, or whole.

        Raises:
            HttpError: no answer.
            PeerError: the URL leads elsewhere; it is not followed.
        """
        target = self.local(url)
        client = self.client_pool.get_client(self.host)
        answer = client.exchange(method, target, {**self._headers, **headers}, body, length, timeout=self.timeout)
        try:
            yield answer
        finally:
            answer.close()

    def local(self, url: str) -> str:
        """Path and query of a URL of the front door; one from an answer may be relative to the root of DICOMweb.

        Raises:
            PeerError: it leads to another host, port or scheme.
        """
        try:
            parts = urlsplit(urljoin(self.campaign.environment.dicom_web.url + "/", url))
        except ValueError:
            raise PeerError(STRANGER) from None
        if f"{parts.scheme}://{parts.netloc}" != self.host:
            raise PeerError(STRANGER)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def leads_astray(self, url: str) -> bool:
        """Whether an address from an answer is none of the front door's."""
        try:
            self.local(url)
        except PeerError:
            return True
        return False

    def fetch(
        self,
        operation: str,
        url: str,
        accept: str,
        take: Callable[[Answer], Taken[T]],
        *,
        intended: float | None = None,
        good: Collection[int] = (200,),
    ) -> T | None:
        """GET, reported; None where it failed, whatever was wrong with it.

        Args:
            take: reads the answer; raises HttpError or PeerError where it is wrong.
            good: the statuses that are a success.
        """
        started, status, failure, taken = monotonic(), "", None, None
        try:
            with self.request("GET", url, {"Accept": accept}) as answer:
                status = f"HTTP {answer.status}"
                if answer.status not in good:
                    raise PeerError(status)
                taken = take(answer)
        except (HttpError, PeerError) as error:
            failure = RequestFailed(error.kind)
            status = status or error.kind
        self.report(
            operation,
            intended=intended,
            started=started,
            ended=monotonic(),
            instances=taken.instances if taken else 0,
            size=taken.size if taken else 0,
            error=failure,
            status=status,
        )
        return taken.value if taken else None

    def pause(self, seconds: float) -> None:
        """Wait before the next attempt."""
        gevent.sleep(seconds)


def data_sets(answer: Answer) -> Taken[list[dict[str, Any]]]:
    """The data sets of an answer in the DICOM JSON model (PS3.18 annex F). Raises PeerError, HttpError."""
    if answer.status == 204:
        return Taken([])
    if not answer.content_type.lower().startswith((DICOM_JSON, "application/json")):
        raise PeerError("another content type")
    body = answer.body(JSON_LIMIT)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):  # a million brackets are valid JSON, and too deep
        raise PeerError("no DICOM JSON") from None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise PeerError("no DICOM JSON")
    return Taken(found, size=len(body))


def value(data_set: dict[str, Any], tag: str) -> str:
    """The first value of an element, empty where there is none. Raises PeerError."""
    try:
        values = data_set.get(tag, {}).get("Value") or [""]
        return str(values[0])
    except (AttributeError, TypeError, KeyError):
        raise PeerError("no DICOM JSON") from None


def instances(answer: Answer, limit: int) -> Taken[list[Fingerprint]]:
    """Fingerprints of the instances in a multipart answer, made as they come. Raises PeerError, HttpError."""
    if not answer.content_type.lower().startswith("multipart/related"):
        raise PeerError("another content type")
    pieces = Counted(answer.pieces(limit))
    try:
        came = list(dicomweb.instances(answer.content_type, pieces))
    except dicomweb.DicomWebError:
        raise PeerError("broken multipart") from None
    except DataSetError:
        raise PeerError("no DICOM instance") from None
    pieces.drain()
    return Taken(came, len(came), pieces.size)


class Counted:
    """Pieces of a body, counted as they pass."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            yield piece

    def drain(self) -> None:
        """Read what is left, so that the connection can be used again."""
        for _ in self:
            pass


class Address(NamedTuple):
    """An address in an answer."""

    url: str
    bulk: bool
    """Whether of bulk data; else of a study, series or instance."""


def addresses(data_sets: Iterable[dict[str, Any]]) -> Iterator[Address]:
    """Every address in data sets of the DICOM JSON model: Retrieve URL (0008,1190), and BulkDataURI at any depth."""
    for data_set in data_sets:
        for tag, element in data_set.items():
            if not isinstance(element, dict):
                continue
            values = element.get("Value")
            values = values if isinstance(values, list) else []
            if tag == "00081190":
                yield from (Address(str(one), bulk=False) for one in values)
            elif "BulkDataURI" in element:
                yield Address(str(element["BulkDataURI"]), bulk=True)
            else:
                yield from addresses(item for item in values if isinstance(item, dict))
