"""multipart/related as it comes (RFC 2046 section 5.1, RFC 2387): any pieces in, each part's headers and content out.

Nothing is kept but what may be the beginning of a boundary: a part of gigabytes needs no memory.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from loadtests.elements import Buffer

_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_MAX_HEADERS = 64 * 1024  # bytes, of the preamble too


class DicomWebError(ValueError):
    """An answer that isn't what PS3.18 asks for."""


@dataclass(slots=True, frozen=True)
class Part:
    """One part. Its content passes once, and is gone when the next part is asked for."""

    headers: dict[str, str]
    """By their names in lower case."""
    pieces: Iterator[memoryview] = field(repr=False)


def parts(content_type: str, pieces: Iterable[Buffer], *, part_limit: int | None = None) -> Iterator[Part]:
    """The parts of a body that comes in pieces of any size.

    Args:
        content_type: the answer's header.
        pieces: the body; asked for only as far as what is read of the parts goes.
        part_limit: the most bytes that a part may have.

    Raises:
        DicomWebError: the boundary isn't named; the body ends before its last boundary; headers or a part are endless.
        Whatever `pieces` raises.
    """
    match = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/related") or match is None:
        raise DicomWebError(f"the answer is {content_type or 'without a content type'}, not multipart/related")
    body = _Body(b"\r\n--" + (match[1] or match[2]).encode("latin-1"), iter(pieces))
    for _ in body.content(_MAX_HEADERS):  # what stands before the first boundary
        pass
    while not body.at_last_boundary():
        part = Part(body.headers(), body.content(part_limit))
        yield part
        for _ in part.pieces:  # what its reader left
            pass


class _Body:
    def __init__(self, delimiter: bytes, pieces: Iterator[Buffer]) -> None:
        self._delimiter, self._pieces = delimiter, pieces
        self._data: bytes | bytearray = b"\r\n"  # so that a boundary right at the start is one too
        self._at = 0

    def content(self, limit: int | None) -> Iterator[memoryview]:
        """What comes before the next boundary, which is passed over."""
        count, last = 0, False
        while not last:
            begin, found = self._at, self._data.find(self._delimiter, self._at)
            last = found >= 0
            end = found if last else len(self._data) - self._may_begin_boundary()
            self._at = found + len(self._delimiter) if last else end
            count += end - begin
            if limit is not None and count > limit:
                raise DicomWebError(f"a part of the answer has more than {limit} bytes")
            if end > begin:
                yield memoryview(self._data)[begin:end]
            if not last:
                self._more()

    def _may_begin_boundary(self) -> int:
        """How many of the last bytes may be the beginning of a boundary, which has its only CR in front."""
        data = self._data
        at = data.rfind(b"\r", max(self._at, len(data) - len(self._delimiter) + 1))
        return len(data) - at if at >= 0 and self._delimiter.startswith(data[at:]) else 0

    def at_last_boundary(self) -> bool:
        """Whether the boundary just passed is the last one."""
        while len(self._data) - self._at < 2:
            self._more()
        return self._data.startswith(b"--", self._at)

    def headers(self) -> dict[str, str]:
        """Those of a part, which begin behind the boundary's line."""
        while (end := self._data.find(b"\r\n\r\n", self._at)) < 0:
            if len(self._data) - self._at > _MAX_HEADERS:
                raise DicomWebError(f"the headers of a part have more than {_MAX_HEADERS} bytes")
            self._more()
        text = self._data[self._at : end].decode("latin-1")
        self._at = end + 4
        lines = (line.partition(":") for line in text.split("\r\n"))
        return {name.strip().lower(): value.strip() for name, colon, value in lines if colon}

    def _more(self) -> None:
        for piece in self._pieces:
            if len(piece):
                whole = piece if isinstance(piece, bytes | bytearray) else bytes(piece)
                # nearly always nothing is left, and nothing is copied
                self._data = bytes(self._data[self._at :]) + whole if self._at < len(self._data) else whole
                self._at = 0
                return
        raise DicomWebError("the multipart answer ends before its last boundary")
