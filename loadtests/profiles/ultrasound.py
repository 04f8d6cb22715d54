"""Ultrasound: multi-frame loops in colour, JPEG baseline as the scanner made them, 1.5 MB an instance."""

from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from loadtests.profiles.instance import JpegPixels
from loadtests.profiles.templates import template

FRAMES = 240  # eight seconds at 30 frames/s, from the template's one second played to and fro
DISTINCT = 8


class Ultrasound:
    """A study of one series of loops, each beginning at another moment."""

    name = "us"
    series = 1

    def __init__(self, seed: int) -> None:
        self._template = template("examples_ybr_color.dcm")
        self.transfer_syntax = str(self._template.file_meta.TransferSyntaxUID)
        forth = list(generate_frames(self._template.PixelData, number_of_frames=int(self._template.NumberOfFrames)))
        swing = forth + forth[-2:0:-1]
        starts = [seed + number * len(swing) // DISTINCT for number in range(DISTINCT)]
        self._pixels = [JpegPixels([swing[(start + at) % len(swing)] for at in range(FRAMES)]) for start in starts]
        del self._template.PixelData

    def data_set(self) -> Dataset:
        """As the template says, with more frames."""
        data_set = self._template.copy()
        data_set.NumberOfFrames = FRAMES
        return data_set

    def pixels(self, number: int) -> JpegPixels:
        """One of the distinct loops, in turn."""
        return self._pixels[number % DISTINCT]

    def geometry(self, number: int) -> dict[int, str]:  # noqa: ARG002  (the signature of all profiles)
        """Nothing but the instance number differs."""
        return {}
