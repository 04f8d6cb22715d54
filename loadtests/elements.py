"""Where the elements of an encoded data set lie: enough to patch values in place and to find values again.

pydicom does this too, in about a millisecond an instance and with all values built; the load engine looks at every
instance that comes back. Explicit and implicit VR little endian (PS3.5 sections 7.1.2 and 7.1.3).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SOP_CLASS_UID: Final = 0x00080016
SOP_INSTANCE_UID: Final = 0x00080018
PIXEL_DATA: Final = 0x7FE00010
ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
UNDEFINED: Final = 0xFFFFFFFF
MAX_DEPTH: Final = 32
"""Sequences nested deeper than this are no sensible data set."""
IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"

Buffer = bytes | bytearray | memoryview

_LONG_FORM = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_SHORT_HEAD = struct.Struct("<HH2sH")
_TAG_LENGTH = struct.Struct("<HHI")
_LENGTH = struct.Struct("<I")


class DataSetError(ValueError):
    """The bytes are no data set in the encoding that was named, or end too early."""


@dataclass(slots=True, frozen=True)
class Element:
    """One element of the outermost level: where its value starts, and its length in bytes (None: undefined)."""

    tag: int
    start: int
    length: int | None


def head(data: Buffer, at: int, implicit: bool) -> tuple[int, bytes, int, int] | None:
    """Tag, VR (empty where implicit), start of the value and its length, of the element at `at`; None: it ends before.

    The length is UNDEFINED where the standard calls it so. Whether the value is there isn't looked at.
    """
    left = len(data) - at
    if left < 8:
        return None
    if implicit:
        group, element, length = _TAG_LENGTH.unpack_from(data, at)
        return group << 16 | element, b"", at + 8, length
    group, element, vr, length = _SHORT_HEAD.unpack_from(data, at)
    if group == 0xFFFE:
        return group << 16 | element, b"", at + 8, _LENGTH.unpack_from(data, at + 4)[0]
    if vr not in _LONG_FORM:
        return group << 16 | element, vr, at + 8, length
    if left < 12:
        return None
    return group << 16 | element, vr, at + 12, _LENGTH.unpack_from(data, at + 8)[0]


def elements(data: Buffer, *, implicit: bool = False) -> Iterator[Element]:
    """The outermost elements in their order; the one of undefined length is passed over, whatever is in it.

    Raises:
        DataSetError: a length passes the end, or sequences are nested deeper than anything sensible.
    """
    at = 0
    while at < len(data):
        tag, start, length = _whole(data, at, implicit)
        yield Element(tag, start, None if length == UNDEFINED else length)
        at = _skip(data, start, implicit or tag == PIXEL_DATA, 0) if length == UNDEFINED else start + length


def _whole(data: Buffer, at: int, implicit: bool) -> tuple[int, int, int]:
    found = head(data, at, implicit)
    if found is None:
        raise DataSetError(f"the data set of {len(data)} bytes ends inside the element at {at}")
    tag, _, start, length = found
    if length != UNDEFINED and start + length > len(data):
        raise DataSetError(f"element {tag:08X} announces {length} bytes where {len(data) - start} are left")
    return tag, start, length


def _skip(data: Buffer, at: int, implicit: bool, depth: int) -> int:
    """The place behind the sequence, item or encapsulated pixel data of undefined length whose content starts here."""
    if depth > MAX_DEPTH:
        raise DataSetError(f"sequences are nested deeper than {MAX_DEPTH} levels")
    while True:
        tag, start, length = _whole(data, at, implicit)
        if tag in (ITEM_END, SEQUENCE_END):
            return start
        at = _skip(data, start, implicit, depth + 1) if length == UNDEFINED else start + length


def uid_at(data: Buffer, element: Element) -> str:
    """The element's value as a UID, without its padding."""
    return uid(data[element.start : element.start + (element.length or 0)])


def uid(value: Buffer) -> str:
    """An encoded value as a UID, without its padding."""
    return bytes(value).rstrip(b"\0 ").decode("ascii", errors="replace")


def split_file(data: Buffer) -> tuple[str, memoryview]:
    """Transfer syntax UID and data set of a DICOM file (PS3.10 section 7.1); of the data set, what is there of it.

    Raises:
        DataSetError: it is no DICOM file.
    """
    view = memoryview(data)
    end = meta_end(view)
    if end is None or end > len(view):
        raise DataSetError(f"the {len(view)} bytes end inside the file meta information")
    for element in elements(view[144:end]):
        if element.tag == 0x00020010:
            return uid_at(view[144:end], element), view[end:]
    raise DataSetError("the file meta information names no transfer syntax")


def meta_end(data: Buffer) -> int | None:
    """Where the data set of a DICOM file begins; None: the first 144 bytes aren't all there, and promise to be a file.

    Raises:
        DataSetError: it is no DICOM file.
    """
    if bytes(data[128:132]) != b"DICM"[: max(0, len(data) - 128)] or not data:
        raise DataSetError(f"{len(data)} bytes are no DICOM file: DICM is not at byte 128")
    if len(data) < 144:
        return None
    found = head(data, 132, False)
    if found is None or found[0] != 0x00020000 or found[3] != 4:
        raise DataSetError("the file meta information does not begin with its group length")
    return 144 + int.from_bytes(data[140:144], "little")
