"""The 44 ms stall among made-up latencies; the real one is in the integration tests."""

import numpy as np
import pytest

from loadtests.analysis.columns import Columns
from loadtests.analysis.plateau import plateau
from tests.unit.loadtests.analysis.synthetic import Array, columns

RANDOM = np.random.default_rng(4)
SIZES = np.where(np.arange(400) % 2, 525_000, 10_000)


def rows(service: Array, size: Array | int = SIZES) -> Columns:
    end = np.cumsum(service)
    return columns(end - service, end - service, end, size=size)


def test_small_and_large_instances_at_44_ms_are_a_stall() -> None:
    found = plateau(rows(RANDOM.normal(0.044, 0.001, 400)))

    assert found is not None
    assert found.seconds == pytest.approx(0.044, abs=0.001)
    assert found.sizes == (10_000, 525_000)
    assert found.share > 0.95


def test_the_archives_own_time_comes_on_top_of_the_stall() -> None:
    found = plateau(rows(RANDOM.normal(0.044, 0.0005, 400) + RANDOM.exponential(0.004, 400)))

    assert found is not None
    assert found.sizes == (10_000, 525_000)


def test_a_stall_of_half_of_the_requests_is_one() -> None:
    found = plateau(rows(np.where(RANDOM.random(400) < 0.5, 0.041, 0.005) + RANDOM.normal(0, 0.0005, 400)))

    assert found is not None
    assert found.share == pytest.approx(0.5, abs=0.1)


def test_instances_of_one_size_at_44_ms_are_a_stall_of_which_the_size_says_nothing() -> None:
    found = plateau(rows(RANDOM.normal(0.044, 0.001, 400), 525_000))

    assert found is not None
    assert found.sizes is None


@pytest.mark.parametrize(
    ("service", "why"),
    [
        (RANDOM.normal(0.012, 0.002, 400), "fast"),
        (RANDOM.lognormal(np.log(0.044), 0.4, 400), "a broad distribution around 44 ms"),
        (RANDOM.lognormal(np.log(0.044), 0.1, 400), "a narrower one"),
        (0.042 + RANDOM.exponential(0.02, 400), "at least 42 ms, and then some"),
        (RANDOM.normal(0.044, 0.001, 400) + 0.1, "slow"),
        (np.where(SIZES > 100_000, 0.044, 0.003), "only the large ones, because they are large"),
        (np.where(RANDOM.random(400) < 0.1, 0.044, 0.003), "a tenth"),
    ],
)
def test_what_is_no_stall_is_not_called_one(service: Array, why: str) -> None:
    assert plateau(rows(service)) is None, why


def test_few_requests_say_nothing() -> None:
    assert plateau(rows(np.full(19, 0.044), 525_000)) is None


def test_waiting_for_ones_turn_is_not_taken_for_the_stall() -> None:
    end = np.arange(400) * 0.05
    service = RANDOM.normal(0.005, 0.0005, 400)

    assert plateau(columns(end - 0.044, end - service, end)) is None
