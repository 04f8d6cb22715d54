"""Computed tomography: 512 by 512 pixels of 16 bit, 525 KB an instance."""

import numpy as np
from pydicom.dataset import Dataset

from loadtests.profiles.distributions import LogNormal, share
from loadtests.profiles.slices import SliceStack

SIZE = 512
NOISE = 12.0  # Hounsfield units, what a standard kernel at 5 mm leaves
SPACING = 1.25  # mm from slice to slice


class ComputedTomography(SliceStack):
    """A study of two series (two reconstructions), uncompressed."""

    name = "ct"
    source = "own estimate"
    corner = ("-158.1358", "-179.0358")
    spacing = SPACING

    def __init__(self, seed: int) -> None:
        super().__init__("CT_small.dcm", SIZE, NOISE, seed)

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """Two reconstructions."""
        return share(instances or LogNormal(300, 0.8, 20, 4000).draw(random), 2)

    def data_set(self, series: int, number: int) -> Dataset:  # noqa: ARG002  (the signature of all profiles)
        """As the template says, at its size here."""
        data_set = self._template.copy()
        data_set.Rows = data_set.Columns = SIZE
        spacing = f"{float(data_set.ReconstructionDiameter) / SIZE:.6f}"
        data_set.PixelSpacing = [spacing, spacing]
        data_set.SliceThickness = data_set.SpacingBetweenSlices = f"{SPACING}"
        data_set.ImagePositionPatient = [*self.corner, "+0000.00"]
        data_set.SliceLocation = "+0000.00"
        return data_set
