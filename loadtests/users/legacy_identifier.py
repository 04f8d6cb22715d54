"""Identifiers of queries in implicit VR little endian, which every peer takes (PS3.4 annex C)."""

import struct

QUERY_RETRIEVE_LEVEL, STUDY_UID, SERIES_UID = 0x00080052, 0x0020000D, 0x0020000E
ACCESSION_NUMBER, NUMBER_OF_INSTANCES = 0x00080050, 0x00201208


def encode(values: dict[int, str]) -> bytes:
    """The elements in ascending order; an empty value asks for it."""
    parts = []
    for tag, value in sorted(values.items()):
        encoded = value.encode("ascii")
        encoded += (b"\0" if tag in (STUDY_UID, SERIES_UID) else b" ") * (len(encoded) % 2)
        parts.append(struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(encoded)) + encoded)
    return b"".join(parts)
