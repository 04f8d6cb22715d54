"""What mammography and tomosynthesis have in common: the four standard views, and breasts to be seen in them."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from loadtests.profiles.images import Images
from loadtests.profiles.modules import coded
from loadtests.profiles.phantoms import Picture, ellipse, grid, texture

SCREENING = "NL-Breast-Screening: four standard views in each of 5,997 exams (arXiv 2411.02710)"


@dataclass(frozen=True)
class BreastView:
    """One of the standard views."""

    laterality: str
    name: str
    code: tuple[str, str]
    """SNOMED CT code and its meaning (CID 4014)."""
    orientation: tuple[str, str]
    """Patient Orientation: of the rows and of the columns."""


CC, MLO = ("399162004", "cranio-caudal"), ("399368009", "medio-lateral oblique")
VIEWS = (
    BreastView("R", "CC", CC, ("P", "L")),
    BreastView("L", "CC", CC, ("A", "R")),
    BreastView("R", "MLO", MLO, ("P", "FL")),
    BreastView("L", "MLO", MLO, ("A", "FR")),
)


class BreastViews(Images):
    """A study of one series whose instances are the standard views in turn."""

    def view(self, number: int) -> BreastView:
        """The views in turn."""
        return VIEWS[number % len(VIEWS)]

    def kind(self, series: int, number: int) -> Hashable:  # noqa: ARG002  (the signature of all profiles)
        """One head a view."""
        return self.view(number)

    def key(self, series: int, number: int) -> Hashable:  # noqa: ARG002
        """One picture a view."""
        return self.view(number).laterality, self.view(number).name


def view_codes(view: BreastView) -> list[Dataset]:
    """View Code Sequence of the view, without modifiers (PS3.3 section C.8.11.7)."""
    return coded(view.code[0], "SCT", view.code[1], ViewModifierCodeSequence=[])


def region() -> list[Dataset]:
    """Anatomic Region Sequence of a breast."""
    return coded("76752008", "SCT", "Breast")


def right_breast(name: str, random: np.random.Generator, rows: int, columns: int) -> tuple[Picture, Picture]:
    """Density from 0 to about 1 and where there is tissue at all, the chest wall at the right edge.

    The left one is its mirror image.
    """
    axes = grid(rows, columns)
    oblique = name == "MLO"
    outline = ellipse(axes, (0.12 if oblique else 0.0, 1.0), (0.95 if oblique else 0.82, 1.45), 0.12)
    gland = ellipse(axes, (0.1, 0.75), (0.6, 0.95), 0.9)
    density = 0.35 + 0.3 * gland + 0.11 * texture(random, rows, columns, 3.0, coarse=4)
    if oblique:
        y, x = axes
        density += (0.3 * np.clip(6 * (x - 0.62 - 0.45 * (y + 0.6)), 0, 1) * (y < 0.3)).astype(np.float32)
    return np.clip(density, 0.02, 1.1) * outline, outline
