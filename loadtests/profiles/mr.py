"""Magnetic resonance: 256 by 256 pixels of 16 bit, 133 KB an instance."""

import numpy as np
from pydicom.dataset import Dataset

from exporters.dimse.uids import EXPLICIT_VR_LITTLE_ENDIAN
from loadtests.profiles.instance import NativePixels
from loadtests.profiles.slices import DISTINCT, enlarge, vary
from loadtests.profiles.templates import template

SIZE = 256
NOISE = 15.0
SPACING = 1.0  # mm from slice to slice


class MagneticResonance:
    """A study of three series (three sequences), uncompressed."""

    name = "mr"
    series = 3
    transfer_syntax = EXPLICIT_VR_LITTLE_ENDIAN

    def __init__(self, seed: int) -> None:
        self._template = template("MR_small.dcm")
        image = enlarge(self._template.pixel_array.astype(np.float64), SIZE)
        self._pixels = [
            NativePixels(np.clip(one, 0, 4095).astype("<i2").tobytes()) for one in vary(image, DISTINCT, NOISE, seed)
        ]
        del self._template.PixelData

    def data_set(self) -> Dataset:
        """As the template says, at its size here: a field of view of 240 mm."""
        data_set = self._template.copy()
        data_set.Rows = data_set.Columns = SIZE
        data_set.PixelSpacing = ["0.9375", "0.9375"]
        data_set.SliceThickness = f"{SPACING}"
        data_set.ImagePositionPatient = ["-120.0000", "-120.0000", "+0000.00"]
        data_set.SliceLocation = "+0000.00"
        return data_set

    def pixels(self, number: int) -> NativePixels:
        """One of the distinct slices, in turn."""
        return self._pixels[number % DISTINCT]

    def geometry(self, number: int) -> dict[int, str]:
        """Image Position (Patient) and Slice Location."""
        z = f"{number * SPACING:+08.2f}"
        return {0x00200032: f"-120.0000\\-120.0000\\{z}", 0x00201041: z}
