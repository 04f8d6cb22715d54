"""A stained section without an end: a piece of it that repeats seamlessly, in tiles for each level of a pyramid."""

import struct
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import imagecodecs
import numpy as np
from numpy.typing import NDArray

TILE = 512
REPEAT = 2
"""Tiles, across and down, after which the section repeats; as levels shrink, fewer."""
QUALITY = 80
"""Of JPEG: what scanners are delivered with (Aperio, Hamamatsu)."""

# Optical densities in red, green and blue: Ruifrok and Johnston, Anal Quant Cytol Histol 23, 2001
_HEMATOXYLIN = np.array([0.65, 0.70, 0.29], np.float32)
_EOSIN = np.array([0.07, 0.99, 0.11], np.float32)
_NOISE = np.float32(1.6)  # a camera's standard deviation, of 255; with it tiles at 40 times have 0.16 bytes a pixel

_BLOCK = 1 << 20  # bytes of a row that are kept together: a buffer for each tile would cost the sender time

Image = NDArray[np.uint8]


def section(seed: int) -> Image:
    """TILE * REPEAT pixels square in colour: nuclei in a fibrous stroma; its edges fit each other."""
    size, random = TILE * REPEAT, np.random.default_rng([seed, 0x5EC7])
    stroma = _field(random, size, 200) + 0.5 * _field(random, size, 25)
    nuclei = np.clip(_field(random, size, 25) - 0.9, 0, 0.6) * (1.2 + 0.5 * _field(random, size, 400))
    chromatin = np.clip(nuclei, 0, None) * (1 + 0.3 * _field(random, size, 5))
    eosin = np.clip(0.28 + 0.08 * stroma, 0.02, None)
    density = chromatin[..., None] * 2.2 * _HEMATOXYLIN + eosin[..., None] * _EOSIN
    light: NDArray[np.float32] = 245 * np.exp(-density) + _NOISE * random.standard_normal(density.shape, np.float32)
    made: Image = np.clip(light, 0, 255).astype(np.uint8)
    return made


def _field(random: np.random.Generator, size: int, grain: float) -> NDArray[np.float32]:
    """Noise of about `grain` pixels, mean 0 and deviation 1; filtered by its spectrum it is periodic."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    spectrum = np.fft.rfft2(random.standard_normal((size, size), np.float32)) * np.exp(-((frequency * grain) ** 2))
    field: NDArray[np.float32] = np.fft.irfft2(spectrum, (size, size)).astype(np.float32)
    field -= field.mean()
    field /= field.std()
    return field


def halved(image: Image) -> Image:
    """At half the resolution, each pixel the mean of four."""
    rows, columns, samples = image.shape
    four = image.reshape(rows // 2, 2, columns // 2, 2, samples).astype(np.uint16)
    half: Image = ((four.sum(axis=(1, 3)) + 2) // 4).astype(np.uint8)
    return half


@dataclass(frozen=True)
class Tiles:
    """All tiles of one level: `repeat` by `repeat` of them, row by row, then the same again."""

    image: Image
    """What repeats."""
    repeat: int
    frames: tuple[bytes, ...]
    """JPEG baseline, of even length."""

    def at(self, row: int, column: int) -> bytes:
        """The tile in this row and column of the level."""
        return self.frames[row % self.repeat * self.repeat + column % self.repeat]

    def fragments(self, row: int, columns: int) -> list[memoryview]:
        """The first tiles of this row as fragments of pixel data (PS3.5 section A.4): few buffers, often the same."""
        block, ends = self._blocks[row % self.repeat]
        whole, rest = divmod(columns, len(ends) - 1)
        return [block] * whole + ([block[: ends[rest]]] if rest else [])

    @cached_property
    def _blocks(self) -> list[tuple[memoryview, list[int]]]:
        """Of each row so many tiles that it repeats, and where they end."""
        made = []
        for row in range(self.repeat):
            one = [struct.pack("<HHI", 0xFFFE, 0xE000, len(frame)) + frame for frame in self._row(row)]
            many = one * max(1, _BLOCK // sum(map(len, one)))
            made.append((memoryview(b"".join(many)), [0, *accumulate(map(len, many))]))
        return made

    def _row(self, row: int) -> list[bytes]:
        return [self.at(row, column) for column in range(self.repeat)]


def pyramid(image: Image, levels: int) -> list[Tiles]:
    """The tiles of the full resolution, of half of it, and so on."""
    made = []
    for _ in range(levels):
        # where the section has become smaller than a tile, several of it make one
        copies = max(1, TILE // len(image))
        whole = np.tile(image, (copies, copies, 1))
        repeat = len(whole) // TILE
        places = [(row * TILE, column * TILE) for row in range(repeat) for column in range(repeat)]
        made.append(Tiles(image, repeat, tuple(jpeg(whole[y : y + TILE, x : x + TILE]) for y, x in places)))
        image = halved(image)
    return made


def jpeg(image: Image) -> bytes:
    """JPEG baseline as scanners make it, of even length (PS3.5 section A.4)."""
    stream = bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(image), level=QUALITY, subsampling="422"))
    return stream + b"\0" * (len(stream) % 2)
