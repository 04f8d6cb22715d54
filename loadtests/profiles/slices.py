"""Slices of clinical size from a small real one: enlarged, moved a little from slice to slice, with fresh noise."""

import numpy as np
from numpy.typing import NDArray

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
