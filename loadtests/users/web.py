"""Users that speak DICOMweb: one that stores by STOW-RS, one that queries by QIDO-RS and retrieves by WADO-RS."""

import base64
import json
import socket
from itertools import islice
from typing import Any

import gevent
from geventhttpclient.connectionpool import ConnectionPool
from locust.contrib.fasthttp import FastHttpUser

from loadtests import dicomweb
from loadtests.campaigns.plan import Operation
from loadtests.campaigns.work import StoredStudy
from loadtests.dataset import IMPLICIT_VR_LITTLE_ENDIAN, DataSetError, Fingerprint, fingerprint, split_file
from loadtests.ledger import Conclusion, State
from loadtests.profiles.instance import Instance
from loadtests.profiles.study import Study
from loadtests.transactions import Outcome, RequestFailed
from loadtests.users.legacy import RETRY_SECONDS, CampaignUser, compared


def _without_delay(_: ConnectionPool, connection: Any) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


# The library leaves this hook for it. Without it the end of a body waits for an acknowledgement (Nagle's algorithm).
setattr(ConnectionPool, "after_connect", _without_delay)  # noqa: B010  (the type checker refuses a method's assignment)


class WebUser(CampaignUser, FastHttpUser):
    """Knows the environment's DICOMweb, its authority and its password."""

    abstract = True
    insecure = False

    def __init__(self, environment: Any) -> None:
        web, plan = environment.campaign.environment.dicom_web, environment.campaign.plan
        self.host = web.origin
        self.root = web.path
        self.network_timeout = plan.answer_timeout_seconds
        self.connection_timeout = 5.0
        self.ssl_context_factory = lambda **_: web.tls()  # else the machine's authorities would be trusted too
        if web.username:
            password = f"{web.username}:{web.password.get_secret_value()}".encode()
            self.default_headers = {"Authorization": "Basic " + base64.b64encode(password).decode()}
        super().__init__(environment)

    def ask(self, operation: Operation, method: str, path: str, **rest: Any) -> Any:
        """A request whose event is fired at the end of the `with` block that it opens."""
        # compressed answers would cost the generator and the archive processor time, and aren't what viewers ask for
        headers = {"Accept-Encoding": "identity", **rest.pop("headers", {})}
        return self.client.request(
            method, self.root + path, name=operation, catch_response=True, headers=headers, **rest
        )


class StowUser(WebUser):
    """A modality with DICOMweb: a few instances a request."""

    def work(self) -> None:
        """Store studies until there are none."""
        for study in self.campaign.work.studies_to_store():
            self.campaign.work.has_stored(study, self._store(study))

    def _store(self, study: Study) -> dict[str, dict[str, str]]:
        acknowledged: dict[str, dict[str, str]] = {}
        instances = study.instances()
        size = self.campaign.plan.stow_instances_per_request
        batch = list(islice(instances, size))
        while batch and not self.campaign.work.stopped:
            ends = self._send(study, batch)
            for instance, end in zip(batch, ends, strict=True):
                if end.state is State.ACKNOWLEDGED:
                    acknowledged.setdefault(instance.series_uid, {})[instance.sop_instance_uid] = instance.pixel_sha256
            if any(end.state is State.UNKNOWN or end.status in _NOT_TAKEN for end in ends):
                gevent.sleep(RETRY_SECONDS)
            if ends[0].status not in _NOT_TAKEN:
                batch = list(islice(instances, size))
        return acknowledged

    def _send(self, study: Study, batch: list[Instance]) -> list[Conclusion]:
        """Returns how it ended for each."""
        content_type, body = dicomweb.stow_body(batch)
        headers = {"Content-Type": content_type, "Accept": "application/dicom+json"}
        self.campaign.ledger.announce(Operation.STOW_RS, batch)
        path = f"/studies/{study.uid}"
        with self.ask(Operation.STOW_RS, "POST", path, data=body, headers=headers) as response:
            seconds = response.request_meta["response_time"] / 1000
            conclusions = [
                Conclusion(one.sop_instance_uid, state, said, seconds) for one, state, said in _judge(batch, response)
            ]
            self.campaign.ledger.conclude(conclusions)
            stored = [one for one, said in zip(batch, conclusions, strict=True) if said.state is State.ACKNOWLEDGED]
            _counts(response, len(stored), sum(one.size for one in stored))
            worst = max(conclusions, key=lambda one: _BADNESS[one.state])
            if worst.state is State.ACKNOWLEDGED:
                response.success()
            else:
                outcome = Outcome.UNKNOWN if worst.state is State.UNKNOWN else Outcome.FAILED
                response.failure(RequestFailed(worst.status, outcome))
        return conclusions


