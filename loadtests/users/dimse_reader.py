"""What readers ask over DIMSE: C-FIND, and C-GET compared with what was stored while it arrives."""

import time
from collections.abc import Collection, Iterable, Mapping

from exporters.dimse import status, uids
from exporters.dimse.command import Command
from exporters.dimse.message import Message
from loadtests.campaigns.plan import Operation
from loadtests.campaigns.work import StoredStudy
from loadtests.dataset import DataSetError, Fingerprint, Fingerprinter
from loadtests.elements import IMPLICIT_VR_LITTLE_ENDIAN
from loadtests.engine.scu import Scu
from loadtests.transactions import RequestFailed
from loadtests.users import identifier
from loadtests.users.base import compared
from loadtests.users.dimse import DimseUser

QUERY = [
    (uids.STUDY_ROOT_FIND, [IMPLICIT_VR_LITTLE_ENDIAN]),
    (uids.STUDY_ROOT_GET, [IMPLICIT_VR_LITTLE_ENDIAN]),
    (uids.STUDY_ROOT_MOVE, [IMPLICIT_VR_LITTLE_ENDIAN]),
]
# what archives hold: uncompressed, JPEG, JPEG lossless, JPEG-LS, JPEG 2000, HTJ2K, RLE, MPEG-4
_SYNTAXES = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.102",
    "1.2.840.10008.1.2.5",
)
_CLASSES_AT_MOST = 12  # an association has 128 presentation contexts at most


class Arriving:
    """Instances that come over an association: hashed as they come, never held whole."""

    def __init__(self) -> None:
        self.came: list[Fingerprint] = []
        self.size = 0

    def on_instance(self, message: Message, transfer_syntax: str) -> int:
        """For the engine: an instance is whole; returns the status to answer with."""
        del transfer_syntax
        self.size += message.size
        found = message.sink.finish() if isinstance(message.sink, Printer) else None
        if found is None:
            return status.OUT_OF_RESOURCES
        self.came.append(found)
        return status.SUCCESS


class Printer:
    """A sink that makes the fingerprint of the data set; what is none of DICOM's is swallowed to its end."""

    def __init__(self, *, implicit: bool) -> None:
        self._printer: Fingerprinter | None = Fingerprinter(implicit=implicit)

    def write(self, data: memoryview, /) -> None:
        """The next piece."""
        if self._printer is not None:
            try:
                self._printer.feed(data)
            except DataSetError:
                self._printer = None

    def finish(self) -> Fingerprint | None:
        """None where it was no data set."""
        try:
            return self._printer.finish() if self._printer else None
        except DataSetError:
            return None


def open_printer(command: Command, transfer_syntax: str) -> Printer:
    """For the engine: takes the data set that begins."""
    del command
    return Printer(implicit=transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN)


class DimseReader(DimseUser):
    """Queries and retrieves; every answer is judged."""

    abstract = True

    def associate(self, studies: Iterable[StoredStudy]) -> Scu:
        """An association on which these can be queried for and retrieved. Raises ScuError."""
        storage = {
            (sop_class, one.study.profile.transfer_syntax) for one in studies for sop_class in one.study.sop_classes()
        }
        contexts = [*QUERY, *((sop_class, [syntax]) for sop_class, syntax in sorted(storage))]
        return Scu(self.target, contexts, retrieves=sorted({sop_class for sop_class, _ in storage}))

    def associate_for(self, sop_classes: Iterable[str]) -> Scu:
        """An association for retrieving instances of these classes, however they are encoded. Raises ScuError."""
        classes = sorted({one for one in sop_classes if one})[:_CLASSES_AT_MOST]
        contexts = [*QUERY, *((sop_class, [syntax]) for sop_class in classes for syntax in _SYNTAXES)]
        return Scu(self.target, contexts, retrieves=classes)

    def find(
        self, scu: Scu, level: str, values: Mapping[int, str], key: int, expected: Collection[str] = ()
    ) -> list[dict[int, str]]:
        """C-FIND, reported.

        Args:
            key: the UID that each match must have, no two the same.
            expected: UIDs that must be among the matches.

        Raises:
            ScuError: no answer, or a refusal; it isn't reported yet.
        """
        started = time.monotonic()
        found: dict[str, dict[int, str]] = {}
        wrong = ""
        for match in scu.find(uids.STUDY_ROOT_FIND, identifier.encode(level, {key: "", **values})):
            try:
                one = identifier.decode(match)
            except DataSetError:
                one = {}
            uid = one.get(key, "")
            wrong = wrong or ("a match without its UID" if not uid else "the same match twice" if uid in found else "")
            found[uid] = one
        if set(expected) - found.keys():
            wrong = wrong or "fewer matches than were stored"
        failure = RequestFailed(wrong) if wrong else None
        self.report(Operation.C_FIND, started=started, ended=time.monotonic(), error=failure, status="0x0000")
        return list(found.values())

    def get(
        self,
        scu: Scu,
        level: str,
        values: Mapping[int, str],
        expected: Mapping[str, str],
        *,
        intended: float | None = None,
    ) -> None:
        """C-GET, compared with what was stored, reported.

        Args:
            expected: SOP instance UID -> hash.

        Raises:
            ScuError: no answer, or a refusal; it isn't reported yet.
        """
        arriving, started = Arriving(), time.monotonic()
        answer = scu.get(
            uids.STUDY_ROOT_GET, identifier.encode(level, dict(values)), arriving.on_instance, open_printer
        )
        self.report(
            Operation.C_GET,
            intended=intended,
            started=started,
            ended=time.monotonic(),
            instances=len(arriving.came),
            size=arriving.size,
            error=compared(expected, arriving.came),
            status=f"0x{answer.status:04X}",
        )
