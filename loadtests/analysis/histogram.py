"""Durations in logarithmic buckets: quantiles within 1 % in 16 KB, however many there are."""

import math
from array import array

import numpy as np

LOWEST = 1e-6  # seconds; what is shorter counts as this
PER_OCTAVE = 64  # a bucket is 1.09 % wide
OCTAVES = 34  # up to 17,179 s
_SIZE = PER_OCTAVE * OCTAVES


class Histogram:
    """Counts durations in seconds."""

    __slots__ = ("_buckets",)

    def __init__(self) -> None:
        self._buckets = array("q", bytes(8 * _SIZE))

    def add(self, seconds: float) -> None:
        """Count one."""
        at = int(math.log2(seconds / LOWEST) * PER_OCTAVE) if seconds > LOWEST else 0
        self._buckets[at if at < _SIZE else _SIZE - 1] += 1

    @property
    def count(self) -> int:
        """How many."""
        return sum(self._buckets)

    def quantile(self, q: float) -> float:
        """Seconds that the share `q` of them does not exceed (the bucket's middle); NaN where there are none."""
        sums = np.cumsum(np.frombuffer(self._buckets, dtype=np.int64))
        if not sums[-1]:
            return math.nan
        at = int(np.searchsorted(sums, max(1, math.ceil(q * sums[-1]))))
        return float(LOWEST * 2 ** ((at + 0.5) / PER_OCTAVE))

    def __sub__(self, earlier: "Histogram") -> "Histogram":
        """Those that came after `earlier`, a copy of this from before."""
        found = Histogram()
        counts = np.frombuffer(self._buckets, dtype=np.int64) - np.frombuffer(earlier._buckets, dtype=np.int64)
        found._buckets = array("q", counts.tobytes())
        return found
