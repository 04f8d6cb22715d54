"""Whole-slide pathology: pyramids of JPEG tiles with label and overview, one series a slide (PS3.3 section A.32.8)."""

from collections.abc import Hashable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage

from loadtests.profiles.distributions import LogNormal
from loadtests.profiles.modules import general, make
from loadtests.profiles.pixels import CommentMarker, EncapsulatedPixels, Pixels
from loadtests.profiles.slide_optics import optical_path, specimen
from loadtests.profiles.slide_pixels import TiledPixels
from loadtests.profiles.slide_tiles import TILE, jpeg, pyramid, section
from loadtests.profiles.uids import derive

SPACING: Final = 0.00025  # mm from pixel to pixel: an objective of 40 times
DISTINCT: Final = 8
"""Slides of different size; those of a study are the first of them, then the same again."""
SMALLEST: Final = 2 * TILE
"""Pixels that the longer side of the last level has at most."""
LEVELS: Final = 10
GLASS = (75.0, 25.0)  # mm


@dataclass(frozen=True)
class Part:
    """One instance of a slide."""

    flavor: str
    """Value 3 of Image Type: LABEL, OVERVIEW, THUMBNAIL, or VOLUME for a level of the pyramid."""
    width: int
    height: int
    """Pixels, of the whole."""
    spacing: float
    """mm."""
    halved: int = 0
    """How often the full resolution was halved."""

    @property
    def tiled(self) -> bool:
        """Whether it is a level of the pyramid, in tiles; the others are one frame."""
        return self.flavor == "VOLUME"

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tiles; the last may reach over the edge."""
        return (-(-self.height // TILE), -(-self.width // TILE)) if self.tiled else (1, 1)


class Slide:
    """A case of several slides, each a series: label, overview, thumbnail, then the levels from the smallest.

    All tiles are tissue: a scanner leaves glass out or compresses it to next to nothing.
    """

    name = "slide"
    transfer_syntax = str(JPEGBaseline8Bit)
    source = (
        "size of a slide: the 1,399 of CAMELYON have 2.1 GB each on average (Litjens, GigaScience 7, 2018), hospitals "
        "plan with 0.6 to 2 GB; slides of a case: own estimate around CAMELYON17's 5"
    )
    bytes_per_slide = LogNormal(1_200_000_000, 0.6)
    slides_per_case = LogNormal(4, 0.7, 1, 40)

    def __init__(self, seed: int) -> None:
        self._tiles = pyramid(section(seed), LEVELS)
        self._made: dict[tuple[int, int], Pixels] = {}
        frames = self._tiles[0].frames
        # the levels below the first have a quarter, a sixteenth … of its tiles, and those take up to twice the bytes
        tile = 1.5 * sum(map(len, frames)) / len(frames)
        # the middles of the distribution's eighths in any order: a few slides already are what many would be
        eighths = (np.random.default_rng([seed, 0x511DE]).permutation(DISTINCT) + 0.5) / DISTINCT
        size = self.bytes_per_slide
        sizes = [size.median * np.exp(size.sigma * NormalDist().inv_cdf(at)) for at in eighths]
        self.slides = [_parts(max(4, round(size / tile))) for size in sizes]

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """A series for each slide; asked for fewer instances than it has, the last lacks its larger levels."""
        if instances is None:
            return [len(self._slide(slide)) for slide in range(self.slides_per_case.draw(random))]
        made: list[int] = []
        while sum(made) < instances:
            made.append(min(instances - sum(made), len(self._slide(len(made)))))
        return made

    def kind(self, series: int, number: int) -> Hashable:
        """Each instance of a slide is of a kind of its own."""
        return series, number

    def data_set(self, series: int, number: int) -> Dataset:
        """All but the pixels of a part of a slide."""
        part = self._slide(series)[number]
        data_set = make(
            **general(VLWholeSlideMicroscopyImageStorage, "SM"),
            **_image(part),
            **_matrix(part),
            **optical_path(),
            **specimen(series),
            AcquisitionContextSequence=[],
        )
        if part.flavor == "LABEL":
            data_set.LabelText = data_set.BarcodeValue = ""
        return data_set

    def pixels(self, series: int, number: int) -> Pixels:
        """Of one part; the first time a gigabyte takes half a second, for its hash."""
        key = (series % DISTINCT, number)
        if key not in self._made:
            self._made[key] = self._pixels(self._slide(series)[number])
        return self._made[key]

    def geometry(self, series: int, number: int) -> dict[int, str]:  # noqa: ARG002  (the signature of all profiles)
        """Nothing: no two instances share a head."""
        return {}

    def _slide(self, slide: int) -> list[Part]:
        return self.slides[slide % DISTINCT]

    def _pixels(self, part: Part) -> Pixels:
        if part.tiled:
            return TiledPixels(self._tiles[part.halved], *part.grid)
        frame = jpeg(_drawn(part, self._tiles[part.halved].image))
        return EncapsulatedPixels([frame], CommentMarker(frame))


class SmallSlide(Slide):
    """As `Slide`, of the size of a needle biopsy."""

    name = "slide-small"
    source = "own estimate: a core of 15 by 1 mm and glass around it"
    bytes_per_slide = LogNormal(40_000_000, 0.6)


def _parts(tiles: int) -> list[Part]:
    """A slide whose largest level has about so many tiles, wider than high as sections mostly are."""
    rows = max(1, round((tiles / 1.4) ** 0.5))
    width, height = (round(tiles / rows) * TILE - 100, rows * TILE - 60)
    levels = [Part("VOLUME", width, height, SPACING)]
    while max(levels[-1].width, levels[-1].height) > SMALLEST and len(levels) < LEVELS:
        last = levels[-1]
        half = (max(1, last.width // 2), max(1, last.height // 2))
        levels.append(Part("VOLUME", *half, last.spacing * 2, last.halved + 1))
    glass = 1250 / GLASS[0]  # pixels a mm, as of the camera that looks at the whole slide
    small = levels[-1]
    return [
        Part("LABEL", 417, 417, 1 / glass),
        Part("OVERVIEW", 1250, 417, 1 / glass),
        Part("THUMBNAIL", small.width // 2 * 2, small.height // 2 * 2, small.spacing, small.halved),
        *reversed(levels),
    ]


def _image(part: Part) -> dict[str, Any]:
    """Whole slide microscopy image module (PS3.3 section C.8.12.4) and general image."""
    derived = part.halved > 0
    return {
        "ImageType": [
            "DERIVED" if derived else "ORIGINAL",
            "PRIMARY",
            part.flavor,
            "RESAMPLED" if derived else "NONE",
        ],
        "AcquisitionDateTime": "",
        "FrameOfReferenceUID": "",
        "PositionReferenceIndicator": "SLIDE_CORNER",
        "ImagedVolumeWidth": part.width * part.spacing,
        "ImagedVolumeHeight": part.height * part.spacing,
        "ImagedVolumeDepth": 0.004,
        "ImageOrientationSlide": [0.0, -1.0, 0.0, -1.0, 0.0, 0.0],
        "TotalPixelMatrixOriginSequence": [
            make(XOffsetInSlideCoordinateSystem=22.0, YOffsetInSlideCoordinateSystem=60.0)
        ],
        "VolumetricProperties": "VOLUME",
        "SpecimenLabelInImage": "YES" if part.flavor in ("LABEL", "OVERVIEW") else "NO",
        "BurnedInAnnotation": "YES" if part.flavor in ("LABEL", "OVERVIEW") else "NO",
        "FocusMethod": "AUTO",
        "ExtendedDepthOfField": "NO",
        "LossyImageCompression": "01",
        "LossyImageCompressionRatio": "15",
        "LossyImageCompressionMethod": "ISO_10918_1",
    }


def _matrix(part: Part) -> dict[str, Any]:
    """Pixels, frames and where they lie (PS3.3 sections C.7.6.3, C.7.6.16, C.7.6.17)."""
    rows, columns = part.grid
    organization = derive("vnaops", "slide", "dimensions")
    axes = [
        make(
            DimensionOrganizationUID=organization,
            DimensionIndexPointer=pointer,
            FunctionalGroupPointer=_PLANE_POSITION_SLIDE,
        )
        for pointer in (_ROW_POSITION, _COLUMN_POSITION)
    ]
    shared = make(
        PixelMeasuresSequence=[make(PixelSpacing=[f"{part.spacing:.8g}"] * 2, SliceThickness="0.004")],
        WholeSlideMicroscopyImageFrameTypeSequence=[make(FrameType=_image(part)["ImageType"])],
        OpticalPathIdentificationSequence=[make(OpticalPathIdentifier="1")],
    )
    return {
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "YBR_FULL_422",
        "PlanarConfiguration": 0,
        "Rows": TILE if part.tiled else part.height,
        "Columns": TILE if part.tiled else part.width,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "NumberOfFrames": rows * columns,
        "TotalPixelMatrixColumns": part.width,
        "TotalPixelMatrixRows": part.height,
        "TotalPixelMatrixFocalPlanes": 1,
        "DimensionOrganizationType": "TILED_FULL",
        "DimensionOrganizationSequence": [make(DimensionOrganizationUID=organization)],
        "DimensionIndexSequence": axes,
        "SharedFunctionalGroupsSequence": [shared],
    }


_PLANE_POSITION_SLIDE, _COLUMN_POSITION, _ROW_POSITION = 0x0048021A, 0x0048021E, 0x0048021F


def _drawn(part: Part, tissue: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Label, overview or thumbnail."""
    if part.flavor == "THUMBNAIL":
        copies = (-(-part.height // len(tissue)), -(-part.width // len(tissue)), 1)
        return np.tile(tissue, copies)[: part.height, : part.width]
    picture = Image.new("RGB", (part.width, part.height), (236, 238, 240))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 416, 416), fill=(252, 252, 248), outline=(90, 90, 90))
    draw.multiline_text((30, 60), "VNAOPS TEST\nsynthetic section\nHE", fill=(20, 20, 20), font_size=40)
    if part.flavor == "OVERVIEW":
        draw.ellipse((620, 80, 1100, 340), fill=(226, 168, 208))
    return np.asarray(picture)
