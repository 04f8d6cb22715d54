"""A campaign's folder as a session leaves it, without a campaign."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from loadtests.raw import RawWriter
from loadtests.reports import folder as names
from loadtests.transactions import Outcome, Transaction
from loadtests.verify import Verification

OPERATIONS = ("C-STORE", "STOW-RS", "C-FIND", "C-GET", "QIDO-RS", "WADO-RS")
STARTED = "2026-01-02T03:04:05.000+00:00"
PLAN: dict[str, Any] = {
    "name": "first",
    "title": "First store and retrieve",
    "shape": {"kind": "steady", "seconds": 75},
    "streams": [{"name": "scanners", "behaviour": "modality", "users": 3}],
    "thresholds": {
        "C-STORE": {"failures": 0, "unknown": 0, "p99_seconds": 5, "instances_per_second": 1},
        "WADO-RS": {"failures": 0},
    },
}
SESSION: dict[str, Any] = {
    "run": "a-run",
    "started": STARTED,
    "interrupted": False,
    "users_died": 0,
    "failures": [],
    "generator": {"locust": "2"},
}
ENVIRONMENT: dict[str, Any] = {
    "namespace": "vnaops-dev",
    "dicom": {"host": "10.0.0.1", "port": 30112, "ae_title": "VNAOPS"},
    "dicomweb": "https://10.0.0.1:30443/dicom-web",
    "prometheus": None,
    "release": {"commit": "abc<b>", "images": {"archive": "registry/archive@sha256:12"}, "replicas": [1, 2]},
}
WELL = Verification(acknowledged=81, identical=81)


def done(name: str, end: float, seconds: float, instances: int = 1, outcome: Outcome = Outcome.OK) -> Transaction:
    error = "" if outcome is Outcome.OK else "timed out"
    return Transaction("scanners", name, end - seconds, end - seconds, end, instances, 1000, outcome, error, "", "0")


def transactions(outcome: Outcome = Outcome.OK) -> list[Transaction]:
    good = [
        done(name, 1 + n / 10, 0.01 + n / 1000, 0 if name in ("C-FIND", "QIDO-RS") else 1)
        for n in range(40)
        for name in OPERATIONS
    ]
    return [*good, done("C-STORE", 6.0, 0.5, 1, outcome)]


def campaign(
    path: Path,
    *,
    rows: Iterable[Transaction] | None = None,
    plan: dict[str, Any] | None = None,
    session: dict[str, Any] | None = None,
    environment: dict[str, Any] | None = None,
    integrity: Verification | None = WELL,
    calibration: dict[str, Any] | None = None,
    s3_baseline: dict[str, Any] | None = None,
    prometheus: dict[str, Any] | None = None,
) -> Path:
    """Make it."""
    path.mkdir(parents=True)
    started = {**SESSION, **(session or {})}["started"]
    with RawWriter(path / "transactions-0.csv.zst", {"worker": "0", "started": started}) as writer:
        for one in transactions() if rows is None else rows:
            writer.add(one)
    (path / names.PLAN).write_text(yaml.safe_dump({**PLAN, **(plan or {})}))
    contents = {
        names.SESSION: {**SESSION, **(session or {})},
        names.ENVIRONMENT: {**ENVIRONMENT, **(environment or {})},
        names.INTEGRITY: integrity and integrity.as_dict(),
        names.CALIBRATION: calibration,
        names.S3_BASELINE: s3_baseline,
        names.PROMETHEUS: prometheus,
    }
    for name, content in contents.items():
        if content is not None:
            (path / name).write_text(json.dumps(content))
    return path
