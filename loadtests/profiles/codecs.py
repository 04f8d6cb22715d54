"""Code streams of the compressed transfer syntaxes (PS3.5 section 8.2), and where a nonce may stand in them."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from loadtests.dataset import Buffer
from loadtests.profiles.pixels import CommentMarker, Marker, lowest_bits

Frame = NDArray[Any]
Stream = bytes | bytearray
RUN_BYTES = 32
_START_OF_TILE_PART = 0xFF90
_SIZ_PRECISION = 42  # place of the first component's Ssiz in a code stream


@dataclass(frozen=True)
class Codec:
    """One transfer syntax."""

    name: str
    """What a profile's name ends in."""
    transfer_syntax: str
    encode: Callable[[Frame, int], Stream]
    """From a frame, grey or (rows, columns, 3), and its bits stored; any length."""
    marker: Callable[[bytes, int], Marker]
    """From a code stream and the number of the lowest bits of a sample that are noise."""
    photometric: str = "RGB"
    """Photometric Interpretation of colour frames (PS3.5 section 8.2)."""
    lossy_method: str = ""
    """Lossy Image Compression Method (PS3.3 section C.7.6.1.1.5.1)."""


def even(stream: Stream) -> bytes:
    """Padded to an even length (PS3.5 section A.4)."""
    return bytes(stream) + b"\0" * (len(stream) % 2)


def jpeg_2000_comment(frame: bytes, _: int) -> Marker:
    """A comment segment at the end of the main header: behind all that must follow the start in an order."""
    at = 2
    while True:
        code, length = struct.unpack_from(">HH", frame, at)
        if code == _START_OF_TILE_PART:
            return CommentMarker(frame, at, b"\xff\x64")
        at += 2 + length


def _baseline(frame: Frame, _: int) -> Stream:
    return imagecodecs.jpeg8_encode(frame, level=92, subsampling="422" if frame.ndim == 3 else None)


def _lossless(frame: Frame, bits: int) -> Stream:
    space = "rgb" if frame.ndim == 3 else None
    return imagecodecs.jpeg8_encode(
        frame, lossless=True, predictor=1, bitspersample=bits, colorspace=space, outcolorspace=space
    )


def _jpeg_ls(frame: Frame, _: int) -> Stream:
    return imagecodecs.jpegls_encode(frame)


def _near_lossless(frame: Frame, _: int) -> Stream:
    return imagecodecs.jpegls_encode(frame, level=2)


def _jpeg_2000(frame: Frame, bits: int) -> Stream:
    return imagecodecs.jpeg2k_encode(
        frame, level=0, codecformat="j2k", reversible=True, bitspersample=bits, numthreads=2
    )


def _jpeg_2000_lossy(frame: Frame, bits: int) -> Stream:
    # Measured: 64 dB are 13:1 in CT and CR, which Koff et al. (J Digit Imaging 22, 2009) found acceptable.
    return imagecodecs.jpeg2k_encode(
        frame, level=45 if bits == 8 else 64, codecformat="j2k", reversible=False, bitspersample=bits, numthreads=2
    )


def _htj2k(frame: Frame, bits: int) -> Stream:
    if frame.itemsize == 1:
        return imagecodecs.htj2k_encode(frame, reversible=True)
    # The encoder knows 16 bit only. What differs is the level shift (ISO 15444-1 section G.1) and what SIZ says.
    stream = bytearray(imagecodecs.htj2k_encode(frame + np.uint16((1 << 15) - (1 << bits - 1)), reversible=True))
    stream[_SIZ_PRECISION] = bits - 1
    return stream


def run_lengths(frame: Frame, _: int) -> bytes:
    """RLE (PS3.5 annex G): a segment for each byte of a sample, the highest first, each row for itself."""
    samples = frame.reshape(*frame.shape[:2], -1)
    planes = [
        samples[..., sample].astype(">u2" if frame.itemsize == 2 else "u1").view(np.uint8).reshape(*frame.shape[:2], -1)
        for sample in range(samples.shape[-1])
    ]
    segments = [_packed(plane[..., byte]) for plane in planes for byte in range(frame.itemsize)]
    offsets = [64 + sum(map(len, segments[:at])) for at in range(len(segments))]
    return struct.pack("<16I", len(segments), *offsets, *([0] * (15 - len(segments)))) + b"".join(segments)


def _packed(plane: NDArray[np.uint8]) -> bytes:
    """A segment whose last 31 bytes are the end of it and one literal run, so that a nonce can change them."""
    rows = [bytes(imagecodecs.packbits_encode(np.ascontiguousarray(row).tobytes())) for row in plane[:-1]]
    last = plane[-1].tobytes()
    end = last[-RUN_BYTES:]
    rows.append(bytes(imagecodecs.packbits_encode(last[:-RUN_BYTES])))
    packed = b"".join((*rows, bytes((len(end) - 1,)), end))
    if len(packed) % 2:  # one literal run more, and no padding; a run of -128, which says nothing, dcmtk takes for one
        packed = packed[: -RUN_BYTES - 1] + bytes((0, end[0], len(end) - 2)) + end[1:]
    return packed


class RunMarker:
    """The nonce in the lowest bits of the last 31 bytes of the last segment: samples, or their lower bytes."""

    BYTES = RUN_BYTES - 1

    def __init__(self, frame: bytes, noise_bits: int) -> None:
        self._before = memoryview(frame)[: -self.BYTES]
        self._end = int.from_bytes(frame[-self.BYTES :])
        self._noise = lowest_bits(noise_bits)

    def __call__(self, nonce: bytes) -> tuple[Buffer, ...]:
        noise = int.from_bytes(nonce[: self.BYTES].translate(self._noise))
        return self._before, (self._end ^ noise).to_bytes(self.BYTES)


def _jpeg_comment(frame: bytes, _: int) -> Marker:
    return CommentMarker(frame)


JPEG_BASELINE = Codec("jpeg", "1.2.840.10008.1.2.4.50", _baseline, _jpeg_comment, "YBR_FULL_422", "ISO_10918_1")
JPEG_LOSSLESS = Codec("jpeg-lossless", "1.2.840.10008.1.2.4.70", _lossless, _jpeg_comment)
JPEG_LS = Codec("jpegls", "1.2.840.10008.1.2.4.80", _jpeg_ls, _jpeg_comment)
JPEG_LS_LOSSY = Codec(
    "jpegls-lossy",
    "1.2.840.10008.1.2.4.81",
    _near_lossless,
    _jpeg_comment,
    lossy_method="ISO_14495_1",
)
JPEG_2000 = Codec("j2k", "1.2.840.10008.1.2.4.90", _jpeg_2000, jpeg_2000_comment, "YBR_RCT")
JPEG_2000_LOSSY = Codec(
    "j2k-lossy",
    "1.2.840.10008.1.2.4.91",
    _jpeg_2000_lossy,
    jpeg_2000_comment,
    "YBR_ICT",
    "ISO_15444_1",
)
HTJ2K = Codec("htj2k", "1.2.840.10008.1.2.4.201", _htj2k, jpeg_2000_comment, "YBR_RCT")
RLE = Codec("rle", "1.2.840.10008.1.2.5", run_lengths, RunMarker)
