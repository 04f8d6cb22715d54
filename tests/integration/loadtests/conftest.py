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
shape: {kind: steady, seconds: 60}
streams:
  - {name: ct, behaviour: modality, users: 1, sessions: 1, profiles: {ct: 1}, instances: 6}
  - {name: mr, behaviour: modality, users: 1, sessions: 1, profiles: {mr: 1}, instances: 4}
  - name: web
    behaviour: modality
    protocol: dicomweb
    users: 1
    sessions: 2
    profiles: {ct: 1, us: 1}
    instances: 3
    options: {instances_per_request: 3}
  - {name: readers, behaviour: retrieve, users: 1}
  - {name: web-readers, behaviour: retrieve, protocol: dicomweb, users: 1}
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
        "targets": [f"127.0.0.1:{dicom_port or archive.dicom_port}", (web or {}).get("url", archive.url)],
        "namespace": "vnaops-test",
        "release": {"commit": "0123abc"},
    }
    file.write_text(json.dumps(content))
    return file


def start(*arguments: str | Path) -> "subprocess.Popen[str]":
    """The command in a process of its own; a campaign without what takes seconds and isn't looked at."""
    quick = ["--no-calibration", "--no-pdf"] if "--campaign" in arguments else []
    return subprocess.Popen(
        [sys.executable, "-m", "loadtests.main", *map(str, arguments), *quick],
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
