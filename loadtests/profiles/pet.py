"""Positron emission tomography: slices of 200 by 200 pixels, 16 bit, 80 KB an instance."""

import struct
from collections.abc import Hashable

import numpy as np
from pydicom.dataset import Dataset

from loadtests.profiles.distributions import LogNormal, share
from loadtests.profiles.images import Image, Images
from loadtests.profiles.modules import coded, general, grey, make
from loadtests.profiles.phantoms import ellipse, grain, grid

PET_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.128"
SIZE, SPACING, DISTINCT = 200, 3.0, 16
RESCALE_SLOPE, IMAGE_INDEX = 0x00281053, 0x00541330
SLICES = LogNormal(326, 0.15, 150, 1100)  # own estimate: skull base to thigh is 1 m, and few scans are longer


class PositronEmission(Images):
    """A study of two series: with and without attenuation correction."""

    name = "pet"
    source = "matrix: Lung-PET-CT-Dx (TCIA), 200 by 200 at 4.07 mm; slices: own estimate"

    def paint(self) -> dict[Hashable, Image]:
        """Slices scaled to the full range each, as scanners do, so that the noise fills the lower bits."""
        made: dict[Hashable, Image] = {}
        axes = grid(SIZE, SIZE)
        for at in range(DISTINCT):
            random = self.random(at)
            picture = 0.12 * ellipse(axes, (0, 0), (0.45, 0.62), 0.15)
            for _ in range(5):
                row, column = random.uniform(-0.3, 0.3), random.uniform(-0.45, 0.45)
                radius = random.uniform(0.03, 0.14)
                picture += random.uniform(0.1, 0.8) * ellipse(axes, (row, column), (radius, radius), 0.6)
            noisy = np.clip(picture * (1 + 0.07 * grain(random, SIZE, SIZE, 0.9)), 0, None)
            noisy += 0.002 * np.abs(grain(random, SIZE, SIZE, 0.9))
            made[at] = Image(((noisy * (32000 / noisy.max())).astype("<i2"),), 16)
        return made

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """Two reconstructions of the same slices."""
        return share(instances, 2) if instances else [SLICES.draw(random)] * 2

    def kind(self, series: int, number: int) -> Hashable:  # noqa: ARG002  (the signature of all profiles)
        """One head a series."""
        return series

    def key(self, series: int, number: int) -> Hashable:  # noqa: ARG002
        """The slices in turn."""
        return number % DISTINCT

    def geometry(self, series: int, number: int) -> dict[int, str | bytes]:  # noqa: ARG002
        """Position, Rescale Slope and Image Index of each slice."""
        z = f"{number * SPACING:+09.2f}"
        return {
            0x00200032: f"-407.0000\\-407.0000\\{z}",
            0x00201041: z,
            RESCALE_SLOPE: f"{0.5 + number % 97 / 50:.6f}",
            IMAGE_INDEX: struct.pack("<H", number + 1),
        }

    def data_set(self, series: int, number: int) -> Dataset:  # noqa: ARG002
        """PET series, isotope, orientation and image modules (PS3.3 section C.8.9)."""
        corrected = series % 2 == 0
        return make(
            **general(PET_IMAGE_STORAGE, "PT"),
            **{**grey(SIZE, SIZE, 16), "PixelRepresentation": 1},
            ImageType=["ORIGINAL", "PRIMARY"],
            BodyPartExamined="WHOLEBODY",
            SeriesDescription="WB corrected" if corrected else "WB uncorrected",
            SeriesType=["WHOLE BODY", "IMAGE"],
            Units="BQML",
            CountsSource="EMISSION",
            DecayCorrection="START",
            CorrectedImage=["DECY", "RAN", "SCAT", "DTIM", "NORM", *(["ATTN"] if corrected else [])],
            CollimatorType="NONE",
            NumberOfSlices=0,  # the study knows
            RadiopharmaceuticalInformationSequence=[
                make(
                    Radiopharmaceutical="Fluorodeoxyglucose",
                    RadiopharmaceuticalStartTime="080000",
                    RadionuclideTotalDose="350000000",
                    RadionuclideHalfLife="6586.2",
                    RadionuclideCodeSequence=coded("77004003", "SCT", "^18^Fluorine"),
                )
            ],
            **orientation(),
            FrameOfReferenceUID="",
            PositionReferenceIndicator="",
            SliceThickness=f"{SPACING}",
            PixelSpacing=["4.07", "4.07"],
            ImageOrientationPatient=["1", "0", "0", "0", "1", "0"],
            ImagePositionPatient=["-407.0000", "-407.0000", "+00000.00"],
            SliceLocation="+00000.00",
            RescaleIntercept="0",
            RescaleSlope="0.500000",
            FrameReferenceTime="0",
            ActualFrameDuration="120000",
            DecayFactor="1",
            ImageIndex=1,
        )


def orientation() -> dict[str, object]:
    """NM/PET patient orientation module (PS3.3 section C.8.4.6): supine, head first."""
    return {
        "PatientOrientationCodeSequence": coded(
            "102538003",
            "SCT",
            "recumbent",
            PatientOrientationModifierCodeSequence=coded("40199007", "SCT", "supine"),
        ),
        "PatientGantryRelationshipCodeSequence": coded("102540008", "SCT", "headfirst"),
    }
