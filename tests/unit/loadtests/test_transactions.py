"""Transactions from Locust's events, and the figures of a running campaign."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests import raw
from loadtests.analysis.histogram import Histogram
from loadtests.raw import RawWriter
from loadtests.transactions import ERROR_CLASSES, Outcome, Recorder, RequestFailed, Running, Transaction


def stored(seconds: float, outcome: Outcome = Outcome.OK) -> Transaction:
    return Transaction("scanners", "C-STORE", 1.0, 1.0, 1.0 + seconds, 1, 1000, outcome)


def test_locusts_events_become_transactions(tmp_path: Path) -> None:
    file = tmp_path / "raw"
    with RawWriter(file, {"worker": "w1"}) as writer:
        recorder = Recorder(writer, "w1")
        recorder.begun = 100.0
        context = {"stream": "scanners", "intended": 101.0, "started": 103.0, "ended": 103.5}
        recorder.on_request(
            "C-STORE", 500, None, {**context, "instances": 1, "size": 5, "status": "0x0000"}, request_type="DIMSE"
        )
        recorder.on_request("C-STORE", 1.0, RequestFailed("timed out", Outcome.UNKNOWN), context)
        recorder.on_request("QIDO-RS", 1.0, ValueError("a text that may be different each time"), context)

    rows = raw.read([file])
    assert rows.latency.tolist() == pytest.approx([2.5, 2.5, 2.5])
    assert rows.service.tolist() == pytest.approx([0.5, 0.5, 0.5])
    assert (rows.instances.tolist(), rows.size.tolist()) == ([1, 0, 0], [5, 0, 0])
    assert rows.outcome.counts() == {"ok": 1, "unknown": 1, "failed": 1}
    assert rows.error.counts() == {"": 1, "timed out": 1, "ValueError": 1}
    assert (rows.status.present(), rows.worker.present()) == (["0x0000", ""], ["w1"])


def test_an_event_without_times_ends_now_and_began_by_its_response_time_ago(tmp_path: Path) -> None:
    file = tmp_path / "raw"
    with RawWriter(file, {}) as writer:
        Recorder(writer).on_request("GET", 250.0, None, None)

    rows = raw.read([file])
    assert rows.latency.tolist() == rows.service.tolist() == pytest.approx([0.25])


def test_the_running_figures_are_by_operation_and_by_stream_and_can_be_taken_over_a_time(tmp_path: Path) -> None:
    with RawWriter(tmp_path / "raw", {}) as writer:
        recorder = Recorder(writer)
        for _ in range(10):
            recorder.add(stored(0.1))
        before = recorder.running["C-STORE"].copy()
        for seconds, outcome in ((2.0, Outcome.OK), (9.0, Outcome.FAILED), (9.0, Outcome.UNKNOWN)):
            recorder.add(stored(seconds, outcome))

    whole, after = recorder.by_stream["scanners"], recorder.running["C-STORE"].since(before)
    assert (whole.count, whole.instances, whole.size, whole.failures, whole.unknown) == (13, 11, 11_000, 1, 1)
    assert (after.count, after.instances, after.failures, after.unknown) == (3, 1, 1, 1)
    assert after.latency.quantile(0.5) == pytest.approx(2.0, rel=0.011)
    assert whole.latency.quantile(0.5) == pytest.approx(0.1, rel=0.011)


def test_error_classes_in_the_running_figures_are_bounded(tmp_path: Path) -> None:
    with RawWriter(tmp_path / "raw", {}) as writer:
        recorder = Recorder(writer)
        for number in range(ERROR_CLASSES + 100):
            recorder.on_request("C-STORE", 1.0, RequestFailed(f"class {number}"))

    assert len(recorder.errors) == ERROR_CLASSES


def test_nothing_done_has_no_quantile() -> None:
    assert math.isnan(Running().latency.quantile(0.5))


@given(st.lists(st.floats(2e-6, 16_000), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_histograms_quantiles_are_within_one_percent(seconds: list[float], q: float) -> None:
    histogram = Histogram()
    for one in seconds:
        histogram.add(one)

    true = sorted(seconds)[max(1, math.ceil(q * len(seconds))) - 1]
    assert histogram.count == len(seconds)
    assert histogram.quantile(q) == pytest.approx(true, rel=0.011)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e9])
def test_absurd_durations_are_counted_at_the_ends(seconds: float) -> None:
    histogram = Histogram()
    histogram.add(seconds)

    assert histogram.count == 1
