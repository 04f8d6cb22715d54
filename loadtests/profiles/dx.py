"""Digital radiography: flat panels of 2544 by 3056 pixels, 14 bit, 15.5 MB an image."""

import numpy as np
from pydicom.dataset import Dataset

from loadtests.profiles.modules import coded, general, grey, make
from loadtests.profiles.phantoms import Picture
from loadtests.profiles.radiographs import SOURCE, Radiographs, View, expose, project

DX_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.1"


class DigitalRadiography(Radiographs):
    """A study of one or two series, uncompressed."""

    name = "dx"
    source = f"size: the common panel of MIMIC-CXR; {SOURCE}"
    rows, columns, bits = 3056, 2544, 14

    def detect(self, view: View, random: np.random.Generator) -> Picture:
        """A scintillator's noise, in 14 bit."""
        picture = project(view, random, self.rows, self.columns)
        return expose(picture, random, scale=11000, noise=52, blur=0.4, floor=1500)

    def data_set(self, series: int, number: int) -> Dataset:
        """DX series, anatomy, image and detector modules (PS3.3 section C.8.11)."""
        view = self.view(series, number)
        return make(
            **general(DX_FOR_PRESENTATION, "DX", PresentationIntentType="FOR PRESENTATION"),
            **grey(self.rows, self.columns, self.bits),
            **projection(),
            ImageType=["DERIVED", "PRIMARY"],
            BodyPartExamined=view.body_part,
            AnatomicRegionSequence=coded(view.region[0], "SCT", view.region[1]),
            ImageLaterality=view.laterality,
            PatientOrientation=list(view.orientation),
            ViewPosition=view.position,
            SeriesDescription=f"{view.body_part} {view.position}",
            KVP="120",
            PositionerType="",
            DetectorType="SCINTILLATOR",
            ImagerPixelSpacing=["0.139", "0.139"],
            WindowCenter="7500",
            WindowWidth="13000",
        )


def projection() -> dict[str, object]:
    """What the DX image module (PS3.3 section C.8.11.3) says of a processed image, the same in mammography."""
    return {
        "BurnedInAnnotation": "NO",
        "PixelIntensityRelationship": "LOG",
        "PixelIntensityRelationshipSign": -1,
        "RescaleIntercept": "0",
        "RescaleSlope": "1",
        "RescaleType": "US",
        "LossyImageCompression": "00",
        "PresentationLUTShape": "IDENTITY",
        "AcquisitionContextSequence": [],
    }
