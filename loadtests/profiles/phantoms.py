"""Anatomy-like pictures: ellipses with soft edges, textures of natural spectra, and noise of the right strength.

What they must have in common with the real ones is how far they can be compressed, and that they look like something.
All pictures are 32-bit floating point.
"""

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]


def grid(rows: int, columns: int) -> tuple[Picture, Picture]:
    """y and x of each pixel, both from -1 to 1, as a column and a row that broadcast."""
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, np.newaxis]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[np.newaxis, :]
    return y, x


def ellipse(
    axes: tuple[Picture, Picture], centre: tuple[float, float], radii: tuple[float, float], edge: float = 0.05
) -> Picture:
    """1 inside, 0 outside, `edge` of the radius wide in between."""
    y, x = axes
    distance = np.sqrt(((y - centre[0]) / radii[0]) ** 2 + ((x - centre[1]) / radii[1]) ** 2)
    inside: Picture = np.clip((1 - distance) / edge, 0, 1)
    return inside


def enlarge(image: Picture, rows: int, columns: int) -> Picture:
    """The picture at another size, linearly interpolated."""
    for axis, length in ((0, rows), (1, columns)):
        place = np.linspace(0, image.shape[axis] - 1, length)
        lower = np.minimum(place.astype(np.intp), max(image.shape[axis] - 2, 0))
        shape = [1] * image.ndim
        shape[axis] = length
        weight = (place - lower).astype(np.float32).reshape(shape)
        below, above = image.take(lower, axis), image.take(np.minimum(lower + 1, image.shape[axis] - 1), axis)
        image = below + weight * (above - below)
    return image


def texture(random: np.random.Generator, rows: int, columns: int, exponent: float, coarse: int = 8) -> Picture:
    """Mean 0, deviation 1, with a power spectrum that falls by frequency to the power of `exponent`.

    3 is what breast tissue has (Burgess, Medical Physics 28, 2001). It is made `coarse` times smaller than asked for.
    """
    small = (rows // coarse + 1, columns // coarse + 1)
    frequencies = np.hypot(np.fft.fftfreq(small[0])[:, np.newaxis], np.fft.rfftfreq(small[1])[np.newaxis, :])
    frequencies[0, 0] = np.inf
    spectrum = np.fft.rfft2(random.standard_normal(small)) * frequencies ** (-exponent / 2)
    made = np.fft.irfft2(spectrum, s=small)
    return enlarge((made / made.std()).astype(np.float32), rows, columns)


def grain(random: np.random.Generator, rows: int, columns: int, blur: float = 0.0) -> Picture:
    """Noise of mean 0 and deviation 1; `blur` from 0 (each pixel for itself) to 1 (as much of both neighbours)."""
    made = random.standard_normal((rows + 1, columns + 1), dtype=np.float32)
    if blur:
        made[:-1] += blur * made[1:]
        made[:, :-1] += blur * made[:, 1:]
    return made[:-1, :-1] / np.float32(1 + blur * blur)


def quantised(picture: Picture, bits: int) -> NDArray[np.uint16]:
    """Rounded to whole numbers of so many bits, little endian."""
    return np.clip(np.rint(picture), 0, (1 << bits) - 1).astype("<u2")
