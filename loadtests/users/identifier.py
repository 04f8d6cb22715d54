"""Identifiers of queries in implicit VR little endian, which every peer takes (PS3.4 annex C)."""

import struct

from loadtests.elements import Buffer, elements

QUERY_RETRIEVE_LEVEL, STUDY_UID, SERIES_UID, SOP_INSTANCE_UID = 0x00080052, 0x0020000D, 0x0020000E, 0x00080018
ACCESSION_NUMBER, PATIENT_ID, SOP_CLASSES = 0x00080050, 0x00100020, 0x00080062
_UIDS = frozenset((STUDY_UID, SERIES_UID, SOP_INSTANCE_UID, SOP_CLASSES))


def encode(level: str, values: dict[int, str]) -> bytes:
    """The elements in ascending order; an empty value asks for it.

    Args:
        level: STUDY, SERIES or IMAGE.
    """
    parts = []
    for tag, value in sorted({QUERY_RETRIEVE_LEVEL: level, **values}.items()):
        encoded = value.encode("ascii")
        encoded += (b"\0" if tag in _UIDS else b" ") * (len(encoded) % 2)
        parts.append(struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(encoded)) + encoded)
    return b"".join(parts)


def decode(data: Buffer) -> dict[int, str]:
    """The values of a match's outermost elements, without padding; what isn't ASCII becomes question marks.

    Raises:
        DataSetError: it is no data set.
    """
    found = {}
    for element in elements(data, implicit=True):
        if element.length is not None:
            value = bytes(data[element.start : element.start + element.length])
            found[element.tag] = value.rstrip(b"\0 ").decode("ascii", errors="replace")
    return found
