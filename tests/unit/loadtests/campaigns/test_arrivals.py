"""The schedule of an open stream."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.campaigns.arrivals import Kind, schedule
from loadtests.campaigns.curve import Curve, Floats
from loadtests.campaigns.shapes import Day, Steady
from tests.unit.loadtests.campaigns.test_curve import curves


def moments(curve: Curve, rate: float, kind: Kind, seed: int = 1, name: str = "scanners") -> Floats:
    return np.concatenate([np.empty(0), *schedule(curve, rate, kind, seed, name)])


@settings(max_examples=50)
@given(curves(), st.floats(0.01, 20), st.sampled_from(["poisson", "regular"]), st.integers(0, 1000))
def test_arrivals_are_in_order_and_within_the_campaign(curve: Curve, rate: float, kind: Kind, seed: int) -> None:
    found = moments(curve, rate, kind, seed)

    assert (np.diff(found) >= -1e-9).all()
    assert ((found >= 0) & (found <= curve.seconds)).all()


@settings(max_examples=50)
@given(curves(), st.floats(0.01, 20))
def test_regular_arrivals_are_as_many_as_the_rates_integral(curve: Curve, rate: float) -> None:
    assert abs(len(moments(curve, rate, "regular")) - rate * curve.area) <= 0.5 + 1e-6


@settings(max_examples=50)
@given(curves(), st.floats(0.01, 20), st.integers(0, 10_000))
def test_poisson_arrivals_are_as_many_as_the_rates_integral_within_chance(curve: Curve, rate: float, seed: int) -> None:
    expected = rate * curve.area

    assert abs(len(moments(curve, rate, "poisson", seed)) - expected) <= 6 * max(1, np.sqrt(expected))


def test_poisson_arrivals_follow_the_hours_of_a_day() -> None:
    hours = tuple(float(1 + hour % 6) for hour in range(24))
    found = moments(Day(seconds=2400, hours=hours).curve(), 20, "poisson")
    counts = np.histogram(found, bins=24, range=(0, 2400))[0]
    expected = np.array(hours) / np.mean(hours) * 2000

    assert (abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_poisson_gaps_are_exponential_and_don_t_remember() -> None:
    gaps = np.diff(moments(Steady(seconds=2000).curve(), 10, "poisson"))

    assert np.std(gaps) / np.mean(gaps) == pytest.approx(1, abs=0.05)
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 0.03


def test_the_same_seed_makes_the_same_arrivals_and_another_stream_others() -> None:
    curve = Steady(seconds=100).curve()

    assert moments(curve, 5, "poisson").tolist() == moments(curve, 5, "poisson").tolist()
    assert moments(curve, 5, "poisson").tolist() != moments(curve, 5, "poisson", name="readers").tolist()
    assert moments(curve, 5, "poisson").tolist() != moments(curve, 5, "poisson", seed=2).tolist()


def test_regular_arrivals_keep_their_distance_over_chunks() -> None:
    found = moments(Steady(seconds=1000).curve(), 5, "regular")

    assert len(found) == 5000
    assert np.diff(found) == pytest.approx(np.full(4999, 0.2))
