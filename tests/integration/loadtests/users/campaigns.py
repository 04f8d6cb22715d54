"""Small campaigns of single behaviours, run by the command as anybody runs them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.loadtests.conftest import finish, start

HEAD = """\
name: trial
title: One behaviour
shape: {kind: steady, seconds: 60}
"""


@dataclass(frozen=True)
class Outcome:
    """How a campaign ended."""

    code: int
    said: str
    report: dict[str, Any]

    def operation(self, name: str) -> dict[str, Any]:
        """The report's figures of an operation."""
        found: dict[str, Any] = self.report["operations"][name]
        return found

    def failures(self) -> dict[str, dict[str, int]]:
        """Operation -> class -> count, of those that have any."""
        return {name: one["errors"] for name, one in self.report["operations"].items() if one["errors"]}


def campaign(folder: Path, outputs: Path, streams: str, *arguments: str, extra: str = "") -> Outcome:
    """Run these streams (YAML list) to their end.

    Args:
        extra: further fields of the campaign's file.
    """
    file = folder / "trial.yaml"
    file.write_text(f"{HEAD}{extra}\nstreams:\n{streams}")
    code, said = finish(
        start(
            "--outputs", outputs, "--report-dir", folder / "reports", "--campaign", file, "--no-calibration", *arguments
        )
    )
    reports = sorted((folder / "reports").glob("*/report.json"))
    if not reports:
        pytest.fail(said)
    return Outcome(code, said, json.loads(reports[-1].read_text()))
