"""A reader that finds each stored study once and retrieves and compares all of it."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from locust.exception import StopUser

from exporters.dimse import status, uids
from exporters.dimse.message import Message
from loadtests.dataset import IMPLICIT_VR_LITTLE_ENDIAN, DataSetError, Fingerprint, fingerprint
from loadtests.engine.errors import ScuError
from loadtests.engine.scu import Scu
from loadtests.transactions import RequestFailed
from loadtests.users import identifier
from loadtests.users.base import compared
from loadtests.users.dicomweb import DICOM_JSON, DICOM_PARTS, PeerError, Taken, WebUser, data_sets, instances, value
from loadtests.users.dimse import DimseUser
from loadtests.users.http import Answer

if TYPE_CHECKING:
    from loadtests.campaigns.arrivals import Arrival
    from loadtests.campaigns.work import StoredStudy


class DimseRetriever(DimseUser):
    """C-FIND by accession number, then C-GET series by series, over one association."""

    _stored: "Iterator[StoredStudy] | None" = None

    def session(self, arrival: "Arrival") -> None:  # noqa: ARG002  (the signature of all behaviours)
        """Retrieve the next stored study."""
        self._stored = self._stored or self.campaign.work.each_stored(self.stream)
        stored = next(self._stored, None)
        if stored is None:
            raise StopUser
        if stored.series:
            self._retrieve(stored)

    def _retrieve(self, stored: "StoredStudy") -> None:
        classes = sorted(stored.study.sop_classes())
        contexts = [
            (uids.STUDY_ROOT_FIND, [IMPLICIT_VR_LITTLE_ENDIAN]),
            (uids.STUDY_ROOT_GET, [IMPLICIT_VR_LITTLE_ENDIAN]),
            *((sop_class, [stored.study.profile.transfer_syntax]) for sop_class in classes),
        ]
        started, operation = time.monotonic(), "C-FIND"
        try:
            with Scu(self.target, contexts, retrieves=classes) as scu:
                started = time.monotonic()
                self._find(scu, stored, started)
                operation = "C-GET"
                for series_uid, expected in stored.series.items():
                    started = time.monotonic()
                    self._get(scu, stored, series_uid, expected, started)
        except ScuError as error:
            self.give_up(operation, error, started)

    def _find(self, scu: Scu, stored: "StoredStudy", started: float) -> None:
        wanted = identifier.encode(
            {
                identifier.QUERY_RETRIEVE_LEVEL: "STUDY",
                identifier.ACCESSION_NUMBER: stored.study.accession_number,
                identifier.STUDY_UID: "",
            }
        )
        matches = list(scu.find(uids.STUDY_ROOT_FIND, wanted))
        found = sum(stored.study.uid.encode() in match for match in matches)
        failure = None if found == len(matches) == 1 else RequestFailed(f"{'no' if not found else 'another'} match")
        self.report("C-FIND", started=started, ended=time.monotonic(), error=failure)

    def _get(self, scu: Scu, stored: "StoredStudy", series_uid: str, expected: dict[str, str], started: float) -> None:
        came: list[Fingerprint] = []
        seen: Counter[str] = Counter()

        def on_instance(message: Message, transfer_syntax: str) -> int:
            data = message.data_set or b""
            seen["bytes"] += len(data)
            try:
                came.append(fingerprint(data, implicit=transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN))
            except DataSetError:
                return status.OUT_OF_RESOURCES
            return status.SUCCESS

        wanted = identifier.encode(
            {
                identifier.QUERY_RETRIEVE_LEVEL: "SERIES",
                identifier.STUDY_UID: stored.study.uid,
                identifier.SERIES_UID: series_uid,
            }
        )
        scu.get(uids.STUDY_ROOT_GET, wanted, on_instance)
        self.report(
            "C-GET",
            started=started,
            ended=time.monotonic(),
            instances=len(came),
            size=seen["bytes"],
            error=compared(expected, came),
        )


class WebRetriever(WebUser):
    """QIDO-RS by accession number, then WADO-RS series by series."""

    _stored: "Iterator[StoredStudy] | None" = None

    def session(self, arrival: "Arrival") -> None:  # noqa: ARG002  (the signature of all behaviours)
        """Retrieve the next stored study."""
        self._stored = self._stored or self.campaign.work.each_stored(self.stream)
        stored = next(self._stored, None)
        if stored is None:
            raise StopUser
        if not stored.series:
            return
        self._find(stored)
        limit = 2 * stored.study.bytes_estimate() + (1 << 24)
        for series_uid, expected in stored.series.items():
            self._get(f"studies/{stored.study.uid}/series/{series_uid}", expected, limit)

    def _find(self, stored: "StoredStudy") -> None:
        def take(answer: Answer) -> Taken[None]:
            found = [value(match, "0020000D") for match in data_sets(answer).value]
            if found != [stored.study.uid]:
                raise PeerError("another match" if found else "no match")
            return Taken(None)

        self.fetch("QIDO-RS", f"studies?AccessionNumber={stored.study.accession_number}", DICOM_JSON, take)

    def _get(self, url: str, expected: dict[str, str], limit: int) -> None:
        def take(answer: Answer) -> Taken[None]:
            came, size = instances(answer, limit)
            if wrong := compared(expected, came):
                raise PeerError(str(wrong))
            return Taken(None, len(came), size)

        self.fetch("WADO-RS", url, DICOM_PARTS, take)
