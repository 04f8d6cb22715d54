"""Mammography: the four standard views of 3328 by 2560 pixels, 12 bit, 17 MB an image."""

from collections.abc import Hashable

import numpy as np
from pydicom.dataset import Dataset

from loadtests.profiles.breasts import SCREENING, BreastViews, region, right_breast, view_codes
from loadtests.profiles.distributions import pick
from loadtests.profiles.dx import projection
from loadtests.profiles.images import Image
from loadtests.profiles.modules import general, grey, make
from loadtests.profiles.phantoms import grain, quantised

MG_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.2"
ROWS, COLUMNS, BITS = 3328, 2560, 12


class Mammography(BreastViews):
    """A study of one series, uncompressed."""

    name = "mg"
    source = f"{SCREENING}; one view again in a tenth: own estimate"

    def paint(self) -> dict[Hashable, Image]:
        """Two pictures; those of the left breast are their mirror images."""
        made: dict[Hashable, Image] = {}
        for name in ("CC", "MLO"):
            random = self.random(name)
            density, tissue = right_breast(name, random, ROWS, COLUMNS)
            # processed images have a background without noise, which is what makes them compress well
            picture = quantised((600 + 2900 * density + 24 * grain(random, ROWS, COLUMNS, 0.3)) * (tissue > 0), BITS)
            made["R", name] = Image((picture,), BITS)
            made["L", name] = Image((np.ascontiguousarray(picture[:, ::-1]),), BITS)
        return made

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """Four views, or more."""
        return [instances or pick(random, ((4, 0.9), (5, 0.07), (6, 0.03)))]

    def data_set(self, series: int, number: int) -> Dataset:  # noqa: ARG002
        """DX modules and mammography image module (PS3.3 sections C.8.11.1 to C.8.11.7)."""
        view = self.view(number)
        return make(
            **general(MG_FOR_PRESENTATION, "MG", PresentationIntentType="FOR PRESENTATION"),
            **grey(ROWS, COLUMNS, BITS),
            **projection(),
            ImageType=["DERIVED", "PRIMARY"],
            BodyPartExamined="BREAST",
            AnatomicRegionSequence=region(),
            ViewCodeSequence=view_codes(view),
            ViewPosition=view.name,
            ImageLaterality=view.laterality,
            PatientOrientation=list(view.orientation),
            PositionerType="MAMMOGRAPHIC",
            OrganExposed="BREAST",
            SeriesDescription="Screening",
            KVP="29",
            DetectorType="DIRECT",
            ImagerPixelSpacing=["0.07", "0.07"],
            WindowCenter="2200",
            WindowWidth="3300",
        )
