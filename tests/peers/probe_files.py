"""Files as the prober makes them, and files that are nearly such: what the archive must tell apart."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from io import BytesIO
from typing import Any, Final

import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from exporters.dicom_exporter.instance import Instance, file_of, make_instance
from exporters.dicom_exporter.modules import StoreModule
from exporters.dicom_exporter.probe_patient import PROBE_PATIENT_ID
from exporters.dimse.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN


def _instance(transfer_syntax: str, **module: Any) -> Instance:
    settings = StoreModule(prober="store", called_ae_title="ARCHIVE", **module)
    return make_instance(settings, "archive:104", transfer_syntax)


def probe_file(transfer_syntax: str = EXPLICIT_VR_LITTLE_ENDIAN, **module: Any) -> bytes:
    """A new instance of the prober as a file (PS3.10); `module`: settings of the module that stores it."""
    return file_of(_instance(transfer_syntax, **module))


def _changed(change: Callable[[Dataset], object]) -> bytes:
    data = pydicom.dcmread(BytesIO(probe_file(rows=4, columns=4)))
    change(data)
    file = BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _with(**values: Any) -> Callable[[], bytes]:
    return lambda: _changed(lambda data: [setattr(data, keyword, value) for keyword, value in values.items()])


def _without(keyword: str) -> Callable[[], bytes]:
    return lambda: _changed(lambda data: delattr(data, keyword))


def _nested(keyword: str) -> Callable[[], bytes]:
    """The element stands in an item of a sequence, and not in the data set itself."""

    def change(data: Dataset) -> None:
        item = Dataset()
        item[keyword] = data[keyword]
        del data[keyword]
        data.ReferencedPatientSequence = Sequence([item])

    return lambda: _changed(change)


def _undefined_length() -> bytes:
    def change(data: Dataset) -> None:
        data.ReferencedStudySequence = Sequence([Dataset()])
        data["ReferencedStudySequence"].is_undefined_length = True

    return _changed(change)


def _called(syntax: str, encoded: str = EXPLICIT_VR_LITTLE_ENDIAN) -> Callable[[], bytes]:
    """The file meta information says `syntax`, the data set is encoded in another."""
    return lambda: file_of(replace(_instance(encoded, rows=4, columns=4), transfer_syntax=syntax))


def _replaced(old: bytes, new: bytes) -> Callable[[], bytes]:
    def make() -> bytes:
        file = probe_file(rows=4, columns=4)
        assert file.count(old) == 1
        return file.replace(old, new)

    return make


_ID = b"\x10\x00\x20\x00LO\x0c\x00" + PROBE_PATIENT_ID.encode()
_QC = b"\x10\x00\x00\x02CS\x04\x00YES "

NEAR_MISSES: Final[Mapping[str, Callable[[], bytes]]] = {
    "another patient": _with(PatientID="4711"),
    "a patient whose ID begins so": _with(PatientID=f"{PROBE_PATIENT_ID}-2"),
    "a patient whose ID ends so": _with(PatientID=f"X{PROBE_PATIENT_ID}"),
    "the ID in small letters": _with(PatientID=PROBE_PATIENT_ID.lower()),
    "two IDs": _replaced(_ID, b"\x10\x00\x20\x00LO\x0e\x00" + PROBE_PATIENT_ID.encode() + b"\\B"),
    "an ID with spaces behind": _replaced(_ID, b"\x10\x00\x20\x00LO\x0e\x00" + PROBE_PATIENT_ID.encode() + b"  "),
    "an ID that begins with spaces": _replaced(_ID, b"\x10\x00\x20\x00LO\x0e\x00  " + PROBE_PATIENT_ID.encode()),
    "an empty ID": _with(PatientID=""),
    "no ID": _without("PatientID"),
    "no quality control subject": _without("QualityControlSubject"),
    "quality control subject NO": _with(QualityControlSubject="NO"),
    "an empty quality control subject": _with(QualityControlSubject=""),
    "quality control subject in small letters": _replaced(_QC, _QC.lower().replace(b"cs", b"CS")),
    "the ID in a sequence only": _nested("PatientID"),
    "the quality control subject in a sequence only": _nested("QualityControlSubject"),
    "another VR of the ID": _replaced(_ID, _ID.replace(b"LO", b"SH")),
    "an unknown VR": _replaced(_QC, _QC.replace(b"CS", b"XX")),
    "the two out of order": _replaced(_ID, b"\x10\x00\x20\x03LO\x0c\x00" + PROBE_PATIENT_ID.encode()),
    "the ID twice": _replaced(_ID, _ID + _ID),
    "an undefined length": _undefined_length,
    "an odd length": _replaced(_QC, b"\x10\x00\x00\x02CS\x03\x00YES"),
    "called big endian": _called(ExplicitVRBigEndian),
    "called deflated": _called(DeflatedExplicitVRLittleEndian),
    "called compressed": _called(JPEG2000Lossless),
    "called implicit": _called(ImplicitVRLittleEndian),
    "implicit and called explicit": _called(ExplicitVRLittleEndian, encoded=IMPLICIT_VR_LITTLE_ENDIAN),
    "no preamble": lambda: probe_file(rows=4, columns=4)[128:],
    "no transfer syntax": _replaced(b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI"),
    "more than 1 MiB": lambda: probe_file(rows=1024, columns=1024),
}
"""By what is wrong with it."""
