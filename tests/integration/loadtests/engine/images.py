"""Images to be stored by the engine's tests: the smallest that archives take, of any size."""

import struct
from dataclasses import dataclass
from io import BytesIO

from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from exporters.dimse import uids
from exporters.dimse.stream import Buffer

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = uids.EXPLICIT_VR_LITTLE_ENDIAN
IMPLICIT = uids.IMPLICIT_VR_LITTLE_ENDIAN


@dataclass(frozen=True)
class Image:
    """What `Scu.store_many` takes."""

    sop_instance_uid: str
    study_uid: str
    series_uid: str
    buffers: tuple[Buffer, ...]
    sop_class_uid: str = CT
    transfer_syntax: str = EXPLICIT

    @property
    def encoded(self) -> bytes:
        """The data set."""
        return b"".join(self.buffers)


def images(count: int, pixel_bytes: int = 524288) -> list[Image]:
    """CT images of one series, each with a head, a body and a tail of pixel data of its own."""
    study, series, made = uids.new_uid(), uids.new_uid(), []
    body = bytes(range(251)) * (pixel_bytes // 251 + 1)
    for number in range(count):
        head = _head(study, series, uid := uids.new_uid(), pixel_bytes)
        tail = struct.pack("<16H", *([number] * 16))
        made.append(Image(uid, study, series, (head, memoryview(body)[: pixel_bytes - len(tail)], tail)))
    return made


def _head(study: str, series: str, uid: str, pixel_bytes: int) -> bytes:
    data_set = dcmread(get_testdata_file("CT_small.dcm"))
    del data_set[0xFFFCFFFC]  # trailing padding, which dcmtk does not keep
    del data_set.PixelData
    data_set.PatientID, data_set.PatientName = "VNAOPS-TEST-1", "VNAOPS^TEST"
    data_set.StudyInstanceUID, data_set.SeriesInstanceUID, data_set.SOPInstanceUID = study, series, uid
    data_set.Columns = 512
    data_set.Rows = pixel_bytes // 1024
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, data_set)
    value: bytes = buffer.getvalue()
    return value + struct.pack("<HH2s2xI", 0x7FE0, 0x0010, b"OW", pixel_bytes)


def decoded(data: Buffer, transfer_syntax: str = EXPLICIT) -> Dataset:
    """A data set as pydicom reads it."""
    uid = transfer_syntax.encode() + b"\0" * (len(transfer_syntax) % 2)
    meta = b"\x02\0\x10\0UI" + struct.pack("<H", len(uid)) + uid
    read: Dataset = dcmread(BytesIO(bytes(128) + b"DICM" + meta + bytes(data)))
    return read


def identifier(level: str, **values: str) -> bytes:
    """Of a query, in implicit VR little endian."""
    data_set = Dataset()
    data_set.QueryRetrieveLevel = level
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, True
    write_dataset(buffer, data_set)
    encoded: bytes = buffer.getvalue()
    return encoded
