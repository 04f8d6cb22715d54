"""The PROXY protocol's head, versions 1 and 2 (HAProxy, doc/proxy-protocol.txt): who is behind the balancer."""

import struct
from typing import Final

SIGNATURE_2: Final = b"\r\n\r\n\0\r\nQUIT\n"
MAX_1: Final = 107  # bytes of the longest head of version 1
MAX_2: Final = 16 + 4096  # addresses and TLVs; HAProxy sends some dozens of bytes

_V2 = struct.Struct(">12sBBH")


class ProxyProtocolError(Exception):
    """What came first is no such head."""


def parse(data: bytes) -> tuple[int, str | None] | None:
    """Length of the head and the source address in it (None: the balancer itself, as for its checks).

    None: more bytes are needed. Raises ProxyProtocolError.
    """
    if data[:12] == SIGNATURE_2[: len(data)]:
        return _version_2(data)
    if data[:6] == b"PROXY "[: len(data)]:
        return _version_1(data)
    raise ProxyProtocolError("the connection doesn't begin with a PROXY protocol head")


def _version_1(data: bytes) -> tuple[int, str | None] | None:
    end = data.find(b"\r\n", 0, MAX_1)
    if end < 0:
        if len(data) >= MAX_1:
            raise ProxyProtocolError("a PROXY protocol head of version 1 has no end")
        return None
    words = data[:end].split(b" ")
    if words[1:2] == [b"UNKNOWN"]:
        return end + 2, None
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise ProxyProtocolError("a PROXY protocol head of version 1 has not six words")
    return end + 2, _printable(words[2])


def _version_2(data: bytes) -> tuple[int, str | None] | None:
    if len(data) < 16:
        return None
    _, version_command, family, length = _V2.unpack_from(data)
    if version_command >> 4 != 2 or version_command & 15 > 1:
        raise ProxyProtocolError(f"a PROXY protocol head of version and command {version_command:#04x}")
    if 16 + length > MAX_2:
        raise ProxyProtocolError(f"a PROXY protocol head of {16 + length} bytes")
    if len(data) < 16 + length:
        return None
    local = version_command & 15 == 0
    source = None
    if not local and family >> 4 == 1 and length >= 12:
        source = ".".join(map(str, data[16:20]))
    elif not local and family >> 4 == 2 and length >= 36:
        source = ":".join(f"{int.from_bytes(data[at : at + 2]):x}" for at in range(16, 32, 2))
    return 16 + length, source


def _printable(word: bytes) -> str:
    text = word.decode("ascii", "replace")
    if len(text) > 45 or not all(c.isalnum() or c in ".:" for c in text):
        raise ProxyProtocolError("a PROXY protocol head's address is none")
    return text
