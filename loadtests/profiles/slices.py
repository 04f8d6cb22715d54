"""Slices of clinical size from a small real one: enlarged, cut out as a body, varied from slice to slice."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from loadtests.profiles.images import Image, Images
from loadtests.profiles.modules import grey
from loadtests.profiles.phantoms import Picture, ellipse, enlarge, grain, grid, quantised
from loadtests.profiles.templates import template

DISTINCT = 16  # bodies kept per profile; each instance has an end of its own besides
BITS = 12
IMAGE_POSITION, SLICE_LOCATION = 0x00200032, 0x00201041


@dataclass(frozen=True)
class Plane:
    """How the slices of a series lie (PS3.3 section C.7.6.2)."""

    name: str
    orientation: tuple[str, ...]
    """Image Orientation (Patient)."""
    position: str
    """Image Position (Patient), with `{}` for the place of the slice; of fixed length."""


def planes(corner: float) -> dict[str, Plane]:
    """The three usual ones, for slices whose first pixel lies `corner` mm beside and above the middle."""
    near = f"{-corner:+09.3f}"
    return {
        "AXIAL": Plane("AXIAL", ("1", "0", "0", "0", "1", "0"), f"{near}\\{near}\\{{}}"),
        "CORONAL": Plane("CORONAL", ("1", "0", "0", "0", "0", "-1"), f"{near}\\{{}}\\{corner:+09.3f}"),
        "SAGITTAL": Plane("SAGITTAL", ("0", "1", "0", "0", "0", "-1"), f"{{}}\\{near}\\{corner:+09.3f}"),
    }


class SliceStack(Images):
    """What CT and MR have in common: square slices of 12 bit from a template."""

    file: str
    """Among those that pydicom ships."""
    size: int
    """Pixels of an edge."""
    noise: float
    """Deviation in grey values within the body; a third of it outside."""
    blur: float
    """Of the noise; see `grain`."""
    air: float
    """Grey value outside the body."""

    def __init__(self, seed: int, *, native: bool = True) -> None:
        self._template = template(self.file)
        super().__init__(seed, native=native)
        del self._template.PixelData

    def paint(self) -> dict[Hashable, Image]:
        """The template's slice, moved and weighted a little differently each time."""
        size, axes = self.size, grid(self.size, self.size)
        image: Picture = enlarge(self._template.pixel_array.astype(np.float32), size, size)
        made: dict[Hashable, Image] = {}
        for at in range(DISTINCT):
            phase = 2 * np.pi * at / DISTINCT
            moved = np.roll(image, (round(6 * np.sin(phase)), round(4 * np.cos(phase))), axis=(0, 1))
            body = ellipse(axes, (0, 0), (0.66 + 0.03 * np.sin(phase), 0.9 + 0.03 * np.cos(phase)), 0.06)
            noise = self.noise * (0.33 + 0.67 * body) * grain(self.random(at), size, size, self.blur)
            picture = self.air + (moved * (1 + 0.03 * np.sin(phase)) - self.air) * body + noise
            made[at] = Image((quantised(picture, BITS),), BITS)
        return made

    def plane(self, series: int) -> tuple[Plane, float]:
        """How the slices of the series lie, and how many mm apart."""
        raise NotImplementedError

    def kind(self, series: int, number: int) -> Hashable:  # noqa: ARG002  (the signature of all profiles)
        """One head a series."""
        return series

    def key(self, series: int, number: int) -> Hashable:  # noqa: ARG002
        """The distinct slices in turn."""
        return number % DISTINCT

    def geometry(self, series: int, number: int) -> dict[int, str | bytes]:
        """Image Position (Patient) and Slice Location."""
        plane, spacing = self.plane(series)
        place = f"{number * spacing:+09.2f}"
        return {IMAGE_POSITION: plane.position.format(place), SLICE_LOCATION: place}

    def slice(self, series: int) -> Dataset:
        """As the template says, at its size and place here."""
        data_set = self._template.copy()
        for keyword, value in grey(self.size, self.size, BITS).items():
            setattr(data_set, keyword, value)
        if "PixelPaddingValue" in data_set:
            del data_set.PixelPaddingValue  # of signed pixels
        plane, _ = self.plane(series)
        data_set.ContentDate = data_set.AcquisitionDate = ""
        data_set.ImageOrientationPatient = list(plane.orientation)
        data_set.ImagePositionPatient = plane.position.format("+00000.00").split("\\")
        data_set.SliceLocation = "+00000.00"
        return data_set
