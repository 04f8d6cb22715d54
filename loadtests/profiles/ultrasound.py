"""Ultrasound: loops and stills of 800 by 600 pixels in colour.

Scanners send loops as JPEG baseline, 3 to 8 MB each; some send them uncompressed.
"""

from collections.abc import Hashable

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from loadtests.profiles.distributions import LogNormal
from loadtests.profiles.images import Image, Images
from loadtests.profiles.modules import make
from loadtests.profiles.phantoms import enlarge, grain
from loadtests.profiles.templates import template

US_IMAGE_STORAGE, US_MULTI_FRAME = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1"
ROWS, COLUMNS = 600, 800
PAINTED = 15  # distinct frames, played to and fro
LOOPS = (45, 60, 90, 120)  # frames: one to three beats at 30 frames/s
STILL = 3  # every third instance is a still: own estimate
# 500,000 instances of 7,243 echocardiograms (MIMIC-IV-ECHO), a mean of 69; other examinations are smaller: own estimate
INSTANCES = LogNormal(median=45, sigma=0.7, least=4, most=250)


class Ultrasound(Images):
    """A study of one series of loops and stills, uncompressed."""

    name = "us-native"
    source = "instances: MIMIC-IV-ECHO, mean 69, less for other examinations; frames: own estimate"

    def __init__(self, seed: int, *, native: bool = True) -> None:
        self._template = template("examples_ybr_color.dcm")
        super().__init__(seed, native=native)
        del self._template.PixelData

    def paint(self) -> dict[Hashable, Image]:
        """The template's frames, enlarged, with speckle of the new size."""
        count = int(self._template.NumberOfFrames)
        encoded = list(generate_frames(self._template.PixelData, number_of_frames=count))[: 2 * PAINTED : 2]
        random = self.random("speckle")
        frames = []
        for frame in encoded:
            picture = enlarge(np.asarray(imagecodecs.jpeg8_decode(frame), dtype=np.float32), ROWS, COLUMNS)
            speckle = 1 + 0.16 * grain(random, ROWS, COLUMNS, 0.8)[..., np.newaxis]
            frames.append(np.clip(picture * speckle, 0, 255).astype(np.uint8))
        swing = frames + frames[-2:0:-1]
        made: dict[Hashable, Image] = {}
        for loop, length in enumerate(LOOPS):
            start = loop * len(swing) // len(LOOPS)
            made[length] = Image([swing[(start + at) % len(swing)] for at in range(length)], 8, noise_bits=2)
        for still, frame in enumerate(frames[: len(LOOPS)]):
            made["still", still] = Image([frame], 8, noise_bits=2)
        return made

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """One series."""
        return [instances or INSTANCES.draw(random)]

    def kind(self, series: int, number: int) -> Hashable:  # noqa: ARG002  (the signature of all profiles)
        """A still, or the number of frames."""
        if number % STILL == STILL - 1:
            return "still"
        return LOOPS[(number - number // STILL) % len(LOOPS)]

    def key(self, series: int, number: int) -> Hashable:
        """The stills and loops in turn."""
        kind = self.kind(series, number)
        return ("still", number // STILL % len(LOOPS)) if kind == "still" else kind

    def data_set(self, series: int, number: int) -> Dataset:
        """US image module, and multi-frame and cine modules for loops (PS3.3 sections C.8.5.6, C.7.6.5, C.7.6.6)."""
        kind = self.kind(series, number)
        data_set = make(
            SOPClassUID=US_IMAGE_STORAGE if kind == "still" else US_MULTI_FRAME,
            Modality="US",
            Manufacturer="VNAOPS",
            ManufacturerModelName="Synthetic",
            SoftwareVersions="1",
            ContentDate="",
            AcquisitionDate="",
            ImageType=["ORIGINAL", "PRIMARY", "", "0001"],
            BodyPartExamined="HEART",
            SeriesDescription="Echocardiogram",
            PatientOrientation="",
            SamplesPerPixel=3,
            PhotometricInterpretation="RGB",
            PlanarConfiguration=0,
            Rows=ROWS,
            Columns=COLUMNS,
            BitsAllocated=8,
            BitsStored=8,
            HighBit=7,
            PixelRepresentation=0,
            LossyImageCompression="00",
            SequenceOfUltrasoundRegions=[
                make(
                    RegionSpatialFormat=1,
                    RegionDataType=1,
                    RegionFlags=2,
                    RegionLocationMinX0=100,
                    RegionLocationMinY0=40,
                    RegionLocationMaxX1=COLUMNS - 50,
                    RegionLocationMaxY1=ROWS - 50,
                    PhysicalUnitsXDirection=3,
                    PhysicalUnitsYDirection=3,
                    PhysicalDeltaX=0.03,
                    PhysicalDeltaY=0.03,
                )
            ],
        )
        if kind != "still":
            data_set.NumberOfFrames = kind
            data_set.FrameTime = "33.333"
            data_set.FrameIncrementPointer = 0x00181063
            data_set.CineRate = data_set.RecommendedDisplayFrameRate = 30
        return data_set
