"""Digital breast tomosynthesis: volumes of 2457 by 1996 pixels, 10 bit, a frame a millimetre, 490 to 590 MB each.

Scanners send them compressed: 74 MB each in the public collection. Uncompressed they are the archive's hard case.
"""

from collections.abc import Hashable

import numpy as np
from pydicom.dataset import Dataset

from loadtests.profiles.breasts import BreastView, BreastViews, region, right_breast, view_codes
from loadtests.profiles.distributions import pick
from loadtests.profiles.images import Image
from loadtests.profiles.modules import general, grey, make
from loadtests.profiles.phantoms import grain, quantised

BREAST_TOMOSYNTHESIS = "1.2.840.10008.5.1.4.1.1.13.1.3"
ROWS, COLUMNS, BITS = 2457, 1996, 10
FRAMES = {"CC": 50, "MLO": 60}
DISTINCT = 2  # frames painted for each view; the others repeat them, to and fro
TYPE = ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE"]


class Tomosynthesis(BreastViews):
    """A study of one series of volumes."""

    name = "mg-tomo-native"
    source = (
        "Breast-Cancer-Screening-DBT (TCIA): 22,032 volumes of 5,610 studies, 1.63 TB compressed, so 74 MB each; "
        "frames: own estimate"
    )

    def paint(self) -> dict[Hashable, Image]:
        """A few frames for each view; those of the left breast are their mirror images."""
        made: dict[Hashable, Image] = {}
        for name, count in FRAMES.items():
            random = self.random(name)
            density, tissue = right_breast(name, random, ROWS, COLUMNS)
            for laterality, step in (("R", 1), ("L", -1)):
                frames = [
                    np.ascontiguousarray(
                        quantised((180 + 560 * density + 3 * grain(random, ROWS, COLUMNS, 0.6)) * (tissue > 0), BITS)[
                            :, ::step
                        ]
                    )
                    for _ in range(DISTINCT)
                ]
                made[laterality, name] = Image([frames[at % DISTINCT] for at in range(count)], BITS)
        return made

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """Four volumes, seldom fewer or more: 3.9 on average."""
        return [instances or pick(random, ((2, 0.1), (4, 0.85), (5, 0.05)))]

    def data_set(self, series: int, number: int) -> Dataset:  # noqa: ARG002
        """Enhanced mammography series, X-Ray 3D image and breast view modules (PS3.3 section A.55)."""
        view = self.view(number)
        data_set = make(
            **general(BREAST_TOMOSYNTHESIS, "MG"),
            **grey(ROWS, COLUMNS, BITS),
            FrameOfReferenceUID="",
            PositionReferenceIndicator="",
            ImageType=TYPE,
            PixelPresentation="MONOCHROME",
            VolumetricProperties="VOLUME",
            VolumeBasedCalculationTechnique="NONE",
            ContentQualification="PRODUCT",
            BurnedInAnnotation="NO",
            LossyImageCompression="00",
            PresentationLUTShape="IDENTITY",
            BodyPartExamined="BREAST",
            BreastImplantPresent="NO",
            ViewCodeSequence=view_codes(view),
            AcquisitionContextSequence=[],
            SeriesDescription="Tomosynthesis",
            NumberOfFrames=FRAMES[view.name],
            SharedFunctionalGroupsSequence=[_shared(view)],
            PerFrameFunctionalGroupsSequence=[_frame(at) for at in range(FRAMES[view.name])],
        )
        del data_set.AcquisitionDate  # enhanced objects say it for each frame, if at all
        return data_set


def _shared(view: BreastView) -> Dataset:
    """The functional groups that are the same for all frames."""
    return make(
        FrameAnatomySequence=[make(AnatomicRegionSequence=region(), FrameLaterality=view.laterality)],
        PlaneOrientationSequence=[make(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])],
        PixelMeasuresSequence=[make(SliceThickness="1", PixelSpacing=["0.1", "0.1"])],
        FrameVOILUTSequence=[make(WindowCenter="480", WindowWidth="800")],
        PixelValueTransformationSequence=[make(RescaleIntercept="0", RescaleSlope="1", RescaleType="US")],
        DerivationImageSequence=[],
    )


def _frame(number: int) -> Dataset:
    """Those of one frame."""
    return make(
        FrameContentSequence=[make(StackID="1", InStackPositionNumber=number + 1)],
        PlanePositionSequence=[make(ImagePositionPatient=["0", "0", f"{number}"])],
        XRay3DFrameTypeSequence=[
            make(
                FrameType=TYPE,
                PixelPresentation="MONOCHROME",
                VolumetricProperties="VOLUME",
                VolumeBasedCalculationTechnique="NONE",
            )
        ],
    )
