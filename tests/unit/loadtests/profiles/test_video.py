"""Video, as FFmpeg's libraries read it."""

from io import BytesIO

import av
import numpy as np
import pytest
from pydicom.encaps import generate_fragments

from loadtests.dataset import Fingerprinter
from loadtests.profiles import video_stream
from loadtests.profiles.video import StreamPixels
from tests.unit.loadtests.profiles.radiology import profile, read, study


def test_a_clip_is_a_stream_of_the_announced_kind_and_length() -> None:
    seconds = profile("video-clip").seconds  # type: ignore[attr-defined]
    made = [read(instance) for instance in study("video-clip", 8).instances()][seconds.index(min(seconds))]
    _, stream = generate_fragments(made.PixelData)

    with av.open(BytesIO(stream)) as container:
        video = container.streams.video[0]
        assert (container.format.name, video.codec.name, video.profile) == ("mpegts", "h264", "High")
        assert (video.width, video.height, video.average_rate) == (made.Columns, made.Rows, made.CineRate)
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]

    assert len(pictures) == made.NumberOfFrames
    assert np.abs(pictures[0].astype(float) - pictures[12]).mean() > 2  # it moves
    assert len(stream) % 188 == 0
    assert made.file_meta.TransferSyntaxUID.name.startswith("MPEG-4 AVC/H.264 High Profile / Level 4.1")


def test_every_clip_ends_in_a_mark_of_its_own_that_is_no_picture() -> None:
    clips = [read(instance).PixelData for instance in study("video-clip", 9).instances()]
    one, two = (list(generate_fragments(clips[at]))[-1][-188:] for at in (0, 8))

    assert one[:3] == two[:3] == b"\x47\x1f\xff"
    assert one != two


def test_some_videos_have_more_than_two_gigabytes_and_need_no_memory() -> None:
    made = profile("video")
    sizes = [seconds * len(made._piece) for seconds in made.seconds]  # type: ignore[attr-defined]
    assert sum(size > 2 * 1024**3 for size in sizes) == 2

    longest = StreamPixels(made._piece, max(made.seconds))  # type: ignore[attr-defined]
    tail = longest.tail(bytes(32))
    buffers = [encoded(), *longest.body, *tail.sent]
    kept = {id(buffer): len(buffer) for buffer in buffers}
    assert sum(kept.values()) < 3_000_000
    printer = Fingerprinter()
    for buffer in buffers:
        printer.feed(buffer)
    wanted = longest.hashed.copy()
    for part in tail.hashed:
        wanted.update(part)
    assert printer.finish().pixel_sha256 == wanted.hexdigest()


def encoded() -> bytes:
    """The data set before the pixel data."""
    return b"\x08\x00\x18\x00UI\x04\x001.2\0"


def test_the_same_seed_makes_the_same_stream() -> None:
    assert video_stream.piece(3) == video_stream.piece(3) != video_stream.piece(4)


def test_a_stream_longer_than_a_fragment_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than a fragment may be"):
        StreamPixels(memoryview(bytes(1 << 20)), 4096)
