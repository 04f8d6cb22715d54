"""Instances as they are sent: a small patched head, a body that all share, and a tail that makes each one different."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_data_element

from exporters.dimse import uids as dicom_uids
from loadtests.dataset import Buffer, elements
from loadtests.profiles.pixels import Pixels


@dataclass(slots=True, frozen=True)
class Instance:
    """One instance, ready to be sent; its buffers in their order are the data set, without file meta information."""

    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    transfer_syntax: str
    buffers: tuple[Buffer, ...] = field(repr=False)
    size: int
    """Bytes of the data set."""
    pixel_sha256: str
    """Of the pixel data, or of the encapsulated document, or of the content sequence where there is none."""


def encode(data_set: Dataset) -> dict[int, bytes]:
    """Its elements by tag, each encoded with its own head, explicit VR little endian."""
    encodings = convert_encodings(data_set.get("SpecificCharacterSet"))
    encoded = {}
    for element in correct_ambiguous_vr(data_set, True):
        target = DicomBytesIO()
        target.is_little_endian, target.is_implicit_VR = True, False
        write_data_element(target, element, encodings)
        encoded[int(element.tag)] = target.getvalue()
    return encoded


class Head:
    """The data set up to its pixel data; the values of fixed length that `patch` names are replaced.

    Args:
        sop_class_uid: of the instances that begin with it.
        parts: its encoded elements, as `encode` returns them.
        patched: tags of the elements that differ from instance to instance.

    Raises:
        KeyError: an element to be patched isn't in the data set.
    """

    def __init__(self, sop_class_uid: str, parts: Mapping[int, bytes], patched: Iterable[int]) -> None:
        self.sop_class_uid = sop_class_uid
        places, at = {}, 0
        for tag in sorted(parts):
            places[tag], at = at, at + len(parts[tag])
        self._encoded = b"".join(parts[tag] for tag in sorted(parts))
        self._slots = {}
        for tag in patched:
            (element,) = elements(parts[tag])
            self._slots[tag] = places[tag] + element.start, element.length or 0

    def patch(self, values: Mapping[int, str | bytes]) -> bytearray:
        """A copy with these values, padded with blanks to the length that was encoded.

        Raises:
            ValueError: a value is longer than its place.
        """
        copy = bytearray(self._encoded)
        for tag, value in values.items():
            start, length = self._slots[tag]
            encoded = value if isinstance(value, bytes) else value.encode("ascii").ljust(length)
            if len(encoded) != length:
                raise ValueError(f"{value!r} does not fit into the {length} bytes of element {tag:08X}")
            copy[start : start + length] = encoded
        return copy


def make_instance(
    head: Head,
    values: Mapping[int, str | bytes],
    pixels: Pixels,
    nonce: bytes,
    *,
    uids: tuple[str, str, str],
    syntax: str,
) -> Instance:
    """Put head, body and tail together.

    Args:
        head: of the instance's kind.
        values: what is patched into it.
        pixels: what follows it.
        nonce: 32 random-looking bytes.
        uids: of study, series and instance.
        syntax: transfer syntax UID.
    """
    patched, tail = head.patch(values), pixels.tail(nonce)
    digest = pixels.hashed.copy()
    for part in tail.hashed:
        digest.update(part)
    study_uid, series_uid, sop_instance_uid = uids
    return Instance(
        sop_class_uid=head.sop_class_uid,
        sop_instance_uid=sop_instance_uid,
        study_uid=study_uid,
        series_uid=series_uid,
        transfer_syntax=syntax,
        buffers=(patched, *pixels.body, *tail.sent),
        size=len(patched) + pixels.body_size + sum(map(len, tail.sent)),
        pixel_sha256=digest.hexdigest(),
    )


def as_file(instance: Instance) -> tuple[Buffer, ...]:
    """The buffers of the instance as a DICOM file (PS3.10 section 7.1): preamble, file meta information, data set."""
    meta = (
        struct.pack("<HH2s2xI2s", 2, 0x0001, b"OB", 2, b"\0\1")
        + _short(0x0002, b"UI", instance.sop_class_uid)
        + _short(0x0003, b"UI", instance.sop_instance_uid)
        + _short(0x0010, b"UI", instance.transfer_syntax)
        + _short(0x0012, b"UI", dicom_uids.IMPLEMENTATION_CLASS)
        + _short(0x0013, b"SH", dicom_uids.IMPLEMENTATION_VERSION)
    )
    return bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta, *instance.buffers


def _short(element: int, vr: bytes, value: str) -> bytes:
    encoded = value.encode("ascii")
    encoded += (b"\0" if vr == b"UI" else b" ") * (len(encoded) % 2)
    return struct.pack("<HH2sH", 2, element, vr, len(encoded)) + encoded
