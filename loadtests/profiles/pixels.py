"""Encoded pixel data: a shared body, hashed once, and a short end that makes each instance different."""

import hashlib
import struct
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from loadtests.dataset import Buffer

UNDEFINED = 0xFFFFFFFF
PACKED_BYTES = 16 << 20
_ITEM_HEAD = struct.Struct("<HHI")


class Tail(NamedTuple):
    """The end of one instance."""

    sent: tuple[Buffer, ...]
    """What follows the body on the wire."""
    hashed: tuple[Buffer, ...]
    """What of it counts for the hash: no heads of items, no delimiters."""


class Pixels(Protocol):
    """Pixel data, an encapsulated document or a content sequence of one instance, ready to be sent."""

    @property
    def body(self) -> tuple[Buffer, ...]:
        """From the element's own head on; one memoryview may stand in it many times."""
        ...

    @property
    def body_size(self) -> int:
        """Bytes of the body."""
        ...

    @property
    def hashed(self) -> "hashlib._Hash":
        """The state of the hash behind `body`; copied, never updated."""
        ...

    def tail(self, nonce: bytes) -> Tail:
        """The end for this nonce of 32 random-looking bytes."""
        ...


def lowest_bits(count: int) -> bytes:
    """A table for `bytes.translate` that leaves so many bits of each byte."""
    return bytes(byte & (1 << count) - 1 for byte in range(256))


def _packed(parts: Sequence[Buffer]) -> tuple[Buffer, ...]:
    """As one buffer while that is small: a send of 480 buffers costs more than one of 1.5 MB."""
    return (b"".join(parts),) if sum(map(len, parts)) <= PACKED_BYTES else tuple(parts)


class NativePixels:
    """Uncompressed frames: the lowest bits of the last 32 samples carry the nonce, as noise would.

    Args:
        frames: encoded little endian; the same buffer may stand there many times.
        bits_allocated: 8 or 16.
        noise_bits: how many of the lowest bits of a sample the nonce may change.

    Raises:
        ValueError: there is no frame, or the last is shorter than the nonce.
    """

    SAMPLES = 32

    def __init__(self, frames: Sequence[Buffer], *, bits_allocated: int = 16, noise_bits: int = 3) -> None:
        width = bits_allocated // 8
        end = width * self.SAMPLES
        if not frames or len(frames[-1]) < end:
            raise ValueError(f"the last of {len(frames)} frames is shorter than the {end} bytes that carry the nonce")
        length = sum(map(len, frames))
        last = memoryview(frames[-1])
        pad = length % 2
        vr = b"OW" if width == 2 else b"OB"
        head = struct.pack("<HH2s2xI", 0x7FE0, 0x0010, vr, length + pad)
        shared = (*frames[:-1], last[:-end])
        self.hashed = hashlib.sha256()
        for buffer in shared:
            self.hashed.update(buffer)
        self.body: tuple[Buffer, ...] = _packed((head, *shared))
        self.body_size = len(head) + length - end
        self._end = int.from_bytes(last[-end:])
        self._length, self._width, self._noise, self._pad = end, width, lowest_bits(noise_bits), bytes(pad)

    def tail(self, nonce: bytes) -> Tail:
        """32 samples with fresh noise, and the padding to an even length."""
        noise = bytearray(self._length)
        noise[:: self._width] = nonce.translate(self._noise)
        end = ((self._end ^ int.from_bytes(noise)).to_bytes(self._length) + self._pad,)
        return Tail(end, end)


class EncapsulatedPixels:
    """Compressed frames, one fragment each (PS3.5 annex A.4); `mark` puts the nonce into the last one.

    Args:
        frames: the frames' code streams, of even length; the same buffer may stand there many times.
        marker: how the nonce gets into the last of them.
    """

    def __init__(self, frames: Sequence[Buffer], marker: "Marker") -> None:
        parts: list[Buffer] = [
            struct.pack("<HH2s2xI", 0x7FE0, 0x0010, b"OB", UNDEFINED),
            _ITEM_HEAD.pack(0xFFFE, 0xE000, 0),  # an empty basic offset table
        ]
        self.hashed = hashlib.sha256()
        for frame in frames[:-1]:
            parts += (_ITEM_HEAD.pack(0xFFFE, 0xE000, len(frame)), frame)
            self.hashed.update(frame)
        self.body: tuple[Buffer, ...] = _packed(parts)
        self.body_size = sum(map(len, parts))
        self._marker = marker

    def tail(self, nonce: bytes) -> Tail:
        """The last frame with the nonce in it, and the end of the sequence."""
        frame = self._marker(nonce)
        head = _ITEM_HEAD.pack(0xFFFE, 0xE000, sum(map(len, frame)))
        return Tail((head, *frame, _ITEM_HEAD.pack(0xFFFE, 0xE0DD, 0)), frame)


class Marker(Protocol):
    """Puts a nonce into a frame so that it stays decodable."""

    def __call__(self, nonce: bytes) -> tuple[Buffer, ...]:
        """The frame as buffers of an even length altogether."""
        ...


class CommentMarker:
    """A comment segment in a code stream of the JPEG family.

    Args:
        frame: the code stream.
        at: where a marker segment may begin.
        code: the segment's marker: FFFE in JPEG and JPEG-LS (ISO 10918-1 section B.2.4.5), FF64 in JPEG 2000 (ISO
            15444-1 section A.9.2), whose comment begins with its registration (0: binary).
    """

    def __init__(self, frame: Buffer, at: int = 2, code: bytes = b"\xff\xfe") -> None:
        view = memoryview(frame)
        registration = b"\0\0" if code == b"\xff\x64" else b""
        self._before, self._after = view[:at], view[at:]
        self._head = code + struct.pack(">H", 2 + len(registration) + 64) + registration

    def __call__(self, nonce: bytes) -> tuple[Buffer, ...]:
        return self._before, self._head + nonce.hex().encode(), self._after
