"""A plain archive with DICOMweb, and small campaigns against it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.orthanc import Orthanc, orthanc

DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")  # Debian's orthanc-dicomweb

SMALL = """\
name: small
title: A small campaign
limit_seconds: 60
studies:
  - {profile: ct, count: 2, instances: 6}
  - {profile: mr, count: 1, instances: 4}
  - {profile: us, count: 1, instances: 2}
users: {c_store: 2, stow_rs: 1, c_get: 1, wado_rs: 1}
stow_instances_per_request: 3
thresholds:
  C-STORE: {failures: 0, unknown: 0}
  WADO-RS: {failures: 0}
"""

Campaign = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def archive() -> Iterator[Orthanc]:
    with orthanc({"OverwriteInstances": False}, plugins=[DICOMWEB]) as running:
        yield running


def outputs(
    folder: Path, archive: Orthanc, *, dicom_port: int | None = None, web: dict[str, Any] | None = None
) -> Path:
    """An outputs file of the stack's form."""
    file = folder / "outputs.json"
    content = {
        "dicom": {"host": "127.0.0.1", "port": dicom_port or archive.dicom_port, "aeTitle": archive.ae_title},
        "dicomWeb": {"url": f"{archive.url}/dicom-web", **(web or {})},
        "namespace": "vnaops-test",
        "release": {"commit": "0123abc"},
    }
    file.write_text(json.dumps(content))
    return file


def start(*arguments: str | Path) -> "subprocess.Popen[str]":
    """The command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "loadtests.main", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: "subprocess.Popen[str]", timeout: float = 120) -> tuple[int, str]:
    """Exit code and all that it has said."""
    try:
        said, _ = process.communicate(timeout=timeout)
    finally:
        process.kill()
    return process.returncode, said


def campaign_file(folder: Path, text: str = SMALL) -> Path:
    """A plan of one's own."""
    file = folder / "small.yaml"
    file.write_text(text)
    return file


def only(folder: Path, pattern: str) -> Path:
    """The one file of this name below the folder."""
    (found,) = folder.glob(pattern)
    return found
