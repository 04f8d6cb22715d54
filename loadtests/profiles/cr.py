"""Computed radiography: storage phosphor plates of 1760 by 2140 pixels, 12 bit, 7.5 MB an image."""

import numpy as np
from pydicom.dataset import Dataset

from loadtests.profiles.modules import general, grey, make
from loadtests.profiles.phantoms import Picture
from loadtests.profiles.radiographs import SOURCE, Radiographs, View, expose, project

CR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.1"


class ComputedRadiography(Radiographs):
    """A study of one or two series, uncompressed."""

    name = "cr"
    source = f"size: PACSnet's storage calculator, chest by CR; {SOURCE}"
    rows, columns, bits = 2140, 1760, 12

    def detect(self, view: View, random: np.random.Generator) -> Picture:
        """A plate's noise is blurred by the laser's spot."""
        picture = project(view, random, self.rows, self.columns)
        return expose(picture, random, scale=2800, noise=9, blur=0.5, floor=400)

    def data_set(self, series: int, number: int) -> Dataset:
        """CR series and image modules (PS3.3 sections C.8.1.1 and C.8.1.2)."""
        view = self.view(series, number)
        data_set = make(
            **general(CR_IMAGE_STORAGE, "CR"),
            **grey(self.rows, self.columns, self.bits),
            ImageType=["ORIGINAL", "PRIMARY"],
            BodyPartExamined=view.body_part,
            ViewPosition=view.position,
            PatientOrientation=list(view.orientation),
            SeriesDescription=f"{view.body_part} {view.position}",
            KVP="110",
            PlateType="STANDARD",
            ImagerPixelSpacing=["0.2", "0.2"],
            WindowCenter="2000",
            WindowWidth="3400",
        )
        if view.laterality != "U":
            data_set.Laterality = view.laterality
        return data_set
