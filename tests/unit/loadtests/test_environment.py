"""The outputs of a stack as campaigns read them."""

import json
from pathlib import Path
from typing import Any

import pytest

from loadtests import environment
from loadtests.environment import OutputsError

GOOD: dict[str, Any] = {
    "dicom": {"host": "10.0.0.1", "port": 30112, "aeTitle": "VNAOPS"},
    "dicomWeb": {
        "url": "https://10.0.0.1:30443/dicom-web/",
        "wadoUri": "https://10.0.0.1:30443/wado",
        "username": "viewer",
        "password": "s3cret-value",
        "caCertificate": "",
    },
    "namespace": "vnaops-dev",
    "release": {"commit": "abc"},
    "somethingNew": 1,
}


def written(tmp_path: Path, outputs: object) -> Path:
    file = tmp_path / "dev.json"
    file.write_text(outputs if isinstance(outputs, str) else json.dumps(outputs))
    return file


def test_the_contracts_outputs_are_read(tmp_path: Path) -> None:
    found = environment.load(written(tmp_path, GOOD))

    assert (found.dicom.host, found.dicom.port, found.dicom.ae_title) == ("10.0.0.1", 30112, "VNAOPS")
    assert found.dicom.calling_ae_title == "VNAOPS_LOAD"  # where the outputs don't say another
    assert (found.dicom_web.origin, found.dicom_web.path) == ("https://10.0.0.1:30443", "/dicom-web")
    assert found.dicom_web.password.get_secret_value() == "s3cret-value"
    assert found.release == {"commit": "abc"}


def without(part: str, key: str) -> dict[str, Any]:
    return {**GOOD, part: {name: value for name, value in GOOD[part].items() if name != key}}


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ("{", "no JSON: Expecting property name"),
        ({}, "dicom: Field required"),
        (without("dicom", "aeTitle"), "dicom.aeTitle: Field required"),
        ({**GOOD, "dicom": {**GOOD["dicom"], "port": 0}}, "dicom.port: Input should be greater than or equal to 1"),
        (
            {**GOOD, "dicomWeb": {**GOOD["dicomWeb"], "url": "ftp://x"}},
            "dicomWeb.url: Value error, not an http or https URL",
        ),
        (
            {**GOOD, "dicomWeb": {**GOOD["dicomWeb"], "password": 5}},
            "dicomWeb.password: Input should be a valid string",
        ),
    ],
)
def test_bad_outputs_are_refused_in_one_line_with_file_key_and_reason(
    tmp_path: Path, outputs: object, said: str
) -> None:
    file = written(tmp_path, outputs)

    with pytest.raises(OutputsError) as refused:
        environment.load(file)

    assert str(refused.value).startswith(f"{file}: {said}")
    assert "\n" not in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_outputs_that_are_not_there_ask_whether_the_environment_is_up(tmp_path: Path) -> None:
    with pytest.raises(OutputsError, match=r"No such file or directory: is the environment up\?"):
        environment.load(tmp_path / "dev.json")


def test_the_password_is_not_shown(tmp_path: Path) -> None:
    assert "s3cret" not in repr(environment.load(written(tmp_path, GOOD)))
