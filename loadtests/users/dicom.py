"""Users that speak DIMSE: a modality that stores by C-STORE, a reader that queries by C-FIND and retrieves by C-GET."""

import time
from collections import Counter

import gevent

from exporters.dimse import status, uids
from exporters.dimse.message import Message
from loadtests.campaigns.plan import Operation
from loadtests.campaigns.work import StoredStudy
from loadtests.dataset import IMPLICIT_VR_LITTLE_ENDIAN, DataSetError, Fingerprint, fingerprint
from loadtests.engine.errors import NoAnswerError, ScuError, StatusError
from loadtests.engine.scu import Scu, Target
from loadtests.ledger import Conclusion, State
from loadtests.profiles.instance import Instance
from loadtests.profiles.study import Study
from loadtests.transactions import Outcome, RequestFailed
from loadtests.users import legacy_identifier as identifier
from loadtests.users.legacy import RETRY_SECONDS, CampaignUser, compared


class DimseUser(CampaignUser):
    """Knows whom to call."""

    abstract = True

    @property
    def target(self) -> Target:
        """The environment's front door."""
        dicom, plan = self.campaign.environment.dicom, self.campaign.plan
        return Target(dicom.host, dicom.port, dicom.ae_title, answer_timeout=plan.answer_timeout_seconds)

    def give_up(self, operation: Operation, error: ScuError, since: float) -> None:
        """Report an operation that could not begin, and wait before the next attempt."""
        self.report(operation, time.perf_counter() - since, error=RequestFailed(error.kind))
        gevent.sleep(RETRY_SECONDS)


class CStoreUser(DimseUser):
    """A modality: an association a study, its instances one after the other; a new association where one is lost."""

    def work(self) -> None:
        """Store studies until there are none."""
        for study in self.campaign.work.studies_to_store():
            self.campaign.work.has_stored(study, self._store(study))

    def _store(self, study: Study) -> dict[str, dict[str, str]]:
        """Returns what was acknowledged: series UID -> SOP instance UID -> hash."""
        acknowledged: dict[str, dict[str, str]] = {}
        instances = study.instances()
        instance = next(instances, None)
        while instance is not None and not self.campaign.work.stopped:
            begun = time.perf_counter()
            try:
                with Scu(self.target, [(instance.sop_class_uid, [instance.transfer_syntax])]) as scu:
                    while instance is not None and not self.campaign.work.stopped:
                        sending, instance = instance, next(instances, None)
                        self._send(scu, sending, acknowledged)
            except _LostAssociation:
                continue
            except ScuError as error:
                if instance is not None:  # else only the release went wrong, when all was said
                    self.give_up(Operation.C_STORE, error, begun)
        return acknowledged

    def _send(self, scu: Scu, instance: Instance, acknowledged: dict[str, dict[str, str]]) -> None:
        ledger = self.campaign.ledger
        ledger.announce(Operation.C_STORE, [instance])
        begun = time.perf_counter()
        state, failure, lost = State.ACKNOWLEDGED, None, False
        try:
            answer = scu.store(
                instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax, instance.buffers
            )
            said, seconds = f"0x{answer.status:04X}", answer.seconds
        except ScuError as error:
            lost = isinstance(error, NoAnswerError)
            state = State.UNKNOWN if lost else State.REFUSED
            failure = RequestFailed(error.kind, Outcome.UNKNOWN if lost else Outcome.FAILED)
            said, seconds = error.kind, time.perf_counter() - begun
            lost = lost or not isinstance(error, StatusError)
        ledger.conclude([Conclusion(instance.sop_instance_uid, state, said, seconds)])
        self.report(Operation.C_STORE, seconds, instances=1, size=instance.size, error=failure)
        if state is State.ACKNOWLEDGED:
            acknowledged.setdefault(instance.series_uid, {})[instance.sop_instance_uid] = instance.pixel_sha256
        if lost:
            raise _LostAssociation


class _LostAssociation(Exception):  # noqa: N818  (no error of its own: what happened is reported)
    """Another association is needed for the rest."""


class CGetUser(DimseUser):
    """A reader: finds the study by its accession number and gets it series by series."""

    def work(self) -> None:
        """Retrieve studies until none will come."""
        for stored in self.campaign.work.studies_to_retrieve("c_get"):
            if stored.series:
                self._retrieve(stored)

    def _retrieve(self, stored: StoredStudy) -> None:
        sop_class = next(stored.study.instances()).sop_class_uid
        contexts = [
            (uids.STUDY_ROOT_FIND, [IMPLICIT_VR_LITTLE_ENDIAN]),
            (uids.STUDY_ROOT_GET, [IMPLICIT_VR_LITTLE_ENDIAN]),
            (sop_class, [stored.study.profile.transfer_syntax]),
        ]
        begun, operation = time.perf_counter(), Operation.C_FIND
        try:
            with Scu(self.target, contexts, retrieves=[sop_class]) as scu:
                begun = time.perf_counter()
                self._find(scu, stored)
                operation = Operation.C_GET
                for series_uid, expected in stored.series.items():
                    begun = time.perf_counter()
                    self._get(scu, stored, series_uid, expected)
        except ScuError as error:
            self.give_up(operation, error, begun)

    def _find(self, scu: Scu, stored: StoredStudy) -> None:
        begun = time.perf_counter()
        wanted = identifier.encode(
            {
                identifier.QUERY_RETRIEVE_LEVEL: "STUDY",
                identifier.ACCESSION_NUMBER: stored.study.accession_number,
                identifier.STUDY_UID: "",
            }
        )
        matches = list(scu.find(uids.STUDY_ROOT_FIND, wanted))
        seconds = time.perf_counter() - begun
        found = sum(stored.study.uid.encode() in match for match in matches)
        failure = None if found == len(matches) == 1 else RequestFailed(f"{'no' if not found else 'another'} match")
        self.report(Operation.C_FIND, seconds, error=failure)

    def _get(self, scu: Scu, stored: StoredStudy, series_uid: str, expected: dict[str, str]) -> None:
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
        answer = scu.get(uids.STUDY_ROOT_GET, wanted, on_instance)
        self.report(
            Operation.C_GET, answer.seconds, instances=len(came), size=seen["bytes"], error=compared(expected, came)
        )
