"""Quantiles, throughput, segments and drift over time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.analysis import bootstrap
from loadtests.analysis.drift import drift
from loadtests.analysis.over_time import edges_for, order_statistics, over_time, spread
from loadtests.analysis.segments import segments
from loadtests.analysis.summary import summarise
from tests.unit.loadtests.analysis.synthetic import columns, correlated


@given(st.lists(st.tuples(st.floats(0, 90), st.floats(0, 10), st.floats(0, 100)), max_size=30), st.integers(1, 40))
def test_throughput_spread_over_time_loses_nothing(given_rows: list[tuple[float, float, float]], bins: int) -> None:
    begin, length, weight = np.array(given_rows or np.empty((0, 3))).T
    rows = columns(begin, begin, begin + length)
    ordered = weight[np.argsort(begin + length, kind="stable")]

    found = spread(rows, ordered, np.linspace(0, 101, bins + 1))

    assert found.sum() == pytest.approx(weight.sum(), rel=1e-6, abs=1e-6)
    assert (found >= -1e-4).all()


def test_a_transfer_counts_while_it_lasts_and_not_at_its_end() -> None:
    rows = columns(np.array([0.0]), np.array([0.0]), np.array([4.0]), size=4_000_000)

    found = over_time(rows, np.arange(0, 7, 1.0))

    assert found.size.tolist() == pytest.approx([1e6, 1e6, 1e6, 1e6, 0, 0])


def test_latency_over_time_counts_from_the_intended_begin_and_failures_are_apart() -> None:
    end = np.array([1.5, 1.6, 2.5])
    rows = columns(end - 1, end - 0.1, end, outcome=["ok", "failed", "ok"])

    found = over_time(rows, np.array([0.0, 1, 2, 3]))

    assert found.quantiles["p50"][1:].tolist() == pytest.approx([1.0, 1.0])
    assert np.isnan(found.quantiles["p50"][0])
    assert found.bad.tolist() == [0, 1, 0]


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_the_band_of_a_quantile_holds_it_as_often_as_it_says(share: float) -> None:
    random, inside = np.random.default_rng(1), 0
    low, high = order_statistics(300, share)
    for _ in range(400):
        drawn = np.sort(random.exponential(1, 300))
        inside += drawn[low] <= -np.log(1 - share) <= drawn[high]

    assert 0.93 <= inside / 400 <= 1


def test_the_bootstrap_knows_that_latencies_of_a_run_depend_on_each_other() -> None:
    inside = 0
    for seed in range(60):
        rows = correlated(2000, seed)
        band = bootstrap.interval(rows.latency, rows.end, np.array([0.5]), np.random.default_rng(seed))
        assert band is not None
        inside += band[0][0] <= 0.02 <= band[0][1]

    assert inside >= 51  # 95 % of 60 are 57; an interval over single transactions would hold it in about 20


@pytest.mark.parametrize(("memory", "length"), [(0.0, 1.0), (0.8, 9.0), (0.9, 19.0)])
def test_how_long_requests_know_of_each_other_is_found(memory: float, length: float) -> None:
    random, logs = np.random.default_rng(6), np.zeros(20_000)
    for at in range(1, len(logs)):
        logs[at] = memory * logs[at - 1] + random.normal()

    assert bootstrap.correlation_length(np.exp(logs)) == pytest.approx(length, rel=0.25)


def test_what_is_all_alike_has_no_correlation() -> None:
    assert bootstrap.correlation_length(np.full(100, 0.044)) == 1


@pytest.mark.parametrize("seconds", [0.0, 0.4, 3, 59, 61, 3600, 86_400])
@pytest.mark.parametrize("count", [0, 700, 10**6])
def test_intervals_are_neither_too_many_nor_too_few_and_cover_all(seconds: float, count: int) -> None:
    edges = edges_for(seconds, count)

    assert 12 <= len(edges) - 1 <= 121
    assert edges[0] == 0
    assert edges[-1] >= seconds


def test_segments_are_the_fastest_the_median_and_the_slowest_slice() -> None:
    end = np.concatenate([np.arange(0.1, 10, 0.1), np.arange(10, 20, 0.05), np.arange(20, 30.01, 0.2)])
    found = segments(columns(end - 0.01, end - 0.01, end))

    assert found is not None
    assert found.count == 15
    assert found.fastest.instances_per_second == pytest.approx(20, rel=0.05)
    assert found.median.instances_per_second == pytest.approx(10, rel=0.05)
    assert found.slowest.instances_per_second == pytest.approx(5, rel=0.05)
    assert found.fastest.bytes_per_second == pytest.approx(20 * 525_000, rel=0.05)


def test_a_run_of_a_moment_has_no_segments() -> None:
    assert segments(columns(np.array([0.0]), np.array([0.0]), np.array([1.0]))) is None


def test_a_drift_is_found_with_its_size_and_none_where_there_is_none() -> None:
    moments, random = np.arange(120) * 30.0, np.random.default_rng(2)
    noise = random.normal(0, 2, 120)

    falls, stays = (drift(moments, values + noise, 0, 3600) for values in (100 - moments / 3600 * 5, 100 + 0 * moments))

    assert falls is not None
    assert falls.certain
    assert falls.ratio == pytest.approx(-0.05, abs=0.015)
    assert stays is not None
    assert not stays.certain


def test_the_summary_has_latency_and_service_apart() -> None:
    end = np.arange(1.0, 101)
    rows = columns(end - 3, end - 0.5, end, outcome=["ok"] * 98 + ["failed", "unknown"], error=[""] * 98 + ["a", "b"])

    found = summarise(rows)

    assert (found.count, found.failures, found.unknown, found.instances) == (100, 1, 1, 98)
    assert found.latency["p50"] == pytest.approx(3)
    assert found.service["p99"] == pytest.approx(0.5)
    assert found.active_seconds == pytest.approx(99.5)
    assert found.errors == {"a": 1, "b": 1}
    assert summarise(rows[:0]).latency == {}
