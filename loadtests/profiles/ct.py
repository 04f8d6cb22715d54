"""Computed tomography: 512 by 512 pixels of 16 bit, 525 KB an instance."""

from pydicom.dataset import Dataset

from loadtests.profiles.slices import SliceStack

SIZE = 512
NOISE = 12.0  # Hounsfield units, what a standard kernel at 5 mm leaves
SPACING = 1.25  # mm from slice to slice


class ComputedTomography(SliceStack):
    """A study of two series (two reconstructions), uncompressed."""

    name = "ct"
    series = 2
    corner = ("-158.1358", "-179.0358")
    spacing = SPACING

    def __init__(self, seed: int) -> None:
        super().__init__("CT_small.dcm", SIZE, NOISE, seed)

    def data_set(self) -> Dataset:
        """As the template says, at its size here."""
        data_set = self._template.copy()
        data_set.Rows = data_set.Columns = SIZE
        spacing = f"{float(data_set.ReconstructionDiameter) / SIZE:.6f}"
        data_set.PixelSpacing = [spacing, spacing]
        data_set.SliceThickness = data_set.SpacingBetweenSlices = f"{SPACING}"
        data_set.ImagePositionPatient = [*self.corner, "+0000.00"]
        data_set.SliceLocation = "+0000.00"
        return data_set
