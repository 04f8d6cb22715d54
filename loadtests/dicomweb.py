"""DICOMweb's bodies without any connection: requests and answers of STOW-RS, answers of WADO-RS (PS3.18)."""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from loadtests import multipart
from loadtests.dataset import Buffer, FileFingerprinter, Fingerprint
from loadtests.multipart import DicomWebError
from loadtests.profiles.instance import Instance, as_file

__all__ = ["DicomWebError", "Stored", "StowRequest", "instances", "stow_answer", "stow_request"]


@dataclass(slots=True, frozen=True)
class StowRequest:
    """A STOW-RS request's body, ready to be sent buffer by buffer (PS3.18 section 10.5): nothing in it is copied."""

    content_type: str
    buffers: tuple[Buffer, ...] = field(repr=False)
    length: int
    """Bytes of all buffers: the Content-Length."""


def stow_request(instances: Iterable[Instance]) -> StowRequest:
    """What stores these instances in one request."""
    boundary = secrets.token_hex(16).encode()
    head = b"--%b\r\nContent-Type: application/dicom\r\n\r\n" % boundary
    buffers: list[Buffer] = []
    for instance in instances:
        buffers += (head, *as_file(instance), b"\r\n")
    buffers.append(b"--%b--\r\n" % boundary)
    content_type = f'multipart/related; type="application/dicom"; boundary={boundary.decode()}'
    return StowRequest(content_type, tuple(buffers), sum(map(len, buffers)))


@dataclass(slots=True, frozen=True)
class Stored:
    """What a STOW-RS answer says about one instance."""

    sop_instance_uid: str
    stored: bool
    reason: str
    """Empty, or the warning's or failure's reason as four hexadecimal digits."""


def stow_answer(body: bytes) -> dict[str, Stored]:
    """By SOP instance UID, what was stored and what was not (PS3.18 section 10.5.3, annex I.2.2; the JSON model).

    Raises:
        DicomWebError: it isn't a STOW-RS answer in JSON.
    """
    found: dict[str, Stored] = {}
    try:
        answer = json.loads(body)
        if not isinstance(answer, dict):
            raise DicomWebError("the STOW-RS answer is no JSON object")
        for item in _items(answer, "00081199"):
            found[_one(item, "00081155")] = Stored(_one(item, "00081155"), True, _code(item, "00081196"))
        for item in _items(answer, "00081198"):
            found[_one(item, "00081155")] = Stored(_one(item, "00081155"), False, _code(item, "00081197"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise DicomWebError("the STOW-RS answer isn't the DICOM JSON model") from None
    return found


def _items(data_set: Mapping[str, Any], tag: str) -> list[Mapping[str, Any]]:
    return list(data_set.get(tag, {}).get("Value", []))


def _one(data_set: Mapping[str, Any], tag: str) -> str:
    return str(data_set[tag]["Value"][0])


def _code(data_set: Mapping[str, Any], tag: str) -> str:
    return f"{int(_one(data_set, tag)):04X}" if tag in data_set else ""


def instances(content_type: str, pieces: Iterable[Buffer], *, size_limit: int | None = None) -> Iterator[Fingerprint]:
    """The fingerprints of the instances in a WADO-RS answer, made while it comes (PS3.18 section 10.4).

    Args:
        content_type: the answer's header.
        pieces: its body, in pieces of any size.
        size_limit: the most bytes that an instance may have.

    Raises:
        DicomWebError: it is no multipart body, or ends too early.
        DataSetError: a part of it is no DICOM file.
    """
    for part in multipart.parts(content_type, pieces, part_limit=size_limit):
        printer = FileFingerprinter()
        for piece in part.pieces:
            printer.feed(piece)
        yield printer.finish()
