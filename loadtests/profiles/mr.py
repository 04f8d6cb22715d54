"""Magnetic resonance: 256 by 256 pixels of 16 bit, 133 KB an instance."""

import numpy as np
from pydicom.dataset import Dataset

from loadtests.profiles.distributions import LogNormal, share
from loadtests.profiles.slices import SliceStack

SIZE = 256
NOISE = 15.0
SPACING = 1.0  # mm from slice to slice


class MagneticResonance(SliceStack):
    """A study of three series (three sequences), uncompressed."""

    name = "mr"
    source = "own estimate"
    corner = ("-120.0000", "-120.0000")
    spacing = SPACING

    def __init__(self, seed: int) -> None:
        super().__init__("MR_small.dcm", SIZE, NOISE, seed)

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """Three sequences."""
        return share(instances or LogNormal(300, 0.8, 20, 4000).draw(random), 3)

    def data_set(self, series: int, number: int) -> Dataset:  # noqa: ARG002  (the signature of all profiles)
        """As the template says, at its size here: a field of view of 240 mm."""
        data_set = self._template.copy()
        data_set.Rows = data_set.Columns = SIZE
        data_set.PixelSpacing = ["0.9375", "0.9375"]
        data_set.SliceThickness = f"{SPACING}"
        data_set.ImagePositionPatient = [*self.corner, "+0000.00"]
        data_set.SliceLocation = "+0000.00"
        return data_set
