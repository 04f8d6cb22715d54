"""The files of the generator's benchmark: one CT image, grown or shrunk, under as many UIDs as wanted."""

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from pydicom import dcmread

from loadtests.profiles.catalogue import profile
from loadtests.profiles.instance import as_file
from loadtests.profiles.study import Study
from loadtests.profiles.uids import derive

SIZES = {"small": 64, "ct": 512}
"""Name -> rows and columns of 16-bit pixels: 10 KB and 525 KB with their heads."""


def write(folder: Path, side: int, count: int) -> int:
    """Write so many files into the folder; returns the size of one in bytes."""
    study = Study(profile("ct", 1), "bench-load", 1, 1, datetime.now(UTC))
    instance = next(study.instances())
    data_set = dcmread(BytesIO(b"".join(as_file(instance))))
    data_set.Rows = data_set.Columns = side
    data_set.PixelData = (data_set.PixelData * (side * side * 2 // len(data_set.PixelData) + 1))[: side * side * 2]
    buffer = BytesIO()
    data_set.save_as(buffer)
    content = buffer.getvalue()
    folder.mkdir()
    for number in range(count):
        uid = derive("bench-load", side, number)  # as long as the one whose place it takes
        whole = content.replace(instance.sop_instance_uid.encode(), uid.encode())
        (folder / f"{number:06d}.dcm").write_bytes(whole)
    return len(content)
