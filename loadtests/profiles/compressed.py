"""Compressed variants of profiles: each distinct frame is encoded once, when the profile is made."""

from collections.abc import Hashable, Mapping

import numpy as np
from pydicom.dataset import Dataset

from loadtests.profiles.codecs import Codec, even
from loadtests.profiles.images import Images
from loadtests.profiles.pixels import EncapsulatedPixels


class Compressed:
    """A profile of native images in another transfer syntax.

    Args:
        name: of the variant.
        base: the profile's class.
        codec: of the transfer syntax.
        seed: as the base's.
    """

    def __init__(self, name: str, base: type[Images], codec: Codec, seed: int) -> None:
        self.name, self.transfer_syntax, self._codec = name, codec.transfer_syntax, codec
        self._base = made = base(seed, native=False)
        self.source = made.source
        streams: dict[int, bytes] = {}
        self._pixels: dict[Hashable, EncapsulatedPixels] = {}
        before = after = 0
        for key, image in made.images.items():
            for frame in image.frames:
                if id(frame) not in streams:
                    unsigned = frame if frame.itemsize == 1 else frame.view("<u2")
                    streams[id(frame)] = even(codec.encode(unsigned, image.bits_stored))
            frames = [streams[id(frame)] for frame in image.frames]
            self._pixels[key] = EncapsulatedPixels(frames, codec.marker(frames[-1], image.noise_bits))
            before += sum(frame.nbytes for frame in image.frames)
            after += sum(map(len, frames))
        self.ratio = before / after
        made.images = {}  # not needed any more, and large

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """The base's."""
        return self._base.structure(random, instances)

    def kind(self, series: int, number: int) -> Hashable:
        """The base's."""
        return self._base.kind(series, number)

    def pixels(self, series: int, number: int) -> EncapsulatedPixels:
        """The base's image, encoded."""
        return self._pixels[self._base.key(series, number)]

    def geometry(self, series: int, number: int) -> Mapping[int, str | bytes]:
        """The base's."""
        return self._base.geometry(series, number)

    def data_set(self, series: int, number: int) -> Dataset:
        """The base's, with what the compression has changed (PS3.3 section C.7.6.1.1.5)."""
        data_set = self._base.data_set(series, number)
        if data_set.SamplesPerPixel == 3:
            data_set.PhotometricInterpretation = self._codec.photometric
        if self._codec.lossy_method:
            data_set.LossyImageCompression = "01"
            data_set.LossyImageCompressionRatio = f"{self.ratio:.1f}"
            data_set.LossyImageCompressionMethod = self._codec.lossy_method
            data_set.ImageType = ["DERIVED", *list(data_set.ImageType)[1:]]
        return data_set
