"""Whether two sides differ: how often it is said where they don't, and that it is said where they do."""

import numpy as np
import pytest

from loadtests.analysis import difference
from loadtests.analysis.difference import Difference, Sample
from loadtests.analysis.over_time import spread
from loadtests.analysis.segments import active_edges
from tests.unit.loadtests.analysis.synthetic import correlated

RUNS = 50


def sample(seed: int, scale: float = 1.0, count: int = 1200) -> Sample:
    rows = correlated(count, seed, scale=scale)
    return Sample(rows.latency, rows.end)


def looked_at(a: list[Sample], b: list[Sample], seed: int) -> list[Difference]:
    return difference.holm(difference.latencies(a, b, {"p50": 0.5, "p95": 0.95, "p99": 0.99}, seed))


@pytest.mark.parametrize("repeats", [1, 3])
def test_two_sides_of_the_same_distribution_are_seldom_called_different(repeats: int) -> None:
    alarms = 0
    for seed in range(RUNS):
        a, b = ([sample(1000 * seed + 100 * side + one) for one in range(repeats)] for side in (0, 1))
        alarms += any(one.corrected < 0.05 for one in looked_at(a, b, seed))

    assert alarms <= 6  # 5 % of 50 are 2.5; more than 6 would have a chance of 1 % if the level were kept


@pytest.mark.parametrize("repeats", [1, 3])
def test_a_side_that_is_a_third_slower_is_found_to_be_with_the_right_size(repeats: int) -> None:
    found = 0
    for seed in range(20):
        a = [sample(1000 * seed + one) for one in range(repeats)]
        b = [sample(1000 * seed + 500 + one, 1.33) for one in range(repeats)]
        shares, median = looked_at(a, b, seed)[:2]
        found += median.corrected < 0.05 and median.low <= 1.33 * 1.1 and median.high >= 1.33 / 1.1
        assert shares.ratio > 0.6

    assert found >= 17


def test_the_shift_is_in_the_values_own_unit() -> None:
    a, b = Sample(np.linspace(1, 2, 500), np.arange(500.0)), Sample(np.linspace(1.5, 2.5, 900), np.arange(900.0))

    assert difference.shift([a], [b]) == pytest.approx(0.5, abs=0.01)


def test_slower_is_a_half_for_equals_and_one_where_all_of_b_are_slower() -> None:
    low, high = Sample(np.linspace(1, 2, 500), np.arange(500.0)), Sample(np.linspace(3, 4, 500), np.arange(500.0))

    same, all_ = (difference.latencies([low], [other], {}, 1)[0] for other in (low, high))

    assert (same.ratio, all_.ratio) == (pytest.approx(0.5), pytest.approx(1.0))
    assert same.p > 0.5


def test_rates_are_compared_by_slices_of_time() -> None:
    def slices(seed: int, rate: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        rows = correlated(3000, seed, rate=rate)
        edges = active_edges(rows)
        assert edges is not None
        return spread(rows, np.ones(len(rows)), edges) / np.diff(edges)

    same = difference.rates([slices(1, 20)], [slices(2, 20)], "requests/s")
    less = difference.rates([slices(3, 20)], [slices(4, 15)], "requests/s")

    assert same is not None
    assert same.p > 0.05
    assert less is not None
    assert less.p < 0.001
    assert less.low < 0.75 < less.high


def test_holm_corrects_for_how_many_were_looked_at() -> None:
    def one(p: float) -> Difference:
        return Difference("p50", 1, 1, 1, 1, 1, p, (9, 9))

    assert [found.corrected for found in difference.holm([one(0.03), one(0.01), one(0.04), one(0.9)])] == [
        pytest.approx(0.09),
        pytest.approx(0.04),
        pytest.approx(0.09),
        pytest.approx(0.9),
    ]


def test_too_little_is_no_statement() -> None:
    few = Sample(np.array([1.0, 2.0]), np.array([1.0, 2.0]))

    assert difference.latencies([few], [few], {"p50": 0.5}, 1) == []
    assert difference.latencies([], [few], {"p50": 0.5}, 1) == []
    assert difference.rates([np.array([1.0])], [np.array([1.0])], "requests/s") is None
