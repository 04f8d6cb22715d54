"""Nuclear medicine: multi-frame images of 16 bit, whole body, static and tomography, 130 KB to 4 MB each."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from loadtests.profiles.distributions import pick, share
from loadtests.profiles.images import Image, Images
from loadtests.profiles.modules import coded, general, grey, make
from loadtests.profiles.pet import orientation
from loadtests.profiles.phantoms import ellipse, grid

NM_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.20"
DISTINCT = 4
ENERGY_WINDOW, DETECTOR, ROTATION, SLICE, ANGULAR_VIEW = 0x00540010, 0x00540020, 0x00540050, 0x00540080, 0x00540090


@dataclass(frozen=True)
class Acquisition:
    """One kind of NM image."""

    image_type: str
    rows: int
    columns: int
    frames: int
    spacing: str
    counts: float
    """Of the brightest pixels."""


ACQUISITIONS = (
    Acquisition("WHOLE BODY", 1024, 256, 2, "2.4", 60),
    Acquisition("STATIC", 256, 256, 1, "2.4", 150),
    Acquisition("TOMO", 128, 128, 120, "4.8", 40),
    Acquisition("RECON TOMO", 128, 128, 96, "4.8", 900),
)


class NuclearMedicine(Images):
    """A bone scan: whole body and static images, and in half of the studies tomography."""

    name = "nm"
    source = "matrices and frames: usual protocols, own estimate"

    def paint(self) -> dict[Hashable, Image]:
        """Counts of a Poisson process over a skeleton of blobs."""
        made: dict[Hashable, Image] = {}
        for acquisition in ACQUISITIONS:
            for at in range(DISTINCT if acquisition.frames < 3 else 2):
                random = self.random(acquisition.image_type, at)
                axes = grid(acquisition.rows, acquisition.columns)
                picture = 0.08 * ellipse(axes, (0, 0), (0.93, 0.55), 0.3)
                picture += 0.35 * ellipse(axes, (-0.1, 0), (0.62, 0.07), 0.8)
                for _ in range(12):
                    row, column = random.uniform(-0.8, 0.8), random.uniform(-0.4, 0.4)
                    picture += random.uniform(0.1, 0.6) * ellipse(axes, (row, column), (0.07, 0.09), 0.9)
                frames = []
                for frame in range(acquisition.frames):
                    # turned by looking at it from another side: shifted
                    turned = np.roll(picture, round(4 * np.sin(2 * np.pi * frame / acquisition.frames)), axis=1)
                    frames.append(random.poisson(acquisition.counts * turned + 0.05).astype("<u2"))
                made[acquisition, at] = Image(frames, 16, noise_bits=1)
        return made

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """Series by kind of acquisition, in their order."""
        if instances:
            return share(instances, len(ACQUISITIONS))
        planar = [1, pick(random, ((2, 2), (4, 1)))]
        return planar if random.random() < 0.5 else [*planar, 1, 3]

    def kind(self, series: int, number: int) -> Hashable:  # noqa: ARG002  (the signature of all profiles)
        """One head a kind of acquisition."""
        return self.acquisition(series)

    def key(self, series: int, number: int) -> Hashable:
        """The distinct ones in turn."""
        acquisition = self.acquisition(series)
        return acquisition, number % (DISTINCT if acquisition.frames < 3 else 2)

    def acquisition(self, series: int) -> Acquisition:
        """What the series holds."""
        return ACQUISITIONS[series % len(ACQUISITIONS)]

    def data_set(self, series: int, number: int) -> Dataset:  # noqa: ARG002
        """NM image, multi-frame, isotope and detector modules (PS3.3 section C.8.4)."""
        acquisition = self.acquisition(series)
        frames = acquisition.frames
        data_set = make(
            **general(NM_IMAGE_STORAGE, "NM"),
            **grey(acquisition.rows, acquisition.columns, 16),
            **orientation(),
            ImageType=["ORIGINAL", "PRIMARY", acquisition.image_type, "EMISSION"],
            BodyPartExamined="WHOLEBODY",
            SeriesDescription=acquisition.image_type.title(),
            NumberOfFrames=frames,
            PixelSpacing=[acquisition.spacing, acquisition.spacing],
            CountsAccumulated="1000000",
            NumberOfEnergyWindows=1,
            EnergyWindowInformationSequence=[
                make(
                    EnergyWindowName="Tc99m",
                    EnergyWindowRangeSequence=[make(EnergyWindowLowerLimit="126", EnergyWindowUpperLimit="154")],
                )
            ],
            RadiopharmaceuticalInformationSequence=[
                make(
                    RadionuclideCodeSequence=coded("72454007", "SCT", "^99m^Technetium"),
                    Radiopharmaceutical="Medronate",
                )
            ],
        )
        if acquisition.image_type == "RECON TOMO":
            data_set.FrameIncrementPointer = SLICE
            data_set.NumberOfRotations = 1
            data_set.RotationInformationSequence = [_rotation(2 * frames)]
            data_set.NumberOfDetectors = 1
            data_set.DetectorInformationSequence = [_detector("1")]
            data_set.NumberOfSlices = frames
            data_set.SliceVector = list(range(1, frames + 1))
            data_set.SliceThickness = data_set.SpacingBetweenSlices = acquisition.spacing
            return data_set
        detectors = min(2, frames)
        data_set.NumberOfDetectors = detectors
        data_set.DetectorInformationSequence = [_detector(f"{at + 1}") for at in range(detectors)]
        data_set.EnergyWindowVector = [1] * frames
        data_set.DetectorVector = [1 + at * detectors // frames for at in range(frames)]
        data_set.FrameIncrementPointer = [ENERGY_WINDOW, DETECTOR]
        if acquisition.image_type in ("WHOLE BODY", "STATIC"):
            data_set.ActualFrameDuration = "20000"
        if acquisition.image_type == "WHOLE BODY":
            data_set.ScanVelocity, data_set.ScanLength = "2.5", "2000"
        if acquisition.image_type == "TOMO":
            views = frames // detectors
            data_set.FrameIncrementPointer = [ENERGY_WINDOW, DETECTOR, ROTATION, ANGULAR_VIEW]
            data_set.NumberOfRotations = 1
            data_set.RotationVector = [1] * frames
            data_set.AngularViewVector = [1 + at % views for at in range(frames)]
            data_set.RotationInformationSequence = [_rotation(frames)]
        return data_set


def _rotation(frames: int) -> Dataset:
    """An item of the Rotation Information Sequence (PS3.3 section C.8.4.12)."""
    return make(
        StartAngle="0",
        AngularStep="3",
        RotationDirection="CW",
        ScanArc="180",
        ActualFrameDuration="20000",
        NumberOfFramesInRotation=frames,
    )


def _detector(focus: str) -> Dataset:
    """An item of the Detector Information Sequence (PS3.3 section C.8.4.11)."""
    return make(
        CollimatorGridName="LEHR",
        CollimatorType="PARA",
        FieldOfViewShape="RECTANGLE",
        FocalDistance="0",
        ZoomFactor=["1", "1"],
        StartAngle="0" if focus == "1" else "180",
        ImagePositionPatient=["0", "0", "0"],
        ImageOrientationPatient=["1", "0", "0", "0", "1", "0"],
    )
