"""Magnetic resonance: 256 by 256 pixels of 16 bit, 133 KB an instance."""

import numpy as np
from pydicom.dataset import Dataset

from loadtests.profiles.distributions import LogNormal, pick, share
from loadtests.profiles.slices import Plane, SliceStack, planes

# a mean of 570 images of an examination in 2010 (McDonald et al., Academic Radiology 22, 2015); the spread is our own
IMAGES = LogNormal(median=446, sigma=0.7, least=60, most=4000)
# sequence, plane, mm from slice to slice, repetition and echo time in ms: own choice
SEQUENCES = (
    ("T1", "AXIAL", 1.0, "600", "10"),
    ("T2", "AXIAL", 3.0, "4000", "100"),
    ("FLAIR", "SAGITTAL", 1.0, "9000", "120"),
    ("T2", "CORONAL", 3.0, "4000", "100"),
    ("T1 CONTRAST", "AXIAL", 1.0, "600", "10"),
    ("PD", "AXIAL", 3.0, "3000", "30"),
    ("SURVEY", "SAGITTAL", 10.0, "8", "3"),
    ("T1 CONTRAST", "CORONAL", 1.0, "600", "10"),
)


class MagneticResonance(SliceStack):
    """A study of five to eight sequences, uncompressed; where a number of images is asked for, of three."""

    name = "mr"
    source = "images: McDonald 2015, mean 570 (Mayo Clinic, 2010); series: own estimate"
    file, size, noise, blur, air = "MR_small.dcm", 256, 14.0, 0.5, 20.0
    _planes = planes(120.0)

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """Sequences of about the same size."""
        return share(instances, 3) if instances else share(IMAGES.draw(random), pick(random, SERIES))

    def plane(self, series: int) -> tuple[Plane, float]:
        """The sequence's."""
        _, plane, spacing, _, _ = SEQUENCES[series]
        return self._planes[plane], spacing

    def data_set(self, series: int, number: int) -> Dataset:  # noqa: ARG002  (the signature of all profiles)
        """As the template says, at its size here: a field of view of 240 mm."""
        name, _, spacing, repetition, echo = SEQUENCES[series]
        data_set = self.slice(series)
        data_set.PixelSpacing = ["0.9375", "0.9375"]
        data_set.SliceThickness = f"{spacing}"
        data_set.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        data_set.RepetitionTime, data_set.EchoTime, data_set.EchoTrainLength = repetition, echo, "1"
        data_set.BodyPartExamined = "HEAD"
        data_set.SeriesDescription = name
        return data_set


SERIES = ((5, 0.3), (6, 0.3), (7, 0.2), (8, 0.2))  # own estimate
