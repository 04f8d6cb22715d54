"""How much load there is at which moment: a factor over time, linear between its points, jumping where two coincide."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Curve:
    """A factor over the seconds of a campaign, its integral, and the inverse of that.

    Args:
        points: (second, factor) in ascending order from second 0; equal seconds are a jump.
    """

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        seconds, factors = np.array(points, dtype=np.float64).T
        wide = np.diff(seconds) > 0
        self._from, self._to = seconds[:-1][wide], seconds[1:][wide]
        self._first, last = factors[:-1][wide], factors[1:][wide]
        widths = self._to - self._from
        self._slope = (last - self._first) / widths
        self._areas = np.concatenate(([0.0], np.cumsum((self._first + last) / 2 * widths)))
        self.peak = float(factors.max())

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self._to[-1])

    @property
    def area(self) -> float:
        """Its integral as a whole: seconds at factor 1 that make as much load."""
        return float(self._areas[-1])

    def factor(self, second: float) -> float:
        """At this second; 0 before and behind the curve."""
        if not 0 <= second < self.seconds:
            return 0.0
        piece = int(np.searchsorted(self._from, second, side="right")) - 1
        return float(self._first[piece] + self._slope[piece] * (second - self._from[piece]))

    def integral(self, second: float) -> float:
        """From 0 to this second."""
        if second <= 0:
            return 0.0
        if second >= self.seconds:
            return self.area
        piece = int(np.searchsorted(self._from, second, side="right")) - 1
        into = second - self._from[piece]
        return float(self._areas[piece] + self._first[piece] * into + self._slope[piece] * into**2 / 2)

    def inverse(self, areas: Floats) -> Floats:
        """The seconds by which the integral has grown to each of these, which lie between 0 and `area`."""
        pieces = np.clip(np.searchsorted(self._areas, areas, side="left") - 1, 0, len(self._from) - 1)
        rest, first, slope = areas - self._areas[pieces], self._first[pieces], self._slope[pieces]
        # the quadratic's root in the form that doesn't divide by the slope, which may be 0
        below = first + np.sqrt(np.maximum(first**2 + 2 * slope * rest, 0))
        into = np.divide(2 * rest, below, out=np.zeros_like(rest), where=below > 0)
        seconds: Floats = np.minimum(self._from[pieces] + into, self._to[pieces])
        return seconds
