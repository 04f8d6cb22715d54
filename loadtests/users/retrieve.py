"""A reader that finds each stored study once and retrieves and compares all of it."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from locust.exception import StopUser

from loadtests.campaigns.plan import Operation
from loadtests.campaigns.work import StoredStudy
from loadtests.dataset import DataSetError, FileFingerprinter
from loadtests.engine.errors import ScuError
from loadtests.users import identifier
from loadtests.users.base import CampaignUser, compared, everything
from loadtests.users.dicomweb import Counted, PeerError, Taken, addresses
from loadtests.users.dimse_reader import DimseReader
from loadtests.users.http import Answer
from loadtests.users.options import WebRetrieveOptions
from loadtests.users.web_reader import WebReader

if TYPE_CHECKING:
    from loadtests.campaigns.arrivals import Arrival

PAGE = 100


class Retriever(CampaignUser):
    """Takes each stored study in its turn, of the stream's profiles if it names any."""

    abstract = True
    _stored: Iterator[StoredStudy] | None = None

    def session(self, arrival: "Arrival") -> None:  # noqa: ARG002  (the signature of all behaviours)
        """Retrieve the next stored study."""
        self._stored = self._stored or self.campaign.work.each_stored(self.stream)
        stored = next(self._stored, None)
        if stored is None:
            raise StopUser
        profiles = self.stream.plan.profiles
        if stored.series and (not profiles or stored.study.profile.name in profiles):
            self.retrieve_study(stored)

    def retrieve_study(self, stored: StoredStudy) -> None:
        """Find it, get it, compare it."""
        raise NotImplementedError


class DimseRetriever(Retriever, DimseReader):
    """C-FIND by accession number, then C-GET series by series, over one association."""

    def retrieve_study(self, stored: StoredStudy) -> None:
        """Find it, get it, compare it."""
        study = stored.study
        started, operation = time.monotonic(), Operation.C_FIND
        try:
            with self.associate([stored]) as scu:
                started = time.monotonic()
                wanted = {identifier.ACCESSION_NUMBER: study.accession_number}
                self.find(scu, "STUDY", wanted, identifier.STUDY_UID, [study.uid])
                operation = Operation.C_GET
                for series_uid, expected in stored.series.items():
                    started = time.monotonic()
                    values = {identifier.STUDY_UID: study.uid, identifier.SERIES_UID: series_uid}
                    self.get(scu, "SERIES", values, expected)
        except ScuError as error:
            self.give_up(operation, error, started)


class WebRetriever(Retriever, WebReader):
    """QIDO-RS by accession number, then WADO-RS study by study, series by series or one instance after the other."""

    def retrieve_study(self, stored: StoredStudy) -> None:
        """Find it, get it, compare it."""
        options, study, size = self.options(WebRetrieveOptions), stored.study, stored.study.bytes_estimate()
        found = self.query("studies", {"AccessionNumber": study.accession_number}, expected=[study.uid])
        root = f"studies/{study.uid}"
        if options.level == "study":
            self.retrieve(root, everything(stored), size)
        for series_uid, expected in stored.series.items():
            path = f"{root}/series/{series_uid}"
            if options.level == "series":
                self.retrieve(path, expected, size)
            elif options.level == "instance":
                self.query(f"{path}/instances", {}, page=PAGE, expected=expected)
                for uid, pixels in expected.items():
                    self.retrieve(f"{path}/instances/{uid}", {uid: pixels}, size)
            if options.follow_urls:
                described = self.metadata(path, expected) or []
                listed = self.query(f"{path}/instances", {}, page=PAGE, expected=expected) or []
                held = [*(found or []), *listed, *(one.data_set for one in described)]
                self.follow(addresses(held), 2 * size + self.ALLOWANCE)


class WadoUriRetriever(Retriever, WebReader):
    """WADO-URI, one instance after the other, as files (PS3.18 chapter 9)."""

    request_type = "WADO-URI"

    def retrieve_study(self, stored: StoredStudy) -> None:
        """Get it, compare it."""
        limit = 2 * stored.study.bytes_estimate() + self.ALLOWANCE
        for series_uid, expected in stored.series.items():
            for uid, pixels in expected.items():
                query = {
                    "requestType": "WADO",
                    "studyUID": stored.study.uid,
                    "seriesUID": series_uid,
                    "objectUID": uid,
                    "contentType": "application/dicom",
                }
                self._file(urlencode(query, safe="/"), {uid: pixels}, limit)

    def _file(self, query: str, expected: dict[str, str], limit: int) -> None:
        def take(answer: Answer) -> Taken[None]:
            if not answer.content_type.lower().startswith("application/dicom"):
                raise PeerError("another content type")
            printer, pieces = FileFingerprinter(), Counted(answer.pieces(limit))
            try:
                for piece in pieces:
                    printer.feed(piece)
                came = printer.finish()
            except DataSetError:
                raise PeerError("no DICOM instance") from None
            if wrong := compared(expected, [came]):
                raise PeerError(str(wrong))
            return Taken(None, 1, pieces.size)

        address = self.campaign.environment.dicom_web.wado_uri
        self.fetch(Operation.WADO_URI, f"{address}?{query}", "application/dicom", take)
