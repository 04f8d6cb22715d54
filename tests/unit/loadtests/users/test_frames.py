"""Frames found in an instance's buffers are those that pydicom finds."""

from datetime import UTC, datetime

import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.filebase import DicomBytesIO

from loadtests.profiles.catalogue import profile
from loadtests.profiles.instance import Instance, as_file
from loadtests.profiles.study import Study
from loadtests.users.frames import Frames


def instance_of(name: str, at: int = 0) -> Instance:
    study = Study(profile(name, 4), "frames", 1, at + 1, datetime(2026, 1, 1, tzinfo=UTC), 4)
    return list(study.instances())[at]


@pytest.mark.parametrize("name", ["ct", "nm", "ct-jpegls", "us"])
def test_frames_are_those_of_the_file(name: str) -> None:
    instance = instance_of(name)
    read = dcmread(DicomBytesIO(b"".join(as_file(instance))))

    frames = Frames(instance)

    count = int(read.get("NumberOfFrames", 1))
    assert len(frames) == count
    if read.file_meta.TransferSyntaxUID.is_encapsulated:
        assert list(frames) == list(generate_frames(read.PixelData, number_of_frames=count))
    else:
        size = len(read.PixelData) // count
        assert list(frames) == [read.PixelData[at * size : (at + 1) * size] for at in range(count)]


def test_an_instance_without_pixel_data_has_none() -> None:
    with pytest.raises(ValueError, match="no pixel data stands behind the head"):
        Frames(instance_of("pdf"))
