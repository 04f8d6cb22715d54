"""What a stored instance is recognised by when it comes back, found while it arrives: no instance is held whole.

Hashed is the value of the pixel data (of its fragments' values one after the other where it is encapsulated: an archive
may write another offset table than it was sent), else of the encapsulated document, else the content of a structured
report. Of that, tags, values and nesting are hashed, for an archive may write the lengths of sequences otherwise than
they were sent (PS3.5 section 7.5.2 allows it, and Orthanc makes all of them explicit).
"""

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydicom.datadict import dictionary_VR

from loadtests.elements import (
    IMPLICIT_VR_LITTLE_ENDIAN,
    ITEM,
    ITEM_END,
    MAX_DEPTH,
    PIXEL_DATA,
    SEQUENCE_END,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    UNDEFINED,
    Buffer,
    DataSetError,
    Element,
    elements,
    head,
    meta_end,
    split_file,
    uid,
    uid_at,
)

__all__ = [
    "CONTENT_SEQUENCE",
    "ENCAPSULATED_DOCUMENT",
    "IMPLICIT_VR_LITTLE_ENDIAN",
    "PIXEL_DATA",
    "SOP_CLASS_UID",
    "SOP_INSTANCE_UID",
    "Buffer",
    "DataSetError",
    "Element",
    "FileFingerprinter",
    "Fingerprint",
    "Fingerprinter",
    "elements",
    "fingerprint",
    "split_file",
    "uid_at",
]

CONTENT_SEQUENCE: Final = 0x0040A730
ENCAPSULATED_DOCUMENT: Final = 0x00420011
FLOAT_PIXEL_DATA: Final = 0x7FE00008
DOUBLE_FLOAT_PIXEL_DATA: Final = 0x7FE00009

_HASHED = frozenset((ENCAPSULATED_DOCUMENT, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA, PIXEL_DATA))
_MARK = struct.Struct("<II")
_MAX_UID, _MAX_META = 64, 64 * 1024


@dataclass(slots=True, frozen=True)
class Fingerprint:
    """What a stored instance is recognised by."""

    sop_instance_uid: str
    pixel_sha256: str
    """In hexadecimal; of the pixel data, the document or the content."""


@dataclass(slots=True, frozen=True)
class _Level:
    """A sequence, an item or encapsulated pixel data that is being read; `end` is None where a delimiter ends it."""

    delimiter: int
    end: int | None
    implicit: bool
    content: bool = False
    fragments: bool = False


