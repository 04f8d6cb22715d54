"""DICOMweb's bodies without any connection: multipart/related both ways, and what STOW-RS answers (PS3.18)."""

import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loadtests.dataset import Buffer
from loadtests.profiles.instance import Instance, as_file

_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^\s;]+))', re.IGNORECASE)
FAILURE_REASON_DUPLICATE = 0x0111


class DicomWebError(ValueError):
    """An answer that isn't what PS3.18 asks for."""


def stow_body(instances: Iterable[Instance]) -> tuple[str, bytes]:
    """Content type and body that store these instances in one request (PS3.18 section 10.5)."""
    boundary = secrets.token_hex(16)
    parts: list[Buffer] = []
    for instance in instances:
        parts.append(b"--%b\r\nContent-Type: application/dicom\r\n\r\n" % boundary.encode())
        parts += as_file(instance)
        parts.append(b"\r\n")
    parts.append(b"--%b--\r\n" % boundary.encode())
    return f'multipart/related; type="application/dicom"; boundary={boundary}', b"".join(parts)


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


def parts(content_type: str, body: bytes) -> Iterator[memoryview]:
    """The contents of the parts of a multipart/related body (RFC 2387), without copying them.

    Raises:
        DicomWebError: the boundary isn't named, or the body ends before its last one.
    """
    match = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/related") or match is None:
        raise DicomWebError(f"the answer is {content_type or 'without a content type'}, not multipart/related")
    delimiter = b"--" + (match[1] or match[2]).encode("latin-1")
    view, at = memoryview(body), body.find(delimiter)
    while at >= 0:
        at += len(delimiter)
        if body[at : at + 2] == b"--":
            return
        start = body.find(b"\r\n\r\n", at)
        end = body.find(b"\r\n" + delimiter, start + 4 if start >= 0 else at)
        if start < 0 or end < 0:
            break
        yield view[start + 4 : end]
        at = end + 2
    raise DicomWebError("the multipart answer ends before its last boundary")
