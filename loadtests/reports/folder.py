"""The folder of a campaign: all that its report is made from, so that it can be made again without the environment.

| file | what | who writes it |
|---|---|---|
| `plan.yaml` | the campaign's file as it was run | session |
| `session.json` | `run`, `started` (ISO 8601), `interrupted`, `failures` (words), `processor_seconds`, … | session |
| `environment.json` | `dicom`, `dicomweb`, `namespace`, `release`, `prometheus` (URL): no secret | session |
| `integrity.json` | `Verification.as_dict()`; without it nothing was verified | session |
| `calibration.json` | `Calibration.as_dict()`: what the generator could have sent | session |
| `s3-baseline.json` | `Baseline.as_dict()`: the same sizes put and got directly, where that was asked for | session |
| `prometheus.json` | the environment's own series of the same minutes | report |
| `transactions-WORKER.csv.zst` | raw data | each worker |
| `ledger-WORKER.jsonl` | what was sent and acknowledged | each worker |
| `report.json`, `.html`, `.pdf`, `.xml`, `operations.csv`, `intervals.csv` | the report | report |
"""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from loadtests import raw
from loadtests.analysis.columns import Columns

PLAN, SESSION, ENVIRONMENT = "plan.yaml", "session.json", "environment.json"
INTEGRITY, CALIBRATION, S3_BASELINE, PROMETHEUS = (
    "integrity.json",
    "calibration.json",
    "s3-baseline.json",
    "prometheus.json",
)
TRANSACTIONS, LEDGERS = "transactions-*.csv.zst", "ledger-*.jsonl"


class FolderError(ValueError):
    """A campaign's folder can't be read; the message names the file and the reason."""


@dataclass(frozen=True)
class Folder:
    """One campaign's. Reads what is asked for; only raw data and plan must be there."""

    path: Path

    @cached_property
    def rows(self) -> Columns:
        """All transactions of all workers.

        Raises:
            FolderError: there are none, or they can't be read.
        """
        files = sorted(self.path.glob(TRANSACTIONS))
        if not files:
            raise FolderError(f"{self.path} has no {TRANSACTIONS}: it is no campaign's folder")
        try:
            return raw.read(files)
        except raw.RawError as error:
            raise FolderError(str(error)) from None

    @cached_property
    def plan(self) -> dict[str, Any]:
        """The campaign's file, not checked again: an older release may have run it."""
        try:
            found = yaml.safe_load((self.path / PLAN).read_text())
        except OSError as error:
            raise FolderError(f"{self.path / PLAN}: {error.strerror}") from None
        except (yaml.YAMLError, UnicodeDecodeError):
            raise FolderError(f"{self.path / PLAN}: no YAML") from None
        if not isinstance(found, dict):
            raise FolderError(f"{self.path / PLAN}: no campaign")
        return found

    @cached_property
    def session(self) -> dict[str, Any]:
        """Empty where the session died."""
        return self.json(SESSION) or {}

    @property
    def started(self) -> datetime | None:
        """When second 0 was."""
        words = self.session.get("started") or next(
            (raw.header(file).get("started") for file in sorted(self.path.glob(TRANSACTIONS))), None
        )
        return datetime.fromisoformat(words) if words else None

    def json(self, name: str) -> dict[str, Any] | None:
        """A file's content; None where it isn't there.

        Raises:
            FolderError: it is no JSON object.
        """
        try:
            found = json.loads((self.path / name).read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FolderError(f"{self.path / name}: {error.strerror}") from None
        except ValueError as error:
            raise FolderError(f"{self.path / name}: no JSON: {error}") from None
        if not isinstance(found, dict):
            raise FolderError(f"{self.path / name}: no object")
        return found