class Fingerprinter:
    """Feed it one encoded data set (without file meta information) in pieces of any size, then ask for the fingerprint.

    Raises:
        DataSetError: from any call, when this is no data set.
    """

    def __init__(self, *, implicit: bool = False) -> None:
        self._implicit = implicit
        self._levels: list[_Level] = []
        self._pending = b""  # the start of an element's head
        self._left = 0  # bytes of the value that is passing
        self._take: Callable[[Buffer], object] | None = None  # what they are given to
        self._at = 0  # bytes that have passed
        self._tag = 0
        self._uid = bytearray()
        self._hash: hashlib._Hash | None = None
        self._fragments = 0

    def feed(self, piece: Buffer) -> None:
        """The next bytes; they aren't kept."""
        view, at = memoryview(piece), 0
        end = len(view)
        while at < end:
            if self._left:
                part = view[at : at + self._left]
                if self._take:
                    self._take(part)
                self._left -= len(part)
                at += len(part)
                self._at += len(part)
            elif self._pending:
                at += self._head_in_parts(view[at : at + 12])
            elif found := head(view, at, self._levels[-1].implicit if self._levels else self._implicit):
                tag, vr, start, length = found
                self._at += start - at
                at = start
                self._element(tag, vr, length)
            else:
                self._pending = bytes(view[at:])
                self._at += len(self._pending)
                return
            if self._levels and not self._left:
                self._close()

    def finish(self) -> Fingerprint:
        """The fingerprint, if what was fed is a whole data set with something to hash."""
        if self._left or self._pending or self._levels:
            rest = f", which announces {self._left} more" if self._left else ""
            raise DataSetError(f"the data set of {self._at} bytes ends inside or after element {self._tag:08X}{rest}")
        if not self._uid:
            raise DataSetError("the data set has no SOP instance UID")
        if self._hash is None:
            raise DataSetError("the data set has no pixel data, no document and no content")
        return Fingerprint(uid(self._uid), self._hash.hexdigest())

    def unfinished(self) -> "tuple[hashlib._Hash, bytes]":
        """The state of the hash so far, and what the ends of the open items and sequences will add to it.

        For data sets that differ in the last value of their content only.

        Raises:
            DataSetError: there is nothing yet that is hashed.
        """
        if self._hash is None:
            raise DataSetError("the data set has nothing that is hashed so far")
        ends = (_MARK.pack(level.delimiter, UNDEFINED) for level in reversed(self._levels) if level.content)
        return self._hash.copy(), b"".join(ends)

    def _head_in_parts(self, piece: memoryview) -> int:
        """Returns how much of the piece belongs to the head."""
        known, both = len(self._pending), self._pending + bytes(piece)
        found = head(both, 0, self._levels[-1].implicit if self._levels else self._implicit)
        if found is None:
            self._pending = both
            self._at += len(piece)
            return len(piece)
        tag, vr, start, length = found
        self._pending = b""
        self._at += start - known
        self._element(tag, vr, length)
        return start - known

    def _element(self, tag: int, vr: bytes, length: int) -> None:
        """Its head has passed."""
        self._tag, self._take = tag, None
        if not self._levels:
            self._outermost(tag, length)
            return
        level = self._levels[-1]
        if level.end is not None and length != UNDEFINED and self._at + length > level.end:
            raise DataSetError(f"element {tag:08X} passes the end of what it is in")
        if tag == level.delimiter:
            self._levels.pop()
            self._mark(level, tag)
        elif level.delimiter == SEQUENCE_END:
            self._item(level, tag, length)
        elif tag >> 16 == 0xFFFE:
            raise DataSetError(f"element {tag:08X} stands where none of its kind belongs")
        elif length == UNDEFINED or (level.content and _is_sequence(tag, vr)):
            self._mark(level, tag)
            self._open(SEQUENCE_END, length, level.implicit or vr == b"UN", content=level.content)
        else:
            self._value(level, tag, length)

    def _outermost(self, tag: int, length: int) -> None:
        if tag >> 16 == 0xFFFE:
            raise DataSetError(f"element {tag:08X} stands outside of any sequence")
        self._left = length
        if tag == SOP_INSTANCE_UID:
            if length > _MAX_UID or self._uid:
                raise DataSetError("the data set has two SOP instance UIDs, or one of more than 64 characters")
            self._take = self._uid.extend
        elif tag in _HASHED:
            self._hash = hashlib.sha256()
            self._take = self._hash.update
            if length == UNDEFINED:
                self._fragments = 0
                self._open(SEQUENCE_END, length, implicit=True, fragments=True)
        elif tag == CONTENT_SEQUENCE:
            self._hash = hashlib.sha256()
            self._open(SEQUENCE_END, length, self._implicit, content=True)
        elif length == UNDEFINED:
            self._open(SEQUENCE_END, length, self._implicit)

    def _item(self, level: _Level, tag: int, length: int) -> None:
        """In a sequence or in encapsulated pixel data."""
        if tag != ITEM or (level.fragments and length == UNDEFINED):
            raise DataSetError(f"element {tag:08X} stands where an item or a fragment belongs")
        if level.fragments:
            self._left = length
            if self._fragments and self._hash:  # the first is the basic offset table (PS3.5 annex A.4)
                self._take = self._hash.update
            self._fragments += 1
        elif level.content or length == UNDEFINED:
            self._mark(level, tag)
            self._open(ITEM_END, length, level.implicit, content=level.content)
        else:
            self._left = length

    def _value(self, level: _Level, tag: int, length: int) -> None:
        self._left = length
        if level.content and self._hash and tag & 0xFFFF:  # lengths of groups may go (PS3.5 section 7.2)
            self._hash.update(_MARK.pack(tag, length))
            self._take = self._hash.update

    def _open(
        self, delimiter: int, length: int, implicit: bool, content: bool = False, fragments: bool = False
    ) -> None:
        if len(self._levels) > 2 * MAX_DEPTH:
            raise DataSetError(f"sequences are nested deeper than {MAX_DEPTH} levels")
        self._left = 0
        end = None if length == UNDEFINED else self._at + length
        self._levels.append(_Level(delimiter, end, implicit, content, fragments))

    def _close(self) -> None:
        """Leave the items and sequences whose announced end is here."""
        while self._levels and self._levels[-1].end == self._at:
            level = self._levels.pop()
            self._mark(level, level.delimiter)

    def _mark(self, level: _Level, tag: int) -> None:
        """A sequence's or item's begin or end, in the hash."""
        if level.content and self._hash:
            self._hash.update(_MARK.pack(tag, UNDEFINED))


def _is_sequence(tag: int, vr: bytes) -> bool:
    if vr:
        return vr == b"SQ"
    try:
        return str(dictionary_VR(tag)) == "SQ"
    except KeyError:
        return False


class FileFingerprinter:
    """As `Fingerprinter`, for a DICOM file: preamble, file meta information and data set (PS3.10 section 7.1)."""

    def __init__(self) -> None:
        self.transfer_syntax = ""
        self._meta = bytearray()
        self._inner: Fingerprinter | None = None

    def feed(self, piece: Buffer) -> None:
        """The next bytes of the file; they aren't kept."""
        if self._inner is not None:
            self._inner.feed(piece)
            return
        # the meta information is a few hundred bytes: what is copied here besides is of the first piece only
        self._meta += memoryview(piece)[:_MAX_META]
        end = meta_end(self._meta) or 144
        if end > _MAX_META:
            raise DataSetError(f"the file meta information announces {end} bytes")
        if len(self._meta) >= end and len(self._meta) >= 144:
            self.transfer_syntax, rest = split_file(self._meta)
            self._inner = Fingerprinter(implicit=self.transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN)
            self._inner.feed(rest)
            self._inner.feed(memoryview(piece)[_MAX_META:])

    def finish(self) -> Fingerprint:
        """The fingerprint, if what was fed is a whole file."""
        if self._inner is None:
            raise DataSetError(f"the {len(self._meta)} bytes end before the data set of a DICOM file begins")
        return self._inner.finish()


def fingerprint(data: Buffer, *, implicit: bool = False) -> Fingerprint:
    """That of one encoded data set (without its file meta information).

    Raises:
        DataSetError: it can't be read, has no SOP instance UID, or nothing that could be compared.
    """
    printer = Fingerprinter(implicit=implicit)
    printer.feed(data)
    return printer.finish()
