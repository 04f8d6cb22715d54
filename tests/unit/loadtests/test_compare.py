"""Comparing and merging campaigns: what is said, and the exit codes."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadtests.compare import Comparison, compare, sentences, side
from loadtests.ledger import Ledger
from loadtests.reports import commands
from loadtests.reports.folder import Folder, FolderError
from loadtests.transactions import Outcome, Transaction
from loadtests.verify import Verification
from tests.unit.loadtests.analysis.synthetic import correlated
from tests.unit.loadtests.reports.folders import campaign

RUNS = 25


def rows(seed: int, scale: float = 1.0, failed: int = 0, rate: float = 20.0, count: int = 600) -> list[Transaction]:
    columns = correlated(count, seed, scale=scale, rate=rate)
    return [
        Transaction(
            "scanners",
            "C-STORE",
            float(columns.intended[at]),
            float(columns.started[at]),
            float(columns.end[at]),
            1,
            525_000,
            Outcome.FAILED if at < failed else Outcome.OK,
            "status 0xA700" if at < failed else "",
        )
        for at in range(count)
    ]


def run(path: Path, seed: int, **changes: Any) -> Path:
    return campaign(path, rows=rows(seed, **changes))


def compared(tmp_path: Path, a: list[Path], b: list[Path]) -> tuple[int, dict[str, Any]]:
    names = [["--a", *map(str, a)], ["--b", *map(str, b)]]
    code = commands.compare_campaigns([*names[0], *names[1], "--into", str(tmp_path / "compared")])
    found: dict[str, Any] = json.loads((tmp_path / "compared" / "compare.json").read_text())
    return code, found


def test_a_campaign_does_not_differ_from_itself(tmp_path: Path) -> None:
    one = run(tmp_path / "a", 1)

    code, found = compared(tmp_path, [one], [one])

    assert (code, found["verdict"]) == (0, "no difference")
    assert found["sentences"][0].startswith("C-STORE: no difference beyond chance (p50: -")
    assert found["unlike"] == []


def test_two_runs_of_the_same_are_seldom_called_different(tmp_path: Path) -> None:
    alarms = 0
    for seed in range(RUNS):
        sides = [[Folder(run(tmp_path / f"{seed}{name}", 2 * seed + at))] for at, name in enumerate("ab")]
        alarms += compare(*sides).verdict != "no difference"

    assert alarms <= 4  # 5 % of 25 are 1.25; more than 4 would have a chance of 1 % if the level were kept


def test_a_slower_one_is_worse_and_said_so_with_the_size(tmp_path: Path) -> None:
    code, found = compared(tmp_path, [run(tmp_path / "a", 1)], [run(tmp_path / "b", 2, scale=1.5)])

    assert (code, found["verdict"], found["worse"]) == (1, "worse", True)
    p50 = next(one for one in found["differences"] if one["measure"] == "p50")
    assert p50["low"] < 1.5 < p50["high"]
    assert p50["differs"]
    assert "a request of B is slower than one of A in" in found["sentences"][0]
    assert re.search(r"B's p50 is \d+% longer \(\d+% to \d+%\), \S+ ms against \S+ ms", found["sentences"][0])
    assert found["shift_seconds"]["C-STORE"] == pytest.approx(0.01, rel=0.5)


def test_a_faster_one_is_better_and_that_is_no_failure(tmp_path: Path) -> None:
    code, found = compared(tmp_path, [run(tmp_path / "a", 1)], [run(tmp_path / "b", 2, scale=0.5)])

    assert (code, found["verdict"]) == (0, "better")


def test_a_lower_rate_is_worse(tmp_path: Path) -> None:
    code, found = compared(tmp_path, [run(tmp_path / "a", 1)], [run(tmp_path / "b", 2, rate=12)])

    assert (code, found["verdict"]) == (1, "worse")
    assert re.search(r"B does \d+% less \(\d+% to \d+%\)", found["sentences"][0])


def test_more_failures_are_worse(tmp_path: Path) -> None:
    code, found = compared(tmp_path, [run(tmp_path / "a", 1)], [run(tmp_path / "b", 2, failed=40)])

    assert code == 1
    assert "6.67% of B's requests failed or had no answer, 0.00% of A's" in found["sentences"][0]


def test_repeats_are_the_units_where_there_are_three(tmp_path: Path) -> None:
    sides = [[run(tmp_path / name / str(n), 10 * at + n) for n in range(3)] for at, name in enumerate("ab")]

    _, found = compared(tmp_path, *sides)

    assert [one["units"] for one in found["differences"]] == [[3, 3]] * len(found["differences"])
    assert found["verdict"] == "no difference"
    assert [folder.path for folder in side([tmp_path / "a"])] == sides[0]


def test_what_only_one_side_did_is_not_compared_and_said(tmp_path: Path) -> None:
    other = [Transaction("s", "C-ECHO", 0, 0, 1, 0, 0, Outcome.OK)]
    a = [Folder(campaign(tmp_path / "a", rows=[*rows(1), *other]))]
    found = compare(a, [Folder(run(tmp_path / "b", 2))])

    assert "C-ECHO: not compared, only in A." in sentences(found)


def test_what_was_done_a_few_times_is_not_compared(tmp_path: Path) -> None:
    few = [Folder(campaign(tmp_path / "a", rows=rows(1)[:3]))]

    found = compare(few, few)

    assert sentences(found) == ["C-STORE: not compared, too few requests for a statement."]
    assert found.verdict == "no difference"


def test_the_page_has_the_sentences_and_what_else_is_unlike(tmp_path: Path) -> None:
    a = campaign(tmp_path / "a", rows=rows(1))
    b = campaign(tmp_path / "b", rows=rows(2, 1.5), environment={"release": {"commit": "def"}})
    _, found = compared(tmp_path, [a], [b])
    page = (tmp_path / "compared" / "compare.html").read_text()

    assert found["unlike"][0] == {"what": "environment.release.commit", "a": "abc<b>", "b": "def"}
    assert all(words in page for words in ("abc&lt;b&gt;", "B&#39;s p50 is", '<div class="badge failed">worse</div>'))
    assert page.count("Plotly.newPlot(") >= 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name two folders"),
        (["a"], "name two folders"),
        (["a", "b", "--a", "c"], "name two folders"),
        (["nowhere", "nowhere"], "nowhere is no campaign's folder"),
        (["a", "b", "--least", "-1"], "--least -1: a percentage"),
    ],
)
def test_bad_input_to_compare_is_said(arguments: list[str], said: str) -> None:
    with pytest.raises(FolderError, match=re.escape(said)):
        commands.compare_campaigns(arguments)


def merged(tmp_path: Path, *parts: Path) -> tuple[int, Folder]:
    code = commands.merge_campaigns([*map(str, parts), "--into", str(tmp_path / "whole"), "--no-pdf"])
    return code, Folder(tmp_path / "whole")


def with_ledger(path: Path, seed: int, started: str, missing: int = 0) -> Path:
    found = Verification(acknowledged=10, identical=10 - missing, missing=missing)
    campaign(path, rows=rows(seed), session={"started": started}, integrity=found, plan={"thresholds": {}})
    Ledger(path / "ledger-0.jsonl", {}).close()
    return path


@pytest.mark.parametrize(("missing", "code"), [(0, 0), (1, 1)])
def test_merged_are_all_requests_on_one_clock_all_ledgers_and_the_sum_of_the_integrity(
    tmp_path: Path, missing: int, code: int
) -> None:
    a = with_ledger(tmp_path / "a", 1, "2026-01-02T03:04:05+00:00")
    b = with_ledger(tmp_path / "b", 2, "2026-01-02T03:04:10+00:00", missing)

    ended, whole = merged(tmp_path, a, b)
    report = json.loads((tmp_path / "whole" / "report.json").read_text())

    assert ended == code
    assert len(whole.rows) == 1200
    ends = np.sort(np.concatenate([Folder(a).rows.end, Folder(b).rows.end + 5]))
    assert whole.rows.end.tolist() == pytest.approx(ends.tolist())
    assert len(list(whole.path.glob("ledger-*.jsonl"))) == 2
    assert (report["integrity"]["acknowledged"], report["integrity"]["identical"]) == (20, 20 - missing)
    assert report["started"] == "2026-01-02T03:04:05+00:00"


def test_what_did_not_run_at_the_same_time_is_not_merged(tmp_path: Path) -> None:
    a = with_ledger(tmp_path / "a", 1, "2026-01-02T03:04:05+00:00")
    b = with_ledger(tmp_path / "b", 2, "2026-01-02T05:04:05+00:00")

    with pytest.raises(FolderError, match="did not run at the same time"):
        merged(tmp_path, a, b)
    assert not (tmp_path / "whole").exists()


def test_nothing_is_merged_into_a_folder_that_is_there_and_none_is_named_twice(tmp_path: Path) -> None:
    a = with_ledger(tmp_path / "a", 1, "2026-01-02T03:04:05+00:00")
    b = with_ledger(tmp_path / "b", 2, "2026-01-02T03:04:05+00:00")

    with pytest.raises(FolderError, match="named twice"):
        merged(tmp_path, a, a)
    with pytest.raises(FolderError, match="two folders at least"):
        merged(tmp_path, a)
    (tmp_path / "whole").mkdir()
    with pytest.raises(FolderError, match="exists: nothing is merged into"):
        merged(tmp_path, a, b)


def test_reports_are_made_again_by_command_with_the_verdict_as_exit_code(tmp_path: Path) -> None:
    well, ill = campaign(tmp_path / "a"), campaign(tmp_path / "b", integrity=None)

    assert commands.report([str(well), "--no-pdf"]) == 0
    assert commands.report([str(well), str(ill), "--no-pdf"]) == 1
    assert (ill / "report.html").exists()


def test_nothing_found_is_no_difference(tmp_path: Path) -> None:
    assert Comparison([], [], 0.05, [], {}).verdict == "no difference"
