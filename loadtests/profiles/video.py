"""Video of operations: H.264 of full HD as an endoscope's recorder makes it, up to gigabytes an instance."""

import hashlib
import struct
from collections.abc import Hashable
from statistics import NormalDist
from typing import Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import MPEG4HP41, VideoEndoscopicImageStorage

from loadtests.dataset import Buffer
from loadtests.profiles import video_stream
from loadtests.profiles.distributions import LogNormal, share
from loadtests.profiles.modules import coded, general, make
from loadtests.profiles.pixels import Pixels, Tail

DISTINCT: Final = 8
"""Clips of different length; those of a study are the first of them, then the same again."""
_ITEM_HEAD = struct.Struct("<HHI")


class StreamPixels:
    """A video stream in one fragment (PS3.5 section 8.2.7): a piece again and again, and a packet with the nonce.

    Raises:
        ValueError: it is longer than a fragment may be (PS3.5 section A.4).
    """

    def __init__(self, piece: memoryview, seconds: int) -> None:
        length = len(piece) * seconds + len(video_stream.mark(b""))
        if length >= 0xFFFFFFFF:
            raise ValueError(f"a stream of {length} bytes is longer than a fragment may be")
        head = (
            struct.pack("<HH2s2xI", 0x7FE0, 0x0010, b"OB", 0xFFFFFFFF)
            + _ITEM_HEAD.pack(0xFFFE, 0xE000, 0)  # an empty basic offset table
            + _ITEM_HEAD.pack(0xFFFE, 0xE000, length)
        )
        self.body: tuple[Buffer, ...] = (head, *[piece] * seconds)
        self.body_size = len(head) + len(piece) * seconds
        self.hashed = hashlib.sha256()
        for _ in range(seconds):
            self.hashed.update(piece)

    def tail(self, nonce: bytes) -> Tail:
        """A packet that decoders pass over, and the end of the sequence."""
        packet = video_stream.mark(nonce)
        return Tail((packet, _ITEM_HEAD.pack(0xFFFE, 0xE0DD, 0)), (packet,))


class Video:
    """An operation in a few clips, one series."""

    name = "video"
    transfer_syntax = str(MPEG4HP41)
    source = (
        "length of an operation: the 45 gallbladders of CholecT45 took 90,489 s, 34 minutes each "
        "(Nwoye, Med Image Anal 78, 2022); its clips: own estimate"
    )
    seconds_per_clip = LogNormal(900, 0.7)
    clips = LogNormal(2, 0.6, 1, 12)

    def __init__(self, seed: int) -> None:
        self._piece = memoryview(video_stream.piece(seed))
        self._made: dict[int, Pixels] = {}
        # the middles of the distribution's eighths in any order: a few clips already are what many would be
        eighths = (np.random.default_rng([seed, 0x71DE0]).permutation(DISTINCT) + 0.5) / DISTINCT
        clip = self.seconds_per_clip
        self.seconds = [round(clip.median * np.exp(clip.sigma * NormalDist().inv_cdf(at))) for at in eighths]

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """One series."""
        return share(instances or self.clips.draw(random), 1)

    def kind(self, series: int, number: int) -> Hashable:  # noqa: ARG002  (the signature of all profiles)
        """Clips of one length."""
        return number % DISTINCT

    def data_set(self, series: int, number: int) -> Dataset:  # noqa: ARG002  (the signature of all profiles)
        """Video endoscopic image (PS3.3 section A.32.5)."""
        return make(
            **general(VideoEndoscopicImageStorage, "ES"),
            ImageType=["ORIGINAL", "PRIMARY"],
            PatientOrientation="",
            AcquisitionDateTime="",
            AcquisitionContextSequence=[],
            SamplesPerPixel=3,
            PhotometricInterpretation="YBR_PARTIAL_420",
            PlanarConfiguration=0,
            Rows=video_stream.HEIGHT,
            Columns=video_stream.WIDTH,
            BitsAllocated=8,
            BitsStored=8,
            HighBit=7,
            PixelRepresentation=0,
            NumberOfFrames=self.seconds[number % DISTINCT] * video_stream.FRAMES_PER_SECOND,
            FrameIncrementPointer=0x00181063,
            FrameTime=f"{1000 / video_stream.FRAMES_PER_SECOND:g}",
            CineRate=video_stream.FRAMES_PER_SECOND,
            RecommendedDisplayFrameRate=video_stream.FRAMES_PER_SECOND,
            PreferredPlaybackSequencing=0,
            AnatomicRegionSequence=coded("818981001", "SCT", "Abdomen"),
            BurnedInAnnotation="NO",
            LossyImageCompression="01",
            LossyImageCompressionRatio="100",
            LossyImageCompressionMethod="ISO_14496_10",
        )

    def pixels(self, series: int, number: int) -> Pixels:  # noqa: ARG002  (the signature of all profiles)
        """Of one clip; the first time a gigabyte takes half a second, for its hash."""
        clip = number % DISTINCT
        if clip not in self._made:
            self._made[clip] = StreamPixels(self._piece, self.seconds[clip])
        return self._made[clip]

    def geometry(self, series: int, number: int) -> dict[int, str]:  # noqa: ARG002  (the signature of all profiles)
        """Nothing but the instance number differs."""
        return {}


class VideoClip(Video):
    """As `Video`, in clips of seconds."""

    name = "video-clip"
    source = "own estimate: what is kept of an arthroscopy to show a finding"
    seconds_per_clip = LogNormal(10, 0.6)
