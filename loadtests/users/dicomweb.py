"""What users that speak DICOMweb have in common: requests, and what may be wrong with an answer."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Generic, TypeVar
from urllib.parse import urljoin, urlsplit

import gevent
from locust.contrib.fasthttp import FastHttpUser

from loadtests import dicomweb
from loadtests.dataset import IMPLICIT_VR_LITTLE_ENDIAN, Buffer, DataSetError, Fingerprint, fingerprint, split_file
from loadtests.transactions import RequestFailed
from loadtests.users.base import CampaignUser
from loadtests.users.http import Answer, Clients, HttpError

JSON_LIMIT = 1 << 26
DICOM_JSON = "application/dicom+json"
DICOM_PARTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'

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

    def __init__(self, environment: Any) -> None:
        web = environment.campaign.environment.dicom_web
        self.host = web.origin
        self.timeout = environment.campaign.plan.answer_timeout_seconds
        self._headers = {"Accept-Encoding": "identity"}  # what viewers ask for; compressing costs both sides
        if web.username:
            password = f"{web.username}:{web.password.get_secret_value()}".encode()
            self._headers["Authorization"] = "Basic " + base64.b64encode(password).decode()
        self.client_pool = Clients(
            concurrency=1,
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
        parts = urlsplit(urljoin(self.campaign.environment.dicom_web.url + "/", url))
        if f"{parts.scheme}://{parts.netloc}" != self.host:
            raise PeerError("points to a stranger")
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def fetch(
        self,
        operation: str,
        url: str,
        accept: str,
        take: Callable[[Answer], Taken[T]],
        *,
        intended: float | None = None,
    ) -> T | None:
        """GET, reported; None where it failed, whatever was wrong with it.

        Args:
            take: reads the answer; raises HttpError or PeerError where it is wrong.
        """
        started, status, failure, taken = monotonic(), "", None, None
        try:
            with self.request("GET", url, {"Accept": accept}) as answer:
                status = f"HTTP {answer.status}"
                if answer.status != 200:
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
    except ValueError:
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


def instances(answer: Answer, limit: int) -> tuple[list[Fingerprint], int]:
    """Fingerprints of the instances in a multipart answer, and its bytes. Raises PeerError, HttpError."""
    if not answer.content_type.lower().startswith("multipart/related"):
        raise PeerError("another content type")
    body = answer.body(limit)
    came: list[Fingerprint] = []
    try:
        for part in dicomweb.parts(answer.content_type, body):
            transfer_syntax, data = split_file(part)
            came.append(fingerprint(data, implicit=transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN))
    except dicomweb.DicomWebError:
        raise PeerError("truncated multipart") from None
    except DataSetError:
        raise PeerError("no DICOM instance") from None
    return came, len(body)


def urls(data_sets: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Every address in data sets of the DICOM JSON model: Retrieve URL (0008,1190), and BulkDataURI at any depth."""
    for data_set in data_sets:
        for tag, element in data_set.items():
            if not isinstance(element, dict):
                continue
            if tag == "00081190":
                yield from map(str, element.get("Value", []))
            elif "BulkDataURI" in element:
                yield str(element["BulkDataURI"])
            elif element.get("vr") == "SQ":
                yield from urls([item for item in element.get("Value", []) if isinstance(item, dict)])
