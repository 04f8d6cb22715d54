"""Computed tomography: 512 by 512 pixels of 16 bit, 525 KB an instance."""

import numpy as np
from pydicom.dataset import Dataset

from loadtests.profiles.distributions import LogNormal, share
from loadtests.profiles.slices import Plane, SliceStack, planes

# a mean of 679 images of an examination in 2010 (McDonald et al., Academic Radiology 22, 2015); the spread is our own
IMAGES = LogNormal(median=453, sigma=0.9, least=40, most=5000)
# reconstruction, plane, mm from slice to slice, share of the images: own estimate
RECONSTRUCTIONS = (
    ("THIN", "AXIAL", 1.25, 0.55),
    ("THICK", "AXIAL", 5.0, 0.2),
    ("CORONAL", "CORONAL", 3.0, 0.13),
    ("SAGITTAL", "SAGITTAL", 3.0, 0.12),
)


class ComputedTomography(SliceStack):
    """A study of four reconstructions, uncompressed; where a number of images is asked for, of two."""

    name = "ct"
    source = "images: McDonald 2015, mean 679 (Mayo Clinic, 2010); series: own estimate"
    file, size, noise, blur, air = "CT_small.dcm", 512, 9.0, 0.6, 24.0
    _planes = planes(170.0)

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """Reconstructions by their shares."""
        if instances:
            return share(instances, 2)
        count = IMAGES.draw(random)
        return [round(count * part) for *_, part in RECONSTRUCTIONS]

    def plane(self, series: int) -> tuple[Plane, float]:
        """The reconstruction's."""
        _, plane, spacing, _ = RECONSTRUCTIONS[series]
        return self._planes[plane], spacing

    def data_set(self, series: int, number: int) -> Dataset:  # noqa: ARG002  (the signature of all profiles)
        """As the template says, at its size here."""
        name, plane, spacing, _ = RECONSTRUCTIONS[series]
        data_set = self.slice(series)
        pixel = f"{float(data_set.ReconstructionDiameter) / self.size:.6f}"
        data_set.PixelSpacing = [pixel, pixel]
        data_set.SliceThickness = data_set.SpacingBetweenSlices = f"{spacing}"
        data_set.BodyPartExamined = "CHEST"
        data_set.SeriesDescription = name.title()
        if plane != "AXIAL":
            data_set.ImageType = ["DERIVED", "SECONDARY", "REFORMATTED"]
        return data_set
