"""Where the elements of an encoded data set lie: enough to patch values in place and to find the pixel data again.

pydicom does this too, in about a millisecond an instance and with all values built; the load engine looks at every
instance that comes back. Explicit and implicit VR little endian (PS3.5 sections 7.1.2 and 7.1.3).
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SOP_CLASS_UID: Final = 0x00080016
SOP_INSTANCE_UID: Final = 0x00080018
PIXEL_DATA: Final = 0x7FE00010
IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"

Buffer = bytes | bytearray | memoryview

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_LONG_FORM = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_SHORT_HEAD = struct.Struct("<HH2sH")
_TAG_LENGTH = struct.Struct("<HHI")
_MAX_DEPTH = 32


class DataSetError(ValueError):
    """The bytes are no data set in the encoding that was named, or end too early."""


@dataclass(slots=True, frozen=True)
class Element:
    """One element of the outermost level: where its value starts, and its length in bytes (None: undefined)."""

    tag: int
    start: int
    length: int | None


def elements(data: Buffer, *, implicit: bool = False) -> Iterator[Element]:
    """The outermost elements in their order; the one of undefined length is passed over, whatever is in it.

    Raises:
        DataSetError: a length passes the end, or sequences are nested deeper than anything sensible.
    """
    at = 0
    while at < len(data):
        tag, start, length = _head(data, at, implicit)
        yield Element(tag, start, None if length == _UNDEFINED else length)
        at = _skip(data, start, implicit or tag == PIXEL_DATA, 0) if length == _UNDEFINED else start + length


def _head(data: Buffer, at: int, implicit: bool) -> tuple[int, int, int]:
    try:
        group, element, length = _TAG_LENGTH.unpack_from(data, at)
        tag, start = group << 16 | element, at + 8
        if not implicit and group != 0xFFFE:
            _, _, vr, length = _SHORT_HEAD.unpack_from(data, at)
            if vr in _LONG_FORM:
                length, start = struct.unpack_from("<I", data, at + 8)[0], at + 12
    except struct.error:
        raise DataSetError(f"the data set of {len(data)} bytes ends inside the element at {at}") from None
    if length != _UNDEFINED and start + length > len(data):
        raise DataSetError(f"element {tag:08X} announces {length} bytes where {len(data) - start} are left")
    return tag, start, length


def _skip(data: Buffer, at: int, implicit: bool, depth: int) -> int:
    """The place behind the sequence, item or encapsulated pixel data of undefined length whose content starts here."""
    if depth > _MAX_DEPTH:
        raise DataSetError(f"sequences are nested deeper than {_MAX_DEPTH} levels")
    while True:
        tag, start, length = _head(data, at, implicit)
        if tag in (_ITEM_END, _SEQUENCE_END):
            return start
        at = _skip(data, start, implicit, depth + 1) if length == _UNDEFINED else start + length


def uid_at(data: Buffer, element: Element) -> str:
    """The element's value as a UID, without its padding."""
    value = bytes(data[element.start : element.start + (element.length or 0)])
    return value.rstrip(b"\0 ").decode("ascii", errors="replace")


def fragments(data: Buffer, start: int) -> Iterator[Buffer]:
    """The fragments of encapsulated pixel data, without the basic offset table (PS3.5 annex A.4).

    An archive may write another offset table than it was sent; the fragments are what must not change.
    """
    first = True
    while True:
        tag, value, length = _head(data, start, True)
        if tag == _SEQUENCE_END:
            return
        if tag != _ITEM or length == _UNDEFINED:
            raise DataSetError(f"element {tag:08X} stands where a fragment of pixel data belongs")
        if not first:
            yield data[value : value + length]
        first, start = False, value + length


@dataclass(slots=True, frozen=True)
class Fingerprint:
    """What a stored instance is recognised by when it comes back."""

    sop_instance_uid: str
    pixel_sha256: str
    """In hexadecimal; of the pixel data's value, or of its fragments where it is encapsulated."""


def fingerprint(data: Buffer, *, implicit: bool = False) -> Fingerprint:
    """SOP instance UID and hash of the pixel data of one encoded data set (without its file meta information).

    Raises:
        DataSetError: it can't be read, or has no SOP instance UID, or no pixel data.
    """
    uid = ""
    view = memoryview(data)
    for element in elements(view, implicit=implicit):
        if element.tag == SOP_INSTANCE_UID:
            uid = uid_at(view, element)
        elif element.tag == PIXEL_DATA:
            if not uid:
                break
            digest = hashlib.sha256()
            if element.length is None:
                for fragment in fragments(view, element.start):
                    digest.update(fragment)
            else:
                digest.update(view[element.start : element.start + element.length])
            return Fingerprint(uid, digest.hexdigest())
    raise DataSetError("the data set has no SOP instance UID" if not uid else "the data set has no pixel data")


def split_file(data: Buffer) -> tuple[str, memoryview]:
    """Transfer syntax UID and data set of a DICOM file (PS3.10 section 7.1).

    Raises:
        DataSetError: it is no DICOM file.
    """
    view = memoryview(data)
    if len(view) < 144 or bytes(view[128:132]) != b"DICM":
        raise DataSetError(f"{len(view)} bytes are no DICOM file: DICM is not at byte 128")
    tag, start, length = _head(view, 132, False)
    if tag != 0x00020000 or length != 4:
        raise DataSetError("the file meta information does not begin with its group length")
    end = start + 4 + int.from_bytes(view[start : start + 4], "little")
    for element in elements(view[start + 4 : end]):
        if element.tag == 0x00020010:
            return uid_at(view[start + 4 : end], element), view[end:]
    raise DataSetError("the file meta information names no transfer syntax")
