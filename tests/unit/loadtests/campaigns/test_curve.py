"""Shapes as curves: their integrals are what rates are multiplied with."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loadtests.campaigns.curve import Curve
from loadtests.campaigns.shapes import Day, Ramp, Soak, Spike, Steady, Steps

Points = list[tuple[float, float]]


@st.composite
def flights(draw: st.DrawFn) -> Points:
    """Any flight of slopes and jumps with some load in it."""
    widths = draw(st.lists(st.floats(0.01, 100), min_size=1, max_size=8))
    factors = draw(
        st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), min_size=len(widths), max_size=len(widths)).filter(
            lambda pairs: any(sum(pair) > 0.01 for pair in pairs)
        )
    )
    points: Points = []
    second = 0.0
    for width, (first, last) in zip(widths, factors, strict=True):
        points += [(second, first), (second + width, last)]
        second += width
    return points


def curves() -> st.SearchStrategy[Curve]:
    return flights().map(Curve)


@given(curves(), st.floats(0, 1))
def test_the_integral_and_its_inverse_belong_together(curve: Curve, part: float) -> None:
    area = part * curve.area
    second = float(curve.inverse(np.array([area]))[0])

    assert 0 <= second <= curve.seconds
    assert curve.integral(second) == pytest.approx(area, rel=1e-6, abs=1e-6)


@given(curves())
def test_the_inverse_only_goes_forward(curve: Curve) -> None:
    seconds = curve.inverse(np.linspace(0, curve.area, 200))

    assert (np.diff(seconds) >= -1e-9).all()


@given(flights())
def test_the_integral_is_the_area_below_the_points(points: Points) -> None:
    curve = Curve(points)
    seconds, factors = zip(*points, strict=True)

    assert curve.integral(curve.seconds) == curve.area == pytest.approx(np.trapezoid(factors, seconds), rel=1e-9)


@given(flights(), st.floats(0.05, 0.95))
def test_the_factor_is_the_integrals_slope(points: Points, part: float) -> None:
    curve = Curve(points)
    for (begin, first), (end, last) in zip(points[::2], points[1::2], strict=True):
        second, width = begin + part * (end - begin), (end - begin) / 100
        slope = (curve.integral(second + width) - curve.integral(second - width)) / (2 * width)
        assert slope == pytest.approx(curve.factor(second), rel=1e-4, abs=1e-4)
        assert slope == pytest.approx(first + part * (last - first), rel=1e-4, abs=1e-4)


def test_there_is_no_load_before_and_behind_a_curve() -> None:
    curve = Steady(seconds=10).curve()

    assert (curve.factor(-1), curve.factor(0), curve.factor(9.9), curve.factor(10)) == (0, 1, 1, 0)
    assert (curve.integral(-1), curve.integral(11)) == (0, 10)


def test_a_ramp_makes_half_the_load_of_its_end() -> None:
    curve = Ramp(seconds=10, first=0, last=4).curve()

    assert (curve.area, curve.peak, curve.factor(5)) == (20, 4, 2)


def test_a_spike_is_high_for_its_time_alone() -> None:
    curve = Spike(seconds=60, peak=5, at_seconds=20, for_seconds=10).curve()

    assert [curve.factor(second) for second in (19.9, 20, 29.9, 30)] == [1, 5, 5, 1]
    assert curve.area == 100


def test_steps_go_up_until_the_time_is_over() -> None:
    shape = Steps(seconds=70, step_seconds=20, first=1, plus=1, times=2)

    assert shape.factors() == [1, 3, 7, 15]
    assert [shape.curve().factor(second) for second in (0, 19.9, 20, 69.9)] == [1, 1, 3, 15]


def test_a_day_keeps_its_weights_and_has_the_mean_of_one() -> None:
    hours = (0.0,) * 8 + (3.0,) * 4 + (1.0,) * 12
    curve = Day(seconds=240, hours=hours).curve()

    assert curve.area == pytest.approx(240)
    assert curve.factor(0) == 0
    assert curve.factor(85) == pytest.approx(3 * curve.factor(130))


def test_a_soak_is_steady() -> None:
    assert Soak(seconds=3600).curve().area == 3600


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Ramp(seconds=1, first=0, last=0), "first and last cannot both be 0"),
        (lambda: Steps(seconds=60), "plus cannot be 0 where times is 1"),
        (lambda: Steps(seconds=30, plus=1), "seconds must hold two steps at least"),
        (lambda: Spike(seconds=30, at_seconds=20, for_seconds=10), "must be less than seconds"),
        (lambda: Day(seconds=30, hours=(0.0,) * 24), "hours cannot all be 0"),
        (lambda: Day(seconds=30, hours=(1.0,) * 23), "24"),
    ],
)
def test_a_shape_that_makes_no_sense_is_refused(make: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        make()  # type: ignore[operator]
