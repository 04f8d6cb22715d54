"""Instances as they are sent: a small patched head, a body that all share, and a tail that makes each one different."""

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from exporters.dimse import uids as dicom_uids
from loadtests.dataset import Buffer, elements


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


class Pixels(Protocol):
    """Encoded pixel data: a shared part, hashed once, and a short end that is new for each instance."""

    body: Buffer
    """From the pixel data element's own head on."""
    hashed: "hashlib._Hash"
    """The state of the hash behind `body`."""

    def tail(self, nonce: bytes) -> tuple[bytes, bytes]:
        """The end for this nonce of 32 random-looking bytes: as it is sent, and as it is hashed."""
        ...


class NativePixels:
    """Uncompressed pixel data of 16 bit: the lowest bits of the last 32 pixels carry the nonce, as noise would."""

    PIXELS = 32

    def __init__(self, pixels: bytes) -> None:
        self._end = pixels[-2 * self.PIXELS :]
        shared = memoryview(pixels)[: -2 * self.PIXELS]
        self.body: Buffer = struct.pack("<HH2s2xI", 0x7FE0, 0x0010, b"OW", len(pixels)) + shared
        self.hashed = hashlib.sha256(shared)

    def tail(self, nonce: bytes) -> tuple[bytes, bytes]:
        """32 pixels with three bits of noise each."""
        noise = bytearray(2 * self.PIXELS)
        noise[::2] = bytes(byte & 0x07 for byte in nonce)
        end = (int.from_bytes(self._end) ^ int.from_bytes(noise)).to_bytes(2 * self.PIXELS)
        return end, end


class JpegPixels:
    """Encapsulated JPEG frames: the last one carries the nonce in a comment segment (ISO 10918-1 section B.2.4.5)."""

    def __init__(self, frames: list[bytes]) -> None:
        parts = [struct.pack("<HH2s2xI", 0x7FE0, 0x0010, b"OB", 0xFFFFFFFF), struct.pack("<HHI", 0xFFFE, 0xE000, 0)]
        self.hashed = hashlib.sha256()
        for frame in frames[:-1]:
            parts += (struct.pack("<HHI", 0xFFFE, 0xE000, len(frame)), frame)
            self.hashed.update(frame)
        self.body: Buffer = b"".join(parts)
        self._last = frames[-1]

    def tail(self, nonce: bytes) -> tuple[bytes, bytes]:
        """The last frame with the comment behind its start of image, and the end of the sequence."""
        comment = nonce.hex().encode()
        frame = self._last[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + self._last[2:]
        sent = struct.pack("<HHI", 0xFFFE, 0xE000, len(frame)) + frame + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        return sent, frame


class Head:
    """The data set up to its pixel data, encoded once; the values of fixed length that `patch` names are replaced.

    Raises:
        KeyError: an element to be patched isn't in the data set.
    """

    def __init__(self, data_set: Dataset, patched: tuple[int, ...]) -> None:
        self.sop_class_uid = str(data_set.SOPClassUID)
        target = DicomBytesIO()
        target.is_little_endian, target.is_implicit_VR = True, False
        write_dataset(target, data_set)
        self._encoded = target.getvalue()
        found = {element.tag: element for element in elements(self._encoded)}
        self._slots = {tag: (found[tag].start, found[tag].length or 0) for tag in patched}

    def patch(self, values: Mapping[int, str]) -> bytearray:
        """A copy with these values, padded with blanks to the length that was encoded.

        Raises:
            ValueError: a value is longer than its place.
        """
        copy = bytearray(self._encoded)
        for tag, value in values.items():
            start, length = self._slots[tag]
            encoded = value.encode("ascii").ljust(length)
            if len(encoded) != length:
                raise ValueError(f"{value!r} does not fit into the {length} bytes of element {tag:08X}")
            copy[start : start + length] = encoded
        return copy


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
