"""What class an object is kept as, seen in a real S3 with the rights that the archive has there."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from exporters.dicom_exporter.probe_patient import PROBE_PATIENT_ID
from exporters.dimse.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from tests.integration.archive.conftest import Load
from tests.integration.archive.plugin import CANNOT_WRITE_FILE, SUCCESS, Plugin, new_name
from tests.peers.probe_files import NEAR_MISSES, probe_file
from tests.peers.seaweedfs import SeaweedFS

ORDINARY_DAYS = 30


@pytest.fixture
def plugin(load: Load) -> Iterator[Plugin]:
    """The plug-in with the class."""
    with load(RetentionDays=ORDINARY_DAYS, ProbePatientId=PROBE_PATIENT_ID) as running:
        yield running


def kept(s3: SeaweedFS, bucket: str, name: str, suffix: str = ".dcm") -> tuple[str, int, dict[str, str]]:
    """Mode, days from now and tags of an object."""
    key = f"objects/{name[:2]}/{name}{suffix}"
    head = s3.client().head_object(Bucket=bucket, Key=key)
    rest = head["ObjectLockRetainUntilDate"] - dt.datetime.now(dt.UTC)
    days = round(rest / dt.timedelta(days=1))
    assert abs(rest - dt.timedelta(days=days)) < dt.timedelta(minutes=2)
    tags = s3.client().get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    return head["ObjectLockMode"], days, {tag["Key"]: tag["Value"] for tag in tags}


PROBE = ("GOVERNANCE", 1, {"vnaops-class": "probe"})
ORDINARY = ("GOVERNANCE", ORDINARY_DAYS, dict[str, str]())


@pytest.mark.parametrize("syntax", [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN])
def test_a_probe_is_kept_for_a_day_and_tagged(plugin: Plugin, s3: SeaweedFS, bucket: str, syntax: str) -> None:
    name, data = new_name(), probe_file(syntax)
    assert plugin.put(name, data) == SUCCESS
    assert kept(s3, bucket, name) == PROBE
    assert plugin.get(name) == data
    assert plugin.put(name, data) == SUCCESS, "the same again"


def test_what_is_nearly_a_probe_is_kept_as_long_as_a_patient_s(plugin: Plugin, s3: SeaweedFS, bucket: str) -> None:
    for what, make in NEAR_MISSES.items():
        name = new_name()
        assert plugin.put(name, make()) == SUCCESS
        assert kept(s3, bucket, name) == ORDINARY, what


def test_an_attachment_that_is_no_dicom_file_is_ordinary_whatever_is_in_it(
    plugin: Plugin, s3: SeaweedFS, bucket: str
) -> None:
    name = new_name()
    assert plugin.put(name, probe_file(), content_type=1024) == SUCCESS
    assert kept(s3, bucket, name, ".1024") == ORDINARY


def test_without_the_setting_there_is_no_such_class(load: Load, s3: SeaweedFS, bucket: str) -> None:
    name = new_name()
    with load(RetentionDays=ORDINARY_DAYS) as plugin:
        assert plugin.put(name, probe_file()) == SUCCESS
    assert kept(s3, bucket, name) == ORDINARY


def test_the_days_and_the_mode_are_settings_and_the_tag_can_be_left_out(load: Load, s3: SeaweedFS, bucket: str) -> None:
    changes: dict[str, Any] = {"RetentionDays": ORDINARY_DAYS, "RetentionMode": "COMPLIANCE", "ProbeTag": False}
    name = new_name()
    with load(**changes, ProbePatientId=PROBE_PATIENT_ID, ProbeRetentionDays=3) as plugin:
        assert plugin.put(name, probe_file()) == SUCCESS
    assert kept(s3, bucket, name) == ("COMPLIANCE", 3, {})


def test_objects_are_counted_by_class_when_s3_has_them(plugin: Plugin) -> None:
    def counted() -> tuple[float, float]:
        metrics = plugin.metrics()
        return metrics['objects_total{class="ordinary"}'], metrics['objects_total{class="probe"}']

    assert counted() == (0, 0)
    name = new_name()
    plugin.put(name, probe_file())
    assert plugin.put(name, b"other") == CANNOT_WRITE_FILE
    plugin.put(new_name(), b"other")
    assert counted() == (1, 1)


def test_the_archive_s_own_rights_suffice(load: Load, as_archive: tuple[SeaweedFS, dict[str, Any]]) -> None:
    s3, place = as_archive
    name = new_name()
    with load(RetentionDays=ORDINARY_DAYS, ProbePatientId=PROBE_PATIENT_ID, **place) as plugin:
        assert plugin.put(name, probe_file()) == SUCCESS, plugin.log
    assert kept(s3, "archive", name) == PROBE
