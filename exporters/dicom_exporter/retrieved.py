"""What has come back from an archive: read, and compared with what was sent."""

import hashlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from exporters.dicom_exporter.instance import Instance
from exporters.dicom_exporter.outcome import Outcome, ProbeError
from exporters.dicom_exporter.probe import Probe
from exporters.dimse import uids

# what pydicom logs repeats values, which may be a patient's
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

_UNCOMPRESSED = (uids.IMPLICIT_VR_LITTLE_ENDIAN, uids.EXPLICIT_VR_LITTLE_ENDIAN)


def read(data_set: bytes | bytearray, transfer_syntax: str) -> Dataset:
    """A data set as it comes over an association. Raises ProbeError if it can't be read."""
    if transfer_syntax not in _UNCOMPRESSED:
        named = transfer_syntax if uids.is_valid(transfer_syntax) else "whose UID has no valid form"
        raise ProbeError(Outcome.UNEXPECTED_CONTENT, f"the data set came in a transfer syntax {named}")
    implicit = transfer_syntax == uids.IMPLICIT_VR_LITTLE_ENDIAN
    with decoding():
        return read_dataset(BytesIO(data_set), implicit, True, bytelength=len(data_set))


def read_file(content: bytes) -> Dataset:
    """A DICOM file (PS3.10). Raises ProbeError if it is none."""
    with decoding():
        return dcmread(BytesIO(content))


@contextmanager
def decoding() -> Iterator[None]:
    """Whatever foreign bytes make pydicom raise is a ProbeError, and its warnings, which repeat values, are unheard.

    An element is decoded only when it is first asked for: that belongs within, too.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except Exception as error:  # pydicom has no one class for them
        words = f"what came back is no data set: {type(error).__name__}"
        raise ProbeError(Outcome.UNEXPECTED_CONTENT, words) from None


def check_identity(found: Dataset, sop_instance_uid: str) -> None:
    """Raises ProbeError if it is another instance."""
    with decoding():
        here = str(found.get("SOPInstanceUID", ""))
    if here != sop_instance_uid:
        raise ProbeError(Outcome.UNEXPECTED_CONTENT, "what came back is another instance than the one asked for")


def compare(found: Dataset, sent: Instance, probe: Probe) -> None:
    """Raises ProbeError unless it is the instance with the pixel data as sent.

    Only that is compared: an archive may coerce attributes and choose another transfer syntax (PS3.4 section B.4.1).
    """
    check_identity(found, sent.sop_instance_uid)
    with decoding():
        pixels = found.get("PixelData")
    here = hashlib.sha256(pixels if isinstance(pixels, bytes) else b"").hexdigest()
    probe.say("compared", sent=sent.pixel_hash, retrieved=here)
    if here != sent.pixel_hash:
        words = f"the pixel data that came back has SHA-256 {here[:16]}…, what was sent {sent.pixel_hash[:16]}…"
        raise ProbeError(Outcome.UNEXPECTED_CONTENT, words)
