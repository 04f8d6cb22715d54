"""Computed tomography: 512 by 512 pixels of 16 bit, 525 KB an instance."""

import numpy as np
from pydicom.dataset import Dataset

from exporters.dimse.uids import EXPLICIT_VR_LITTLE_ENDIAN
from loadtests.profiles.instance import NativePixels
from loadtests.profiles.slices import DISTINCT, enlarge, vary
from loadtests.profiles.templates import template

SIZE = 512
NOISE = 12.0  # Hounsfield units, what a standard kernel at 5 mm leaves
SPACING = 1.25  # mm from slice to slice


class ComputedTomography:
    """A study of two series (two reconstructions), uncompressed."""

    name = "ct"
    series = 2
    transfer_syntax = EXPLICIT_VR_LITTLE_ENDIAN

    def __init__(self, seed: int) -> None:
        self._template = template("CT_small.dcm")
        image = enlarge(self._template.pixel_array.astype(np.float64), SIZE)
        self._pixels = [
            NativePixels(np.clip(one, 0, 4095).astype("<i2").tobytes()) for one in vary(image, DISTINCT, NOISE, seed)
        ]
        del self._template.PixelData

    def data_set(self) -> Dataset:
        """As the template says, at its size here."""
        data_set = self._template.copy()
        data_set.Rows = data_set.Columns = SIZE
        spacing = f"{float(data_set.ReconstructionDiameter) / SIZE:.6f}"
        data_set.PixelSpacing = [spacing, spacing]
        data_set.SliceThickness = data_set.SpacingBetweenSlices = f"{SPACING}"
        data_set.ImagePositionPatient = ["-158.1358", "-179.0358", "+0000.00"]
        data_set.SliceLocation = "+0000.00"
        return data_set

    def pixels(self, number: int) -> NativePixels:
        """One of the distinct slices, in turn."""
        return self._pixels[number % DISTINCT]

    def geometry(self, number: int) -> dict[int, str]:
        """Image Position (Patient) and Slice Location."""
        z = f"{number * SPACING:+08.2f}"
        return {0x00200032: f"-158.1358\\-179.0358\\{z}", 0x00201041: z}