_NOT_TAKEN = ("HTTP 503", "connection refused")
"""Nobody was there to take it (the balancer says 503 where it has no server): it is sent again, as over DIMSE."""

_BADNESS = {State.ACKNOWLEDGED: 0, State.REFUSED: 1, State.UNKNOWN: 2}


def _judge(batch: list[Instance], response: Any) -> list[tuple[Instance, State, str]]:
    """What the answer says of each instance. Where there is none, or nonsense, nothing is known."""
    if isinstance(getattr(response, "error", None), ConnectionRefusedError):
        return [(one, State.REFUSED, "connection refused") for one in batch]
    if not response.status_code:
        kind = "timed out" if isinstance(response.error, TimeoutError) else "connection lost"
        return [(one, State.UNKNOWN, kind) for one in batch]
    if response.status_code == 503:
        return [(one, State.REFUSED, "HTTP 503") for one in batch]
    if response.status_code >= 500:  # the balancer says so too when the archive's answer was lost
        return [(one, State.UNKNOWN, f"HTTP {response.status_code}") for one in batch]
    try:
        said = dicomweb.stow_answer(response.content or b"")
    except dicomweb.DicomWebError:
        state = State.REFUSED if response.status_code >= 400 else State.UNKNOWN
        return [(one, state, f"HTTP {response.status_code} without a STOW-RS answer") for one in batch]
    judged = []
    for one in batch:
        stored = said.get(one.sop_instance_uid)
        if stored is None:
            judged.append((one, State.UNKNOWN, "not mentioned in the answer"))
        elif stored.stored:
            judged.append((one, State.ACKNOWLEDGED, f"HTTP {response.status_code} {stored.reason}".rstrip()))
        else:
            judged.append((one, State.REFUSED, f"failure reason 0x{stored.reason}"))
    return judged


class WadoUser(WebUser):
    """A reader with DICOMweb: finds the study by its accession number and fetches it series by series."""

    def work(self) -> None:
        """Retrieve studies until none will come."""
        for stored in self.campaign.work.studies_to_retrieve("wado_rs"):
            if stored.series:
                self._find(stored)
                for series_uid, expected in stored.series.items():
                    self._fetch(stored, series_uid, expected)

    def _find(self, stored: StoredStudy) -> None:
        path = f"/studies?AccessionNumber={stored.study.accession_number}"
        headers = {"Accept": "application/dicom+json"}
        with self.ask(Operation.QIDO_RS, "GET", path, headers=headers) as response:
            if failure := _no_answer(response):
                response.failure(failure)
                return
            try:
                found = [match["0020000D"]["Value"][0] for match in json.loads(response.content or b"[]")]
            except (ValueError, KeyError, TypeError, IndexError):
                response.failure(RequestFailed("no DICOM JSON"))
                return
            if found != [stored.study.uid]:
                response.failure(RequestFailed("another match" if found else "no match"))

    def _fetch(self, stored: StoredStudy, series_uid: str, expected: dict[str, str]) -> None:
        path = f"/studies/{stored.study.uid}/series/{series_uid}"
        headers = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
        with self.ask(Operation.WADO_RS, "GET", path, headers=headers) as response:
            if failure := _no_answer(response):
                response.failure(failure)
                return
            came: list[Fingerprint] = []
            try:
                for part in dicomweb.parts(response.headers.get("content-type", ""), response.content):
                    transfer_syntax, data = split_file(part)
                    came.append(fingerprint(data, implicit=transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN))
            except (dicomweb.DicomWebError, DataSetError):
                response.failure(RequestFailed("no multipart of DICOM instances"))
                return
            _counts(response, len(came), len(response.content))
            if failure := compared(expected, came):
                response.failure(failure)


def _no_answer(response: Any) -> RequestFailed | None:
    if not response.status_code:
        return RequestFailed("timed out" if isinstance(response.error, TimeoutError) else "connection lost")
    if response.status_code != 200:
        return RequestFailed(f"HTTP {response.status_code}")
    return None


def _counts(response: Any, instances: int, size: int) -> None:
    """Known only now; Locust hands the request's context to its listeners."""
    response.request_meta["context"].update(instances=instances, bytes=size)
