"""multipart/related in memory (RFC 2046 section 5.1, RFC 2387): what WADO-RS answers and STOW-RS sends."""

import re
import secrets

from exporters.dicom_exporter.outcome import Outcome, ProbeError

_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)


def parts(content_type: str, body: bytes) -> list[bytes]:
    """The contents of the parts. Raises ProbeError if it is no such body."""
    match = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/related") or match is None:
        raise ProbeError(Outcome.UNEXPECTED_CONTENT, "the answer is not multipart/related with a boundary")
    delimiter = b"\r\n--" + (match[1] or match[2]).encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(delimiter)
    if not pieces[-1].startswith(b"--"):
        raise ProbeError(Outcome.UNEXPECTED_CONTENT, "the multipart answer ends before its last boundary")
    return [_content(piece) for piece in pieces[1:-1]]


def _content(piece: bytes) -> bytes:
    """Behind the rest of the boundary's line and the headers, of which there may be none."""
    _, end, content = piece.partition(b"\r\n\r\n")
    if not end:
        raise ProbeError(Outcome.UNEXPECTED_CONTENT, "a part of the multipart answer has no end of its headers")
    return content


def one_part(content: bytes) -> tuple[str, bytes]:
    """Content type and body with one DICOM file."""
    boundary = secrets.token_hex(16)
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = head + content + f"\r\n--{boundary}--\r\n".encode()
    return f'multipart/related; type="application/dicom"; boundary={boundary}', body
