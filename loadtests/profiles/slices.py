"""Slices of clinical size from a small real one: enlarged, moved a little from slice to slice, with fresh noise."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from exporters.dimse.uids import EXPLICIT_VR_LITTLE_ENDIAN
from loadtests.profiles.pixels import NativePixels
from loadtests.profiles.templates import template

DISTINCT = 16  # bodies kept per profile; each instance has an end of its own besides


def enlarge(image: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """The image at `size` by `size` pixels, linearly interpolated."""
    rows, columns = (np.linspace(0, length - 1, size) for length in image.shape)
    across = np.stack([np.interp(columns, np.arange(image.shape[1]), row) for row in image])
    return np.stack([np.interp(rows, np.arange(image.shape[0]), column) for column in across.T], axis=1)


def vary(image: NDArray[np.float64], count: int, noise: float, seed: int) -> list[NDArray[np.float64]]:
    """`count` slices through something like it; `noise` is the standard deviation in pixel values."""
    random = np.random.default_rng(seed)
    slices = []
    for number in range(count):
        phase = 2 * np.pi * number / count
        moved = np.roll(image, (round(6 * np.sin(phase)), round(4 * np.cos(phase))), axis=(0, 1))
        slices.append(moved * (1 + 0.03 * np.sin(phase)) + random.normal(0, noise, image.shape))
    return slices


class SliceStack:
    """What CT and MR have in common: square, uncompressed slices of 16 bit, `spacing` mm apart; size in pixels."""

    transfer_syntax = EXPLICIT_VR_LITTLE_ENDIAN
    corner: tuple[str, str]
    """x and y of Image Position (Patient)."""
    spacing: float

    def __init__(self, file: str, size: int, noise: float, seed: int) -> None:
        self._template = template(file)
        image = enlarge(self._template.pixel_array.astype(np.float64), size)
        self.images = [np.clip(one, 0, 4095).astype("<i2") for one in vary(image, DISTINCT, noise, seed)]
        del self._template.PixelData

    @cached_property
    def _pixels(self) -> list[NativePixels]:
        return [NativePixels([image.tobytes()]) for image in self.images]

    def pixels(self, series: int, number: int) -> NativePixels:  # noqa: ARG002  (the signature of all profiles)
        """One of the distinct slices, in turn."""
        return self._pixels[number % DISTINCT]

    def kind(self, series: int, number: int) -> int:  # noqa: ARG002
        """One head a series."""
        return series

    def geometry(self, series: int, number: int) -> dict[int, str]:  # noqa: ARG002
        """Image Position (Patient) and Slice Location."""
        z = f"{number * self.spacing:+08.2f}"
        return {0x00200032: "\\".join((*self.corner, z)), 0x00201041: z}
