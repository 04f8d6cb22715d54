"""Ultrasound: multi-frame loops in colour, JPEG baseline as the scanner made them, 1.5 MB an instance."""

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from loadtests.profiles.distributions import LogNormal
from loadtests.profiles.pixels import CommentMarker, EncapsulatedPixels
from loadtests.profiles.templates import template

FRAMES = 240  # eight seconds at 30 frames/s, from the template's one second played to and fro
DISTINCT = 8


class Ultrasound:
    """A study of one series of loops, each beginning at another moment."""

    name = "us"
    source = "own estimate"

    def __init__(self, seed: int) -> None:
        self._template = template("examples_ybr_color.dcm")
        self.transfer_syntax = str(self._template.file_meta.TransferSyntaxUID)
        forth = list(generate_frames(self._template.PixelData, number_of_frames=int(self._template.NumberOfFrames)))
        swing = forth + forth[-2:0:-1]
        self._pixels = []
        for loop in range(DISTINCT):
            start = seed + loop * len(swing) // DISTINCT
            frames = [swing[(start + at) % len(swing)] for at in range(FRAMES)]
            self._pixels.append(EncapsulatedPixels(frames, CommentMarker(frames[-1])))
        del self._template.PixelData

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """One series."""
        return [instances or LogNormal(30, 0.7, 1, 200).draw(random)]

    def kind(self, series: int, number: int) -> int:  # noqa: ARG002  (the signature of all profiles)
        """All the same."""
        return 0

    def data_set(self, series: int, number: int) -> Dataset:  # noqa: ARG002
        """As the template says, with more frames."""
        data_set = self._template.copy()
        data_set.NumberOfFrames = FRAMES
        return data_set

    def pixels(self, series: int, number: int) -> EncapsulatedPixels:  # noqa: ARG002
        """One of the distinct loops, in turn."""
        return self._pixels[number % DISTINCT]

    def geometry(self, series: int, number: int) -> dict[int, str]:  # noqa: ARG002
        """Nothing but the instance number differs."""
        return {}
