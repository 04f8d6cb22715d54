"""Several runs of a campaign together."""

import json
from pathlib import Path

import numpy as np
import pytest

from loadtests.reports import commands, repeats
from loadtests.reports.folder import FolderError
from tests.unit.loadtests.reports.folders import campaign, done


def runs(tmp_path: Path, seconds: list[float]) -> list[str]:
    made = []
    for number, took in enumerate(seconds):
        rows = [done("C-STORE", 1 + n / 10, took) for n in range(300)]
        made.append(str(campaign(tmp_path / f"run-{number}", rows=rows, plan={"thresholds": {}})))
    return made


def test_figures_of_repeats_have_their_mean_and_students_interval(tmp_path: Path) -> None:
    code = commands.report([*runs(tmp_path, [0.1, 0.12, 0.14]), "--no-pdf", "--repeats", str(tmp_path / "whole")])

    found = json.loads((tmp_path / "whole" / "repeats.json").read_text())
    p50 = found["operations"]["C-STORE"]["p50"]
    assert code == 0
    assert p50["values"] == pytest.approx([0.1, 0.12, 0.14])
    assert p50["mean"] == pytest.approx(0.12)
    assert p50["interval_95"] == pytest.approx([0.12 - 4.303 * 0.02 / 3**0.5, 0.12 + 4.303 * 0.02 / 3**0.5], rel=1e-3)
    page = (tmp_path / "whole" / "repeats.html").read_text()
    assert "3 of 3 passed" in page
    assert page.count("Plotly.newPlot(") == 1


def test_the_band_holds_the_true_mean_as_often_as_it_says() -> None:
    random = np.random.default_rng(8)
    bands = [repeats.band(random.normal(10, 2, 4)) for _ in range(400)]

    assert 0.92 <= np.mean([one.low <= 10 <= one.high for one in bands]) <= 0.98


def test_one_campaign_has_no_repeats(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="--repeats needs two campaigns at least"):
        commands.report([*runs(tmp_path, [0.1]), "--no-pdf", "--repeats", str(tmp_path / "whole")])
