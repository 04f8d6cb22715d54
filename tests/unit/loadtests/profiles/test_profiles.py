"""What the profiles make, read back by pydicom."""

import hashlib
from datetime import UTC, datetime
from io import BytesIO

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames

from exporters.dimse.uids import is_valid
from loadtests.campaigns.work import PROFILES
from loadtests.dataset import fingerprint, split_file
from loadtests.profiles.instance import Instance, as_file
from loadtests.profiles.study import Profile, Study
from loadtests.profiles.templates import template

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TEMPLATES = {"ct": "CT_small.dcm", "mr": "MR_small.dcm", "us": "examples_ybr_color.dcm"}


@pytest.fixture(scope="module", params=sorted(PROFILES))
def profile(request: pytest.FixtureRequest) -> Profile:
    made: Profile = PROFILES[request.param](seed=7)
    return made


def study(profile: Profile, run: str = "a run", number: int = 3, instances: int = 20) -> Study:
    return Study(profile, run, number, instances, MOMENT)


def read(instance: Instance) -> Dataset:
    return dcmread(BytesIO(b"".join(as_file(instance))))


def test_what_is_announced_is_what_the_file_holds(profile: Profile) -> None:
    for instance in study(profile).instances():
        file = b"".join(as_file(instance))
        syntax, data = split_file(file)
        found = fingerprint(data)

        assert found.sop_instance_uid == instance.sop_instance_uid
        assert found.pixel_sha256 == instance.pixel_sha256
        assert len(data) == instance.size == sum(map(len, instance.buffers))
        assert syntax == instance.transfer_syntax
        data_set = dcmread(BytesIO(file))
        assert data_set.SOPClassUID == instance.sop_class_uid == data_set.file_meta.MediaStorageSOPClassUID
        assert data_set.file_meta.MediaStorageSOPInstanceUID == instance.sop_instance_uid
        assert data_set.StudyInstanceUID == instance.study_uid
        assert data_set.SeriesInstanceUID == instance.series_uid


def test_every_instance_has_a_uid_and_pixels_of_its_own(profile: Profile) -> None:
    instances = [*study(profile).instances(), *study(profile, number=4).instances()]

    assert len({one.sop_instance_uid for one in instances}) == len({one.pixel_sha256 for one in instances}) == 40
    assert all(is_valid(uid) for one in instances for uid in (one.sop_instance_uid, one.study_uid, one.series_uid))


def test_the_patient_is_marked_as_a_tests_and_nobody_of_the_template_is_left(profile: Profile) -> None:
    made, original = read(next(study(profile).instances())), template(TEMPLATES[profile.name])

    assert made.PatientID.startswith("VNAOPS-TEST-")
    assert str(made.PatientName).startswith("VNAOPS^TEST^")
    values = {str(element.value) for element in made}
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "StudyDate"):
        assert str(original[keyword].value) not in values
    assert not any(element.tag.is_private for element in made)


def test_instances_are_numbered_within_series_that_share_the_study(profile: Profile) -> None:
    made = [read(one) for one in study(profile).instances()]
    series = {one.SeriesInstanceUID: [] for one in made}
    for one in made:
        series[one.SeriesInstanceUID].append(int(one.InstanceNumber))

    assert [numbers == list(range(1, len(numbers) + 1)) for numbers in series.values()] == [True] * len(series)
    assert len({(one.StudyInstanceUID, one.AccessionNumber, one.PatientID) for one in made}) == 1
    assert len(made[0].AccessionNumber) == 16


def test_the_same_seed_and_run_make_the_same_bytes(profile: Profile) -> None:
    again: Profile = type(profile)(seed=7)  # type: ignore[call-arg]  # the protocol leaves constructors open
    both = [[b"".join(one.buffers) for one in study(which).instances()] for which in (profile, again)]

    assert both[0] == both[1]


def test_another_run_makes_other_uids(profile: Profile) -> None:
    uids = [{one.sop_instance_uid for one in study(profile, run=run).instances()} for run in ("a", "b")]

    assert not uids[0] & uids[1]


@pytest.mark.parametrize(("name", "size", "kilobytes"), [("ct", 512, 525), ("mr", 256, 132)])
def test_slices_have_clinical_size_and_plausible_pixels(name: str, size: int, kilobytes: int) -> None:
    first, second, *_ = (read(one) for one in study(PROFILES[name](seed=1)).instances())
    pixels = first.pixel_array.astype(np.float64)

    assert pixels.shape == (size, size)
    assert len(first.PixelData) // 1000 in range(kilobytes - 2, kilobytes + 2)
    assert pixels.std() > 50  # not constant
    # neighbours are alike, as in tissue and unlike in pure noise
    assert np.corrcoef(pixels[:, 1:].ravel(), pixels[:, :-1].ravel())[0, 1] > 0.9
    assert 0 < np.abs(second.pixel_array - first.pixel_array).mean() < pixels.std()
    assert float(second.SliceLocation) > float(first.SliceLocation)


def test_ultrasound_frames_stay_whole_jpegs_with_their_lossy_history() -> None:
    made = [read(one) for one in study(PROFILES["us"](seed=1), instances=2).instances()]
    frames = list(generate_frames(made[0].PixelData, number_of_frames=int(made[0].NumberOfFrames)))

    assert made[0].LossyImageCompression == "01"
    assert len(frames) == made[0].NumberOfFrames
    assert all(frame.startswith(b"\xff\xd8\xff") and b"\xff\xd9" in frame[-3:] for frame in frames)
    assert len({hashlib.sha256(frame).digest() for frame in frames}) > 20


def test_a_value_that_does_not_fit_its_place_is_refused(profile: Profile) -> None:
    head = study(profile)._head(0, 0)

    with pytest.raises(ValueError, match="does not fit into the 4 bytes of element 00200013"):
        head.patch({0x00200013: "10000"})
