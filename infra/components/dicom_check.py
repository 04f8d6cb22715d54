"""The bytes of a real C-ECHO, for a load balancer that can only send and compare bytes.

Written out here, not taken from `exporters.dimse`, since `infra` stands alone; a test holds it against the codec.
"""

import struct

VERIFICATION = b"1.2.840.10008.1.1"
IMPLICIT_VR_LITTLE_ENDIAN = b"1.2.840.10008.1.2"
APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"

ASSOCIATE_ACCEPTED = b"\x02\x00"
RELEASE_REQUEST = b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00"
RELEASED = b"\x06\x00"
# element (0000,0900) Status, two bytes, 0x0000 success (PS3.7 section E.1)
ECHO_SUCCESS = struct.pack("<HHIH", 0, 0x0900, 2, 0)


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


def associate_request(calling: str, called: str) -> bytes:
    """A-ASSOCIATE-RQ that proposes Verification in implicit VR little endian (PS3.8 section 9.3.2)."""
    context = struct.pack(">BBBB", 1, 0, 0, 0) + _item(0x30, VERIFICATION) + _item(0x40, IMPLICIT_VR_LITTLE_ENDIAN)
    user = _item(0x51, struct.pack(">I", 16384)) + _item(0x52, b"2.25.1")
    body = struct.pack(">HH", 1, 0) + called.encode().ljust(16) + calling.encode().ljust(16) + bytes(32)
    body += _item(0x10, APPLICATION_CONTEXT) + _item(0x20, context) + _item(0x50, user)
    return struct.pack(">BBI", 1, 0, len(body)) + body


def echo_request() -> bytes:
    """C-ECHO-RQ in one P-DATA-TF (PS3.7 section 9.3.5)."""

    def element(tag: int, value: bytes) -> bytes:
        return struct.pack("<HHI", 0, tag, len(value)) + value

    command = (
        element(0x0002, VERIFICATION + b"\0")
        + element(0x0100, struct.pack("<H", 0x0030))
        + element(0x0110, struct.pack("<H", 1))
        + element(0x0800, struct.pack("<H", 0x0101))
    )
    command = element(0x0000, struct.pack("<I", len(command))) + command
    return struct.pack(">BBIIBB", 4, 0, len(command) + 6, len(command) + 2, 1, 3) + command
