"""Reports from a campaign's folder: verdict, numbers, JUnit, CSV, page and terminal."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from loadtests import reports
from loadtests.reports import terminal
from loadtests.reports.folder import Folder, FolderError
from loadtests.reports.report import Report, build
from loadtests.transactions import Outcome, Transaction
from loadtests.verify import Verification
from tests.unit.loadtests.reports.folders import OPERATIONS, WELL, campaign, done, transactions

RANDOM = np.random.default_rng(3)


def written(folder: Path, **changes: Any) -> tuple[Report, Path]:
    path = campaign(folder / "campaign", **changes)
    said: list[str] = []
    return reports.write(path, said.append, with_pdf=False), path


def numbers(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path / "report.json").read_text())
    return found


def test_the_json_has_what_the_issue_asks_per_operation(tmp_path: Path) -> None:
    _, path = written(tmp_path)
    found = numbers(path)

    assert (found["schema"], found["verdict"], found["run"]) == ("vnaops.campaign/2", "passed", "a-run")
    assert list(found["operations"]) == ["C-STORE", "STOW-RS", "C-FIND", "QIDO-RS", "C-GET", "WADO-RS"]
    store = found["operations"]["C-STORE"]
    assert (store["count"], store["failures"], store["unknown"]) == (41, 0, 0)
    assert store["instances_per_second"] == pytest.approx(41 / store["active_seconds"], rel=1e-3)
    assert store["bytes_per_second"] == pytest.approx(41_000 / store["active_seconds"], rel=1e-3)
    assert store["latency_seconds"]["p50"] == pytest.approx(0.03, abs=0.001)
    assert {"p50", "p95", "p99", "p999", "max"} <= store["latency_seconds"].keys()
    assert found["release"]["commit"] == "abc<b>"
    assert found["workers"] == {"0": 241}


@pytest.mark.parametrize(
    ("changes", "verdict", "broken"),
    [
        ({}, "passed", []),
        ({"session": {"interrupted": True}}, "interrupted", []),
        ({"session": {"users_died": 1}}, "failed", ["users that died of an error of their own"]),
        ({"session": {"failures": ["worker 3 vanished"]}}, "failed", ["the campaign as a whole"]),
        ({"rows": transactions(Outcome.FAILED)}, "failed", ["C-STORE failures"]),
        ({"rows": transactions(Outcome.UNKNOWN)}, "failed", ["C-STORE unknown"]),
        ({"integrity": None}, "failed", ["acknowledged instances found unchanged"]),
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
    ],
)
def test_the_verdict_follows_from_thresholds_and_integrity(
    tmp_path: Path, changes: dict[str, Any], verdict: str, broken: list[str]
) -> None:
    report, path = written(tmp_path, **changes)

    assert report.verdict == numbers(path)["verdict"] == verdict
    assert [check.name for check in report.checks if not check.passed] == broken


@pytest.mark.parametrize(
    ("limits", "passed", "measured"),
    [
        ({"WADO-RS": {"failures": 0}}, True, "0"),
        ({"C-MOVE": {"failures": 0}}, False, "nothing was done"),
        ({"C-STORE": {"p50_seconds": 0.02}}, False, "0.03 s"),
        ({"C-STORE": {"p75_seconds": 0.1}}, True, "0.04 s"),
        ({"C-STORE": {"megabytes_per_second": 1}}, False, "0.0"),
        ({"scanners/C-STORE": {"p50_seconds": 0.5}}, True, "0.03 s"),
        ({"others/C-STORE": {"p50_seconds": 0.5}}, False, "nothing measured"),
        ({"C-STORE": {"colour": 3}}, False, "a threshold that this release doesn't know"),
    ],
)
def test_thresholds_are_by_operation_or_by_stream_and_operation(
    tmp_path: Path, limits: dict[str, Any], passed: bool, measured: str
) -> None:
    report, _ = written(tmp_path, plan={"thresholds": limits})

    assert (report.checks[0].passed, report.checks[0].measured) == (passed, measured)


@pytest.mark.parametrize(
    ("limits", "failed"),
    [({}, "1 C-FIND"), ({"C-STORE": {"failures": 0}}, "1 C-FIND"), ({"C-FIND": {"p99_seconds": 5}}, "1 C-FIND")],
)
def test_a_failure_that_no_threshold_limits_fails_the_campaign(
    tmp_path: Path, limits: dict[str, Any], failed: str
) -> None:
    rows = [*transactions(), done("C-FIND", 6.0, 0.5, 0, Outcome.FAILED)]
    report, _ = written(tmp_path, plan={"thresholds": limits}, rows=rows)

    assert [(check.name, check.measured) for check in report.checks if not check.passed] == [
        ("failures of what no threshold limits", failed)
    ]


def test_a_failure_within_its_threshold_is_no_failure_of_the_campaign(tmp_path: Path) -> None:
    rows = [*transactions(), done("C-FIND", 6.0, 0.5, 0, Outcome.FAILED)]
    report, _ = written(tmp_path, plan={"thresholds": {"scanners/C-FIND": {"failures": 1}}}, rows=rows)

    assert report.passed


def test_junit_has_a_case_per_threshold_and_says_why(tmp_path: Path) -> None:
    report, path = written(tmp_path, rows=transactions(Outcome.UNKNOWN))
    suite = ElementTree.parse(path / "report.xml").getroot()  # noqa: S314  (our own file)

    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == (str(len(report.checks)), "1", "0")
    failures = [one.get("message") for one in suite.iter("failure")]
    assert failures == ["C-STORE unknown: 1, limit ≤ 0"]


def test_an_interrupted_campaign_is_an_error_for_a_build_server(tmp_path: Path) -> None:
    _, path = written(tmp_path, session={"interrupted": True})

    assert ElementTree.parse(path / "report.xml").getroot().get("errors") == "1"  # noqa: S314  (our own file)


def test_csv_has_a_line_per_operation_and_per_interval(tmp_path: Path) -> None:
    report, path = written(tmp_path)
    operations, intervals = (
        list(csv.DictReader(io.StringIO((path / name).read_text()))) for name in ("operations.csv", "intervals.csv")
    )

    assert [row["operation"] for row in operations] == list(report.operations)
    assert operations[0]["requests"] == "41"
    assert float(operations[0]["latency_p50_seconds"]) == pytest.approx(0.03, abs=0.001)
    store = [row for row in intervals if row["operation"] == "C-STORE"]
    instances = sum(float(row["instances_per_second"]) * (float(row["end"]) - float(row["begin"])) for row in store)
    assert instances == pytest.approx(41, rel=1e-3)


def test_the_page_needs_no_network_and_has_every_operation_and_the_release(tmp_path: Path) -> None:
    _, path = written(tmp_path)
    page = (path / "report.html").read_text()
    outside_of_scripts = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)

    assert not re.search(r"""(?:src|href)\s*=|@import|url\(""", outside_of_scripts)
    assert "<script src" not in page
    for word in (
        *OPERATIONS,
        "passed",
        "registry/archive@sha256:12",
        "81 of 81 identical",
        "abc&lt;b&gt;",
        "signature",
    ):
        assert word in outside_of_scripts
    assert page.count("Plotly.newPlot(") >= 1 + 2 * len(OPERATIONS)


def test_a_failed_campaigns_page_says_what_went_wrong(tmp_path: Path) -> None:
    lost = Verification(acknowledged=81, identical=80, missing=1, details={"missing": ["2.25.1"]})
    _, path = written(tmp_path, rows=transactions(Outcome.UNKNOWN), integrity=lost)
    page = (path / "report.html").read_text()

    for words in ("timed out", "2.25.1", "not met", '<div class="badge failed">failed</div>'):
        assert words in page


def test_a_campaign_in_which_nothing_was_done_still_has_a_report(tmp_path: Path) -> None:
    report, path = written(tmp_path, rows=[], session={"interrupted": True}, integrity=Verification())

    assert "interrupted" in (path / "report.html").read_text()
    assert report.seconds == 0


def test_what_a_peer_has_said_does_not_become_markup(tmp_path: Path) -> None:
    evil = Transaction(
        "scanners", "C-STORE", 0, 0, 1, 0, 0, Outcome.FAILED, "</script><script>alert(1)</script>", "", "0"
    )
    _, path = written(tmp_path, rows=[evil])

    assert "<script>alert(1)" not in (path / "report.html").read_text()


def stalling(size: int) -> list[Transaction]:
    ends = np.cumsum(RANDOM.normal(0.044, 0.0008, 60))
    return [Transaction("s", "C-STORE", end - 0.044, end - 0.044, end, 1, size, Outcome.OK) for end in ends]


def test_findings_are_in_every_form_with_the_cure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, path = written(tmp_path, rows=[*stalling(10_000), *stalling(525_000)])
    terminal.show(report)

    for text in ((path / "report.html").read_text(), (path / "report.xml").read_text(), capsys.readouterr().out):
        assert "delayed acknowledgements" in text
        assert "TCP_NODELAY=1" in text
    assert [one["kind"] for one in numbers(path)["findings"]] == ["nagle-stall"]
    assert "whether they are small or large" in numbers(path)["findings"][0]["text"]


@pytest.mark.parametrize(("possible", "flagged"), [(100, False), (12, True)])
def test_a_result_over_seventy_percent_of_what_the_generator_can_send_is_flagged(
    tmp_path: Path, possible: float, flagged: bool
) -> None:
    rows = [done("C-STORE", 1 + n / 10, 0.01) for n in range(100)]
    calibration = {"instances_per_second": possible, "megabytes_per_second": 1e6, "processor_seconds_per_thousand": 0.2}
    report, path = written(tmp_path, rows=rows, calibration=calibration)

    assert [one.kind for one in report.findings] == (["generator-near-its-limit"] if flagged else [])
    assert f"could send {possible:,.0f} instances/s" in (path / "report.html").read_text()


def test_waiting_for_a_free_user_is_a_finding(tmp_path: Path) -> None:
    rows = [
        Transaction("s", "C-STORE", n * 0.1, n * 0.1 + 1.5, n * 0.1 + 1.51, 1, 1000, Outcome.OK) for n in range(100)
    ]
    report, _ = written(tmp_path, rows=rows)

    assert [one.kind for one in report.findings] == ["requests-waited"]


@pytest.mark.parametrize(("begun", "kinds"), [(1000, []), (995, []), (800, ["never-begun"])])
def test_sessions_that_were_due_and_never_began_are_a_finding(tmp_path: Path, begun: int, kinds: list[str]) -> None:
    streams = {"scanners": {"offered": 1000, "begun": begun, "ended": begun}}
    report, path = written(tmp_path, session={"streams": streams})

    assert [one.kind for one in report.findings] == kinds
    assert ("200 sessions of scanners never began" in (path / "report.html").read_text()) == bool(kinds)


def test_a_soak_that_becomes_slower_is_a_finding_with_its_size(tmp_path: Path) -> None:
    begins = np.arange(0, 400, 0.5)
    seconds = 0.02 * (1 + begins / 400 * 0.5) + RANDOM.normal(0, 0.0005, len(begins))
    rows = [
        Transaction("s", "C-STORE", begin, begin, begin + took, 1, 1000, Outcome.OK)
        for begin, took in zip(begins.tolist(), seconds.tolist(), strict=True)
    ]
    report, path = written(tmp_path, rows=rows, plan={"shape": {"kind": "soak", "seconds": 400}})

    assert [one.kind for one in report.findings] == ["drift"]
    assert numbers(path)["drifts"]["C-STORE"]["p50"]["ratio"] == pytest.approx(0.5, abs=0.05)
    assert "became slower" in (path / "report.html").read_text()


def test_the_archives_share_is_what_remains_beyond_s3(tmp_path: Path) -> None:
    put = {"objects_per_second": 100.0, "bytes_per_second": 1e5, "failures": {}, "seconds": {"p50": 0.006, "p99": 0.01}}
    _, path = written(tmp_path, s3_baseline={"connections": 4, "operations": {"put": put}})

    page = (path / "report.html").read_text()
    assert re.search(r"C-STORE: 30\.\d ms an instance .*an S3 put of the same size takes 6\.0 ms: .* is 80%", page)


def test_the_environments_own_series_are_plotted_and_what_is_missing_is_said(tmp_path: Path) -> None:
    series = {"title": "Archive: time of a store", "unit": "ms", "query": "x"}
    lines = [{"name": "a", "points": [[0, 1.0], [15, None], [30, 7.0]]}]
    found = {
        "url": "http://p:1",
        "series": [{**series, "lines": lines}],
        "absent": ["Balancer: queue"],
        "error": "it broke",
    }
    _, path = written(tmp_path, prometheus=found)

    page = (path / "report.html").read_text()
    assert all(words in page for words in ("Archive: time of a store", "Balancer: queue", "it broke"))
    assert numbers(path)["prometheus"]["highest"] == {"Archive: time of a store: a": 7.0}


def test_no_prometheus_is_said_in_words(tmp_path: Path) -> None:
    said: list[str] = []
    reports.write(campaign(tmp_path / "campaign"), said.append, with_pdf=False)

    assert said == ["no Prometheus in the environment's outputs: its own series of these minutes are not in the report"]


def test_a_prometheus_that_does_not_answer_is_said_in_words_and_is_no_failure(tmp_path: Path) -> None:
    said: list[str] = []
    path = campaign(tmp_path / "campaign", environment={"prometheus": "http://127.0.0.1:1"})

    report = reports.write(path, said.append, with_pdf=False)

    assert report.passed
    assert len(said) == 1
    assert "http://127.0.0.1:1 could not be asked" in said[0]
    assert "Connection refused" in said[0]
    assert "Connection refused" in (path / "report.html").read_text()


def test_the_terminal_shows_a_row_per_operation_and_the_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = Verification(acknowledged=81, identical=80, missing=1, details={"missing": ["2.25.1"]})
    terminal.show(written(tmp_path, integrity=lost)[0])
    shown = capsys.readouterr().out

    assert all(name in shown for name in OPERATIONS)
    assert "81 acknowledged: 80 found, 80 identical, 1 missing" in shown
    assert "missing: 2.25.1" in shown
    assert "not met    acknowledged instances found unchanged" in shown
    assert "not calibrated" in shown
    assert "failed" in shown


def test_steps_have_their_knee_in_the_report(tmp_path: Path) -> None:
    rows, free = [], 0.0
    for step, rate in enumerate((5, 10, 40)):
        for n in range(rate * 10):
            due = step * 10 + n / rate
            started = max(due, free)
            free = started + 0.05
            rows.append(Transaction("scanners", "C-STORE", due, started, free, 1, 1000, Outcome.OK))
    rows = [one for one in rows if one.end < 30]
    plan = {
        "shape": {"kind": "steps", "seconds": 30, "step_seconds": 10},
        "streams": [{"name": "scanners", "behaviour": "store", "per_second": 5}],
    }
    report, path = written(tmp_path, rows=rows, plan=plan)

    assert report.knees["scanners/C-STORE"].rate == pytest.approx(10, rel=0.05)
    assert numbers(path)["knees"]["scanners/C-STORE"]["reached"]
    assert "Knee of scanners/C-STORE" in (path / "report.html").read_text()


def test_reports_can_be_made_again_from_the_folder_alone(tmp_path: Path) -> None:
    _, path = written(tmp_path)
    before = {file.name: file.read_bytes() for file in path.glob("*.json")}
    (path / "report.json").unlink()

    reports.write(path, lambda _: None, with_pdf=False)

    assert {file.name: file.read_bytes() for file in path.glob("*.json")} == before


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda path: next(path.glob("transactions-*")).unlink(), "it is no campaign's folder"),
        (lambda path: next(path.glob("transactions-*")).write_text("x"), "Unknown frame descriptor"),
        (lambda path: (path / "plan.yaml").unlink(), "plan.yaml: No such file"),
        (lambda path: (path / "plan.yaml").write_text("a: ["), "plan.yaml: no YAML"),
        (lambda path: (path / "plan.yaml").write_text("- a"), "plan.yaml: no campaign"),
        (lambda path: (path / "integrity.json").write_text("{"), "integrity.json: no JSON"),
        (lambda path: (path / "calibration.json").write_text("[]"), "calibration.json: no object"),
    ],
)
def test_a_folder_that_can_not_be_read_is_said_with_the_file(tmp_path: Path, break_it: Any, said: str) -> None:
    path = campaign(tmp_path / "campaign", integrity=WELL)
    break_it(path)

    with pytest.raises(FolderError, match=re.escape(said)):
        build(Folder(path))


def test_a_session_that_died_is_reported_as_interrupted(tmp_path: Path) -> None:
    path = campaign(tmp_path / "campaign")
    (path / "session.json").unlink()

    assert build(Folder(path)).verdict == "interrupted"
