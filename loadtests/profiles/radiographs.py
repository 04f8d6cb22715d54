"""What CR and DX have in common: single projections of a few parts of the body."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from loadtests.profiles.distributions import pick
from loadtests.profiles.images import Image, Images
from loadtests.profiles.phantoms import Picture, ellipse, enlarge, grain, grid, quantised, texture

COARSE = 4  # the picture is drawn so much smaller and enlarged: drawing it at full size took two seconds each
# images of a chest study -> share of studies: a mean of 1.66, as 377,110 images of 227,835 studies in MIMIC-CXR
CHEST_IMAGES = ((1, 0.47), (2, 0.42), (3, 0.09), (4, 0.02))
SOURCE = "MIMIC-CXR: 377,110 images of 227,835 studies; a hand in a quarter of them: own estimate"


@dataclass(frozen=True)
class View:
    """One projection."""

    body_part: str
    position: str
    laterality: str
    """R, L, or U for what is unpaired."""
    orientation: tuple[str, str]
    """Patient Orientation: of the rows and of the columns."""
    region: tuple[str, str]
    """SNOMED CT code of the anatomic region and its meaning (CID 4009)."""


THORAX = ("51185008", "Chest")
HAND = ("85562004", "Hand")
VIEWS = (
    View("CHEST", "PA", "U", ("L", "F"), THORAX),
    View("CHEST", "LL", "U", ("P", "F"), THORAX),
    View("HAND", "PA", "L", ("R", "F"), HAND),
)


def project(view: View, random: np.random.Generator, rows: int, columns: int) -> Picture:
    """Attenuation from 0 (air) to about 1 (bone), without noise."""
    small = (rows // COARSE, columns // COARSE)
    y, x = axes = grid(*small)
    shift = float(random.uniform(-0.04, 0.04))
    fine = texture(random, *small, 2.6, coarse=2)
    if view.body_part == "HAND":
        picture = 0.35 * ellipse(axes, (0.55, shift), (0.45, 0.42), 0.1)
        for finger in range(5):
            lean = (finger - 2) * 0.19
            across = x - shift - lean * (1.1 - y * 0.4)
            soft = np.exp(-((across / 0.085) ** 4)) * (y < 0.5) * (y > -0.75 + 0.1 * abs(finger - 2))
            bone = np.exp(-((across / 0.038) ** 4)) * (0.6 + 0.4 * np.cos(9 * y + finger))
            picture = np.maximum(picture, (0.3 * soft + 0.35 * soft * bone).astype(np.float32))
        return enlarge(picture * (1 + 0.05 * fine), rows, columns)
    lateral = view.position == "LL"
    picture = 0.62 * ellipse(axes, (0.15, shift), (1.25, 0.72 if lateral else 0.95), 0.25)
    lungs = ((-0.12, 0.0, 0.72, 0.5),) if lateral else ((-0.12, -0.44, 0.68, 0.33), (-0.12, 0.44, 0.68, 0.33))
    for row, column, height, width in lungs:
        picture -= 0.42 * ellipse(axes, (row, column + shift), (height, width), 0.3)
    picture += 0.3 * ellipse(axes, (0.22, 0.12 + shift), (0.36, 0.34), 0.4)
    picture += (0.22 * np.exp(-(((x - shift - (0.55 if lateral else 0)) / 0.085) ** 2))).astype(np.float32)
    ribs = np.clip(np.sin(24 * (y + 0.35 * np.abs(x - shift) ** 1.5)), 0.4, 1) - 0.4
    picture += (0.12 * ribs * (np.abs(x - shift) < 0.85)).astype(np.float32)
    return enlarge(np.clip(picture + 0.03 * fine, 0, 1.1), rows, columns)


def expose(
    picture: Picture, random: np.random.Generator, *, scale: float, noise: float, blur: float, floor: float
) -> Picture:
    """Grey values of a detector: what attenuates is bright, and noise is strongest where little arrives.

    Args:
        picture: attenuation.
        random: of the noise.
        scale: grey values of attenuation 1.
        noise: deviation where the attenuation is 1, in grey values.
        blur: see `grain`.
        floor: grey value of unattenuated radiation.
    """
    rows, columns = picture.shape
    return floor + scale * picture + noise * (0.35 + 0.65 * picture) * grain(random, rows, columns, blur)


class Radiographs(Images):
    """A series of chest views in turn, and in some studies a second one of a hand.

    The picture is the same for CR and DX; what the detector makes of it is theirs.
    """

    rows: int
    columns: int
    bits: int

    def paint(self) -> dict[Hashable, Image]:
        """One of each view."""
        return {view: Image((quantised(self.detect(view, self.random(view)), self.bits),), self.bits) for view in VIEWS}

    def detect(self, view: View, random: np.random.Generator) -> Picture:
        """The grey values of one exposure."""
        raise NotImplementedError

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """Chest images by the counts of MIMIC-CXR; a quarter of the studies have a hand besides (own estimate)."""
        if instances:
            return [instances]
        chest = pick(random, CHEST_IMAGES)
        return [chest, pick(random, ((1, 1), (2, 2)))] if random.random() < 0.25 else [chest]

    def kind(self, series: int, number: int) -> Hashable:
        """One head a view."""
        return self.view(series, number)

    def key(self, series: int, number: int) -> Hashable:
        """One image a view."""
        return self.view(series, number)

    def view(self, series: int, number: int) -> View:
        """Frontal and lateral in turn, or the hand."""
        return VIEWS[2] if series else VIEWS[number % 2]
