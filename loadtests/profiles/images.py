"""What profiles of native images have in common: images painted once, by key, shared by all instances."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from exporters.dimse.uids import EXPLICIT_VR_LITTLE_ENDIAN
from loadtests.dataset import Buffer
from loadtests.profiles.pixels import NativePixels


@dataclass(frozen=True, eq=False)
class Image:
    """The frames of one image, of 8 or 16 bit, grey or (rows, columns, 3); the same array may stand there often."""

    frames: Sequence[NDArray[Any]]
    bits_stored: int
    noise_bits: int = 3
    """How many of the lowest bits of a sample are noise anyhow."""

    def native(self) -> NativePixels:
        """Uncompressed."""
        buffers: dict[int, Buffer] = {id(frame): np.ascontiguousarray(frame).data.cast("B") for frame in self.frames}
        return NativePixels(
            [buffers[id(frame)] for frame in self.frames],
            bits_allocated=8 * self.frames[0].itemsize,
            noise_bits=self.noise_bits,
        )


class Images:
    """A profile of native images, all painted when it is made: in a campaign an instance then costs microseconds.

    Args:
        seed: the same one makes the same images.
        native: prepare them to be sent as they are; not needed by who encodes them.
    """

    name: str
    source: str
    transfer_syntax = EXPLICIT_VR_LITTLE_ENDIAN

    def __init__(self, seed: int, *, native: bool = True) -> None:
        self._seed = seed
        self.images: Mapping[Hashable, Image] = self.paint()
        if native:
            self._native = {key: image.native() for key, image in self.images.items()}

    def paint(self) -> Mapping[Hashable, Image]:
        """All images, by key."""
        raise NotImplementedError

    def key(self, series: int, number: int) -> Hashable:
        """Which image the instance has."""
        raise NotImplementedError

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """Instances of each series."""
        raise NotImplementedError

    def kind(self, series: int, number: int) -> Hashable:
        """Instances of one kind share a head."""
        raise NotImplementedError

    def data_set(self, series: int, number: int) -> Dataset:
        """A new data set up to the pixel data."""
        raise NotImplementedError

    def pixels(self, series: int, number: int) -> NativePixels:
        """The image's, uncompressed."""
        return self._native[self.key(series, number)]

    def geometry(self, series: int, number: int) -> Mapping[int, str | bytes]:  # noqa: ARG002  (some have some)
        """Nothing but the instance number differs."""
        return {}

    def random(self, *path: object) -> np.random.Generator:
        """A source of chance of its own for each thing."""
        return np.random.default_rng([self._seed, crc32(repr(path).encode())])
