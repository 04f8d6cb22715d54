"""A wrong setting stops Orthanc's start with one line: the setting, the rule, the reason; and no secret in it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.archive.plugin import loaded

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"Endpoint": "s3.hospital.example"}, 'Endpoint must be like "https://s3.hospital.example:443", without a path'),
    ({"Endpoint": "http://h/path"}, 'Endpoint must be like "https://s3.hospital.example:443", without a path'),
    ({"Endpoint": 7}, "Endpoint must be a string"),
    (
        {"Bucket": "Capitals"},
        "Bucket must be 3 to 63 lower-case letters, digits, dots and dashes (S3 bucket naming rules)",
    ),
    ({"Region": "eu west"}, 'Region must be letters, digits and dashes, like "us-east-1"'),
    ({"Prefix": "/a"}, "Prefix must be names of letters, digits, dots and dashes, separated by slashes"),
    ({"StorageClass": "A B"}, 'StorageClass must be a storage class of the endpoint, like "STANDARD"'),
    ({"RetentionMode": "FOREVER"}, 'RetentionMode must be "GOVERNANCE", "COMPLIANCE" or empty'),
    (
        {"RetentionMode": ""},
        "RetentionDays cannot be set without RetentionMode: nothing would be kept",
    ),
    (
        {"RetentionDays": 0},
        "RetentionDays must be at least 1 where RetentionMode is set: a mode without days keeps nothing",
    ),
    ({"RetentionDays": 36501}, "RetentionDays must be a whole number from 0 to 36500"),
    ({"RetentionDays": "1"}, "RetentionDays must be a whole number from 0 to 36500"),
    (
        {"ProbePatientId": "PROBE"},
        "ProbePatientId must be 8 to 64 letters, digits, dots and dashes (shorter ones may be a patient's), or empty",
    ),
    (
        {"ProbePatientId": "VNAOPS PROBE "},
        "ProbePatientId must be 8 to 64 letters, digits, dots and dashes (shorter ones may be a patient's), or empty",
    ),
    ({"ProbePatientId": 4711}, "ProbePatientId must be a string"),
    (
        {"ProbePatientId": "VNAOPS-PROBE", "RetentionMode": "", "RetentionDays": 0},
        "ProbePatientId cannot be set without RetentionMode: the bucket's default would hold for probes too",
    ),
    (
        {"ProbeRetentionDays": 1},
        "ProbeRetentionDays cannot be set without ProbePatientId: there would be no such class",
    ),
    (
        {"ProbePatientId": "", "ProbeTag": False},
        "ProbeTag cannot be set without ProbePatientId: there would be no such class",
    ),
    (
        {"ProbePatientId": "VNAOPS-PROBE", "ProbeRetentionDays": 0},
        "ProbeRetentionDays must be a whole number from 1 to 1",
    ),
    (
        {"ProbePatientId": "VNAOPS-PROBE", "ProbeRetentionDays": 31, "RetentionDays": 30},
        "ProbeRetentionDays must be a whole number from 1 to 30",
    ),
    ({"ProbePatientId": "VNAOPS-PROBE", "ProbeTag": "yes"}, "ProbeTag must be true or false"),
    (
        {"ProbeSweepSeconds": 60},
        "ProbeSweepSeconds cannot be set without ProbePatientId: there would be no such class",
    ),
    (
        {"ProbePatientId": "VNAOPS-PROBE", "ProbeSweepSeconds": 0},
        "ProbeSweepSeconds must be a whole number from 1 to 86400",
    ),
    (
        {"CredentialsFile": ""},
        "CredentialsFile must name an AWS shared credentials file: keys never stand in the configuration itself",
    ),
    ({"CaFile": "/ca.pem"}, "CaFile cannot be set where Endpoint is http: nothing would be verified"),
    ({"PartSizeMB": 4}, "PartSizeMB must be a whole number from 5 to 4096"),
    ({"ConnectTimeoutSeconds": 0}, "ConnectTimeoutSeconds must be a whole number from 1 to 60"),
    ({"ReadTimeoutSeconds": 1.5}, "ReadTimeoutSeconds must be a whole number from 1 to 600"),
    ({"Enable": False}, "Enable is false, but other keys are set: nothing would use them"),
    ({"Enable": "no"}, "Enable must be true or false"),
    ({"RetentionDay": 1}, "RetentionDay is not a setting: a misspelt one would be ignored in silence"),
]


def refusal(built: Path, folder: Path, configuration: Any) -> str:
    with pytest.raises(AssertionError) as caught, loaded(built, folder, configuration):
        raise RuntimeError("it was taken")
    return str(caught.value).splitlines()[0]


@pytest.mark.parametrize(("change", "rule"), WRONG, ids=[rule[:50] for _, rule in WRONG])
def test_a_wrong_setting_is_refused(
    change: dict[str, Any], rule: str, built: Path, tmp_path: Path, section: dict[str, Any]
) -> None:
    assert refusal(built, tmp_path, {"S3Storage": section | change}) == f"S3 storage: S3Storage.{rule}"


def test_a_configuration_without_the_section_is_refused(built: Path, tmp_path: Path) -> None:
    words = "S3 storage: S3Storage must be a section of Orthanc's configuration"
    assert refusal(built, tmp_path, {}) == words
    assert refusal(built, tmp_path, {"S3Storage": "yes"}) == words


def test_without_s3_the_folder_must_be_said(built: Path, tmp_path: Path) -> None:
    words = "S3 storage: S3Storage.Enable is false: StorageDirectory must say where instances are, as an absolute path"
    assert refusal(built, tmp_path, {"S3Storage": {"Enable": False}}) == words


@pytest.mark.parametrize(
    "deletion", [True, {}, {"PatientIdPrefix": "TEST-"}, {"PatientIdPrefix": "VNAOPS-TEST-", "X": 1}]
)
def test_test_patients_must_be_told_apart_by_more_than_a_few_characters(
    deletion: Any, built: Path, tmp_path: Path, section: dict[str, Any]
) -> None:
    assert refusal(built, tmp_path, {"S3Storage": section, "TestDeletion": deletion}) == (
        "S3 storage: TestDeletion must be a section with PatientIdPrefix and nothing else: "
        "8 characters or more, since shorter ones may begin a patient's"
    )


def test_a_missing_or_empty_credentials_file_is_refused_without_its_content(
    built: Path, tmp_path: Path, section: dict[str, Any]
) -> None:
    file = tmp_path / "own"
    configuration = {"S3Storage": section | {"CredentialsFile": str(file)}}
    assert refusal(built, tmp_path, configuration) == f"S3 storage: {file} can't be read: No such file or directory"
    file.write_text("[default]\naws_secret_access_key = very-secret\n")
    assert refusal(built, tmp_path, configuration) == (
        f"S3 storage: {file} has no usable aws_access_key_id and aws_secret_access_key under [default]"
    )


def test_a_configuration_that_is_no_json_is_refused_without_quoting_it(built: Path, tmp_path: Path) -> None:
    words = refusal(built, tmp_path, json.loads('"very-secret"'))
    assert words == "S3 storage: Orthanc's configuration must be a JSON object"
