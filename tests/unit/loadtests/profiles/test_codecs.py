"""Code streams with a nonce in them, decoded by other libraries than made them."""

import io
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pydicom import dcmread

from loadtests.profiles import codecs
from loadtests.profiles.codecs import Codec
from loadtests.profiles.compressed import Compressed
from loadtests.profiles.images import Image, Images
from loadtests.profiles.instance import Instance, as_file
from loadtests.profiles.modules import general, grey, make
from loadtests.profiles.pixels import Marker
from loadtests.profiles.study import Study
from tests.peers.dcmtk import BIN

Frame = NDArray[Any]
LOSSLESS = (codecs.JPEG_LOSSLESS, codecs.JPEG_LS, codecs.JPEG_2000, codecs.HTJ2K, codecs.RLE)
LOSSY = (codecs.JPEG_LS_LOSSY, codecs.JPEG_2000_LOSSY)
GREY, COLOUR = "grey", "colour"


class Picture(Images):
    """One small frame of odd size, or a loop of two in colour."""

    name = source = "picture"
    frames: tuple[Frame, ...]

    def paint(self) -> dict[Any, Image]:
        return {0: Image(self.frames, 12 if self.frames[0].itemsize == 2 else 8)}

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        return [instances or 1]

    def kind(self, series: int, number: int) -> int:
        return 0

    def key(self, series: int, number: int) -> int:
        return 0

    def data_set(self, series: int, number: int) -> Any:
        frame = self.frames[0]
        layout = grey(frame.shape[0], frame.shape[1], 12)
        if frame.ndim == 3:
            layout |= {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
            layout |= {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": "RGB"}
        return make(
            **general("1.2.840.10008.5.1.4.1.1.7", "OT"),
            **layout,
            ImageType=["ORIGINAL", "PRIMARY"],
            ConversionType="SYN",
            NumberOfFrames=len(self.frames),
        )


def picture(colour: bool) -> type[Images]:
    random = np.random.default_rng(3)
    if colour:
        smooth = np.add.outer(np.arange(47), np.arange(63))[..., np.newaxis] + np.array([0, 20, 40])
        made = [(smooth + random.integers(0, 9, (47, 63, 3))).astype(np.uint8) for _ in range(2)]
        return type("Colour", (Picture,), {"frames": tuple(made)})
    smooth = np.add.outer(np.arange(47), np.arange(63)) * 20
    return type("Grey", (Picture,), {"frames": ((smooth + random.integers(0, 50, (47, 63))).astype("<u2"),)})


def instances(codec: Codec, colour: bool, count: int = 2) -> tuple[list[Instance], Frame]:
    """Instances of the picture, and the last frame as it was."""
    base = picture(colour)
    profile = Compressed("compressed", base, codec, 1)
    made = Study(profile, "run", 1, count, datetime(2026, 1, 2, tzinfo=UTC)).instances()
    return list(made), base.frames[-1]  # type: ignore[attr-defined]  # of Picture


def last_frame(instance: Instance) -> bytes:
    """The code stream with the nonce: between the head of its item and the delimiter of the sequence."""
    return b"".join(instance.buffers)[:-8][-sum(map(len, instance.buffers[2:])) + 16 :]


def by_pydicom(instance: Instance) -> Frame:
    data_set = dcmread(io.BytesIO(b"".join(as_file(instance))))
    pixels: Frame = data_set.pixel_array
    return pixels[-1] if int(data_set.NumberOfFrames) > 1 else pixels


def by_dcmtk(tool: str) -> Callable[[Instance], Frame]:
    def decode(instance: Instance) -> Frame:
        folder = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
        try:
            (folder / "in").write_bytes(b"".join(as_file(instance)))
            subprocess.run([str(BIN / tool), str(folder / "in"), str(folder / "out")], check=True, capture_output=True)
            pixels: Frame = dcmread(folder / "out").pixel_array
            return pixels[-1] if pixels.ndim == 4 else pixels
        finally:
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()

    return decode


def by_ffmpeg(instance: Instance) -> Frame:
    context = av.CodecContext.create("jpeg2000", "r")
    decoded = [*context.decode(av.Packet(last_frame(instance))), *context.decode(None)]
    pixels: Frame = decoded[0].to_ndarray()
    return pixels >> 4 if pixels.itemsize == 2 else pixels  # 12 bit are shown in the upper ones of 16


# JPEG 2000 comes from OpenJPEG and HTJ2K from OpenJPH: ffmpeg has a decoder of its own for both
DECODERS: dict[str, Callable[[Instance], Frame]] = {
    codecs.JPEG_BASELINE.name: by_dcmtk("dcmdjpeg"),
    codecs.JPEG_LOSSLESS.name: by_dcmtk("dcmdjpeg"),
    codecs.JPEG_LS.name: by_dcmtk("dcmdjpls"),
    codecs.JPEG_LS_LOSSY.name: by_dcmtk("dcmdjpls"),
    codecs.JPEG_2000.name: by_ffmpeg,
    codecs.JPEG_2000_LOSSY.name: by_ffmpeg,
    codecs.HTJ2K.name: by_ffmpeg,
    codecs.RLE.name: by_dcmtk("dcmdrle"),
}


@pytest.mark.parametrize("colour", [False, True], ids=[GREY, COLOUR])
@pytest.mark.parametrize("codec", LOSSLESS, ids=lambda codec: codec.name)
def test_a_lossless_frame_decodes_to_what_it_was_whatever_nonce_is_in_it(codec: Codec, colour: bool) -> None:
    made, original = instances(codec, colour)

    assert made[0].pixel_sha256 != made[1].pixel_sha256
    for instance in made:
        decoded = DECODERS[codec.name](instance)
        assert decoded.shape == original.shape
        if codec is codecs.RLE:  # whose nonce is noise in the last 31 samples, or those of the last colour
            differ = np.argwhere(decoded != original)
            assert set(differ[:, 0]) == {original.shape[0] - 1}
            assert differ[:, 1].min() >= original.shape[1] - 31
            assert np.abs(decoded.astype(int) - original).max() < 8
        else:
            np.testing.assert_array_equal(decoded, original)


@pytest.mark.parametrize("codec", [codecs.JPEG_LS, codecs.RLE, codecs.JPEG_2000, codecs.JPEG_BASELINE])
def test_pydicom_decodes_it_too(codec: Codec) -> None:
    made, original = instances(codec, colour=True)

    decoded = by_pydicom(made[0])

    assert np.abs(decoded.astype(int) - original).max() < (40 if codec.lossy_method else 8)


@pytest.mark.parametrize("codec", LOSSY, ids=lambda codec: codec.name)
def test_a_lossy_frame_decodes_to_something_near_and_says_so(codec: Codec) -> None:
    made, original = instances(codec, colour=False)

    decoded = DECODERS[codec.name](made[0])

    assert 0 < np.abs(decoded.astype(int) - original).max() < 40
    data_set = dcmread(io.BytesIO(b"".join(as_file(made[0]))))
    assert data_set.LossyImageCompression == "01"
    assert data_set.LossyImageCompressionRatio > 1
    assert data_set.LossyImageCompressionMethod == codec.lossy_method
    assert data_set.ImageType[0] == "DERIVED"


def test_baseline_jpeg_is_near_in_colour() -> None:
    made, original = instances(codecs.JPEG_BASELINE, colour=True)

    decoded = DECODERS["jpeg"](made[0])

    assert 0 < np.abs(decoded.astype(int) - original).mean() < 10


@pytest.mark.parametrize("codec", [*LOSSLESS, *LOSSY, codecs.JPEG_BASELINE], ids=lambda codec: codec.name)
def test_every_fragment_has_an_even_length(codec: Codec) -> None:
    for colour in (False, True):
        if colour or codec is not codecs.JPEG_BASELINE:
            made, _ = instances(codec, colour, 1)
            assert made[0].size % 2 == 0
            data = b"".join(made[0].buffers)
            assert data[-8:] == b"\xfe\xff\xdd\xe0\0\0\0\0"


@given(
    arrays(
        np.uint16, st.tuples(st.integers(1, 5), st.integers(33, 300)), elements=st.sampled_from([0, 1, 7, 255, 4095])
    ),
    st.binary(min_size=32, max_size=32),
)
def test_runs_decode_whatever_the_frame_and_differ_in_the_lowest_bits_only(frame: Frame, nonce: bytes) -> None:
    stream = codecs.run_lengths(frame, 12)
    marker: Marker = codecs.RLE.marker(stream, 3)

    marked = b"".join(marker(nonce))

    assert len(stream) % 2 == 0
    assert len(marked) == len(stream)
    decoded = np.frombuffer(imagecodecs.dicomrle_decode(marked, "<u2"), "<u2").reshape(frame.shape)
    assert (decoded | 7 == frame | 7).all()
    assert (decoded[:-1] == frame[:-1]).all()
    assert (decoded[-1, :-31] == frame[-1, :-31]).all()
    assert bytes((decoded ^ frame)[-1, -31:].astype(np.uint8)) == bytes(byte & 7 for byte in nonce[:31])


def test_a_comment_in_jpeg_2000_stands_before_the_first_tile_part() -> None:
    made, _ = instances(codecs.HTJ2K, colour=False, count=1)
    stream = last_frame(made[0])

    assert stream[:4] == b"\xff\x4f\xff\x51"  # start of code stream, size
    assert stream.index(b"\xff\x64") < stream.index(b"\xff\x90")
