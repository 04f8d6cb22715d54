"""Reports as JSON and HTML."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from loadtests.campaigns import plan as plans
from loadtests.environment import Environment
from loadtests.reports import html, terminal
from loadtests.reports.report import Report
from loadtests.transactions import Outcome, Transaction
from loadtests.verify import Verification

ENVIRONMENT = Environment.model_validate(
    {
        "dicom": {"host": "10.0.0.1", "port": 30112, "aeTitle": "VNAOPS"},
        "dicomWeb": {"url": "https://10.0.0.1:30443/dicom-web", "username": "viewer", "password": "s3cret-value"},
        "namespace": "vnaops-dev",
        "release": {"commit": "abc<b>", "images": {"archive": "registry/archive@sha256:12"}, "replicas": [1, 2]},
    }
)
OPERATIONS = ("C-STORE", "STOW-RS", "C-FIND", "C-GET", "QIDO-RS", "WADO-RS")


def done(name: str, end: float, seconds: float, instances: int, outcome: Outcome) -> Transaction:
    error = "" if outcome is Outcome.OK else "timed out"
    return Transaction("", name, end - seconds, end - seconds, end, instances, 1000, outcome, error)


def transactions(outcome: Outcome = Outcome.OK) -> tuple[Transaction, ...]:
    good = [
        done(name, 1 + n / 10, 0.01 + n / 1000, 0 if name in ("C-FIND", "QIDO-RS") else 1, Outcome.OK)
        for n in range(40)
        for name in OPERATIONS
    ]
    return (*good, done("C-STORE", 6.0, 0.5, 1, outcome))


def report(**changes: Any) -> Report:
    values: dict[str, Any] = {
        "plan": plans.load("first"),
        "environment": ENVIRONMENT,
        "run": "a-run",
        "started": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "transactions": transactions(),
        "integrity": Verification(acknowledged=81, identical=81),
    }
    return Report(**{**values, **changes})


def test_the_json_has_what_the_issue_asks_per_operation() -> None:
    found = json.loads(json.dumps(report().as_dict()))

    assert found["verdict"] == "passed"
    assert list(found["operations"]) == ["C-STORE", "STOW-RS", "C-FIND", "QIDO-RS", "C-GET", "WADO-RS"]
    store = found["operations"]["C-STORE"]
    assert (store["count"], store["failures"], store["unknown"]) == (41, 0, 0)
    assert store["instances_per_second"] == pytest.approx(41 / store["active_seconds"], rel=1e-3)
    assert store["bytes_per_second"] == pytest.approx(41_000 / store["active_seconds"], rel=1e-3)
    assert store["latency_seconds"]["p50"] == pytest.approx(0.03, abs=0.001)
    assert {"p50", "p95", "p99", "max"} <= store["latency_seconds"].keys()
    assert found["release"] == ENVIRONMENT.release


@pytest.mark.parametrize(
    ("changes", "verdict", "broken"),
    [
        ({}, "passed", []),
        ({"interrupted": True}, "interrupted", []),
        ({"users_died": 1}, "failed", ["users that died of an error of their own"]),
        ({"transactions": transactions(Outcome.FAILED)}, "failed", ["C-STORE failures"]),
        ({"transactions": transactions(Outcome.UNKNOWN)}, "failed", ["C-STORE unknown"]),
        (
            {"integrity": Verification(acknowledged=81, identical=80, missing=1)},
            "failed",
            ["acknowledged instances found unchanged"],
        ),
        (
            {"integrity": Verification(acknowledged=81, identical=81, unknown=1, unknown_different=1)},
            "failed",
            ["acknowledged instances found unchanged"],
        ),
        (
            {"integrity": Verification(acknowledged=81, identical=80, unverified=1)},
            "failed",
            ["acknowledged instances found unchanged"],
        ),
    ],
)
def test_the_verdict_follows_from_thresholds_and_integrity(
    changes: dict[str, Any], verdict: str, broken: list[str]
) -> None:
    made = report(**changes)

    assert made.verdict == made.as_dict()["verdict"] == verdict
    assert [check.name for check in made.checks if not check.passed] == broken


def test_a_threshold_of_an_operation_that_was_not_done_is_not_met() -> None:
    made = report(transactions=tuple(one for one in transactions() if one.operation != "WADO-RS"))

    assert [check.name for check in made.checks if not check.passed] == ["WADO-RS failures"]


def test_the_page_needs_no_network_and_has_every_operation_and_the_release() -> None:
    page = html.render(report())
    outside_of_scripts = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)

    assert not re.search(r"""(?:src|href)\s*=|@import|url\(""", outside_of_scripts)
    assert "<script src" not in page
    for word in (*OPERATIONS, "passed", "registry/archive@sha256:12", "81 of 81 identical", "abc&lt;b&gt;"):
        assert word in outside_of_scripts
    assert page.count("Plotly.newPlot(") >= 1 + 2 * len(OPERATIONS)


def test_a_failed_campaigns_page_says_what_went_wrong() -> None:
    lost = Verification(acknowledged=81, identical=80, missing=1, details={"missing": ["2.25.1"]})
    page = html.render(report(transactions=transactions(Outcome.UNKNOWN), integrity=lost))

    for words in ("timed out", "2.25.1", "not met", '<div class="badge failed">failed</div>'):
        assert words in page


def test_a_campaign_in_which_nothing_was_done_still_has_a_page() -> None:
    assert "interrupted" in html.render(report(transactions=(), integrity=Verification(), interrupted=True))


def test_no_secret_is_in_any_form_of_the_report(capsys: pytest.CaptureFixture[str]) -> None:
    made = report()
    terminal.show(made)

    for text in (json.dumps(made.as_dict()), html.render(made), capsys.readouterr().out):
        assert "s3cret" not in text


def test_the_terminal_shows_a_row_per_operation_and_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show(
        report(integrity=Verification(acknowledged=81, identical=80, missing=1, details={"missing": ["2.25.1"]}))
    )
    shown = capsys.readouterr().out

    assert all(name in shown for name in OPERATIONS)
    assert "81 acknowledged: 80 found, 80 identical, 1 missing" in shown
    assert "missing: 2.25.1" in shown
    assert "not met  acknowledged instances found unchanged" in shown
    assert "failed" in shown
