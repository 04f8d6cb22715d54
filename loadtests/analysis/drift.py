"""Whether a long run became slower: the line through its rate or latency by Theil and Sen, robust against outliers."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from loadtests.analysis.columns import Array

LEAST_POINTS = 8
LEVEL = 0.95


@dataclass(frozen=True)
class Drift:
    """From the line's begin to its end, as a ratio: 0.01 is one percent more; with a confidence interval of 95 %."""

    ratio: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether it isn't chance."""
        return self.low > 0 or self.high < 0


def drift(moments: Array, values: Array, begin: float, end: float) -> Drift | None:
    """Of values over time; None where there are too few for a statement. What isn't finite is passed over."""
    finite = np.isfinite(values)
    moments, values = moments[finite], values[finite]
    if len(values) < LEAST_POINTS or not np.median(values):
        return None
    slope, intercept, low, high = stats.theilslopes(values, moments, LEVEL)
    first = float(intercept + slope * begin)
    level = first if first > 0 else float(np.median(values))
    return Drift(*(float(one) * (end - begin) / level for one in (slope, low, high)))
