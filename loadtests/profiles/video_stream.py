"""A piece of endoscopic video that can follow itself: H.264 High Profile, level 4.1, in an MPEG transport stream."""

import io
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, FRAMES_PER_SECOND = 1920, 1080, 25
SECONDS: Final = 1
BITS_PER_SECOND: Final = (
    20_000_000  # asked of the encoder, which in one second comes to 10: recorders are set to 8 to 20
)
_PACKET = 188  # bytes (ISO 13818-1 section 2.4.3.2)
_NULL = struct.pack(">BHB", 0x47, 0x1FFF, 0x10)
_MARGIN = 200  # pixels that the camera wanders


def piece(seed: int) -> bytes:
    """A second, 1.5 MB. It begins with a discontinuity in the clock and the counters of all its programs.

    Therefore it may be repeated (ISO 13818-1 section 2.4.3.5, discontinuity_indicator).
    """
    target = io.BytesIO()
    with av.open(target, "w", format="mpegts", options={"mpegts_flags": "+initial_discontinuity"}) as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = BITS_PER_SECOND
        stream.time_base = Fraction(1, FRAMES_PER_SECOND)
        stream.options = {"profile": "high", "level": "4.1", "preset": "veryfast", "g": str(FRAMES_PER_SECOND)}
        for number, picture in enumerate(_pictures(seed)):
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return target.getvalue()


def mark(nonce: bytes) -> bytes:
    """A packet that decoders pass over, with these 32 bytes in it (ISO 13818-1 section 2.4.1, null packets)."""
    return (_NULL + nonce).ljust(_PACKET, b"\xff")


def _pictures(seed: int) -> Iterator[NDArray[np.uint8]]:
    """Planes of brightness and colour, one above the other: tissue past which a camera wanders in a circle."""
    random = np.random.default_rng([seed, 0x71DE0])
    height, width = HEIGHT + _MARGIN, WIDTH + _MARGIN
    coarse = random.normal(0, 1, (height // 40, width // 40)).astype(np.float32)
    tissue = np.kron(coarse, np.ones((40, 40), np.float32))
    for step in (9, 13, 19):
        shifted = (np.roll(tissue, shift, (0, 1)) for shift in ((step, 0), (0, step), (step, step)))
        tissue = sum(shifted, tissue) / 4
    bright = 90 + 60 * tissue + 8 * random.standard_normal(tissue.shape, np.float32)
    colour = tissue[::2, ::2]
    planes = [np.clip(bright, 16, 235), np.clip(112 - 20 * colour, 16, 240), np.clip(170 + 20 * colour, 16, 240)]
    y, x = np.ogrid[:HEIGHT, :WIDTH]
    outside = np.hypot(y - HEIGHT / 2, x - WIDTH / 2) > HEIGHT / 2 - 10
    masks = (outside, outside[::2, ::2], outside[::2, ::2])
    for number in range(SECONDS * FRAMES_PER_SECOND):
        phase = 2 * np.pi * number / (SECONDS * FRAMES_PER_SECOND)
        top, left = round(20 + 18 * np.sin(phase)) * 2, round(20 + 18 * np.cos(phase)) * 2
        cut = []
        for plane, mask, shrink, dark in zip(planes, masks, (1, 2, 2), (16, 128, 128), strict=True):
            part = plane[top // shrink :, left // shrink :][: mask.shape[0], : mask.shape[1]]
            cut.append(np.where(mask, dark, part).astype(np.uint8).reshape(-1, WIDTH))
        yield np.concatenate(cut)
