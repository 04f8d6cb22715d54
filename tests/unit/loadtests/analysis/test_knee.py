"""The knee, of simulated queues whose capacity is known."""

import numpy as np
import pytest

from loadtests.analysis.columns import Columns
from loadtests.analysis.knee import equal_windows, knee
from tests.unit.loadtests.analysis.synthetic import columns, poisson, queue, ramp


def steps(capacity: float, rates: list[float], seconds: float, seed: int, servers: int = 1) -> Columns:
    random = np.random.default_rng(seed)
    intended = poisson({(at * seconds, (at + 1) * seconds): rate for at, rate in enumerate(rates)}, random)
    started, end = queue(intended, random.exponential(servers / capacity, len(intended)), servers)
    kept = end <= len(rates) * seconds
    return columns(intended[kept], started[kept], end[kept])


@pytest.mark.parametrize("seed", range(8))
def test_the_knee_of_steps_is_the_last_one_that_a_queue_follows(seed: int) -> None:
    rows = steps(100, [20, 40, 60, 80, 105, 120], 40, seed, servers=4)

    found = knee(rows, np.arange(0, 241, 40.0))

    assert found.reached
    assert found.rate == pytest.approx(80, rel=0.1)
    assert "followed up to" in found.words


@pytest.mark.parametrize("seed", range(8))
def test_the_knee_of_a_ramp_over_a_single_server_lies_where_waiting_begins(seed: int) -> None:
    rows = ramp(100, 200, seed)

    found = knee(rows, equal_windows(rows))

    assert found.reached
    assert found.rate is not None
    assert 50 <= found.rate <= 105


@pytest.mark.parametrize("seed", range(8))
def test_a_load_that_is_followed_to_the_end_has_no_knee(seed: int) -> None:
    rows = steps(1000, [20, 40, 60, 80], 30, seed, servers=4)

    found = knee(rows, np.arange(0, 121, 30.0))

    assert not found.reached
    assert found.rate == pytest.approx(80, rel=0.1)


def test_an_archive_that_refuses_at_a_rate_does_not_follow_it() -> None:
    intended = np.concatenate([np.arange(0, 10, 0.1), np.arange(10, 20, 0.05), np.arange(20, 30, 0.05)])
    outcome = ["ok" if moment < 10 or number % 2 else "failed" for number, moment in enumerate(intended)]

    found = knee(columns(intended, intended, intended + 0.01, outcome=outcome), np.array([0, 10.05, 20.05, 30]))

    assert found.reached
    assert found.rate == pytest.approx(10, rel=0.02)
    assert "50% of it was done" in found.words


def test_what_is_not_followed_from_the_beginning_has_no_rate() -> None:
    rows = steps(10, [40, 60], 30, 1)

    found = knee(rows, np.arange(0, 61, 30.0))

    assert (found.reached, found.rate) == (True, None)
    assert "not followed from the beginning" in found.words


def test_a_limit_of_the_campaign_is_a_bend_before_the_latency_departs() -> None:
    rows = steps(100, [20, 40, 60, 80], 40, 3, servers=4)
    edges = np.arange(0, 161, 40.0)

    strict = knee(rows, edges, p99_seconds=0.2)

    assert not knee(rows, edges).reached
    assert strict.reached
    assert strict.rate is None or strict.rate < 75


def test_one_window_says_nothing() -> None:
    assert knee(steps(10, [4], 30, 1), np.array([0.0, 30.0])).words == "too short to say"
