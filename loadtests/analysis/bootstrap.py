"""How sure a quantile is: the moving parts of a run are drawn anew, in blocks of time.

Latencies of one run depend on each other (a slow second is slow for all), so that single ones must not be drawn: blocks
of time are drawn whole, long enough to know little of each other. Each block is kept as a histogram over the pooled
sample's own quantiles; a draw is a weighted sum of histograms, so that a million transactions cost what a thousand do.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtests.analysis.columns import Array

BLOCKS = 40
LEAST_BLOCKS = 6
LEAST_PER_BLOCK = 8
TIMES_CORRELATION = 8
"""A block is at least so many times as long as requests know of each other. With fixed blocks of 15 requests, and
requests that know of their 19 neighbours, 6 of 25 comparisons of equals were called different instead of 1 or 2."""
DRAWS = 1000
EDGES = 1000
LEVEL = 0.95


@dataclass(frozen=True)
class Blocks:
    """A sample of a run in blocks of time."""

    counts: NDArray[np.float64]
    """(blocks, buckets)"""
    edges: Array

    @property
    def number(self) -> int:
        """How many blocks."""
        return len(self.counts)

    def drawn(self, random: np.random.Generator, draws: int = DRAWS) -> NDArray[np.float64]:
        """(draws, buckets): the sample as it might have been."""
        weights = random.multinomial(self.number, np.full(self.number, 1 / self.number), size=draws)
        return np.asarray(weights @ self.counts, dtype=np.float64)


def edges_of(*samples: Array) -> Array:
    """Edges of buckets that are fine where there is much, for these samples together."""
    pooled = np.concatenate(samples)
    shares = np.concatenate((np.linspace(0, 0.98, EDGES), 1 - np.geomspace(0.02, 1e-5, EDGES // 4), [1.0]))
    edges = np.unique(np.quantile(pooled, shares))
    width = max(float(edges[-1]) * 1e-9, 1e-12)
    return np.concatenate((edges, [edges[-1] + width]))


def blocks_of(values: Array, moments: Array, edges: Array) -> Blocks | None:
    """The sample, cut at equal counts along `moments`; None where there are too few for a statement."""
    if len(values) < LEAST_BLOCKS * LEAST_PER_BLOCK:
        return None
    ordered = values[np.argsort(moments, kind="stable")]
    length = max(float(LEAST_PER_BLOCK), TIMES_CORRELATION * correlation_length(ordered))
    number = int(np.clip(len(values) / length, LEAST_BLOCKS, BLOCKS))
    bucket = np.clip(np.searchsorted(edges, ordered, side="right") - 1, 0, len(edges) - 2)
    counts = np.zeros((number, len(edges) - 1))
    for block, part in enumerate(np.array_split(bucket, number)):
        counts[block] = np.bincount(part, minlength=len(edges) - 1)
    return Blocks(counts, edges)


def correlation_length(ordered: Array) -> float:
    """The integrated autocorrelation time of the logarithms, in requests: 1 where they know nothing of each other.

    The sum of the autocorrelations up to five times itself, by Sokal's rule (later ones are noise).
    """
    logs = np.log(np.maximum(ordered, 1e-9))
    logs -= logs.mean()
    size = 1 << (2 * len(logs) - 1).bit_length()
    spectrum = np.fft.rfft(logs, size)
    covariance = np.fft.irfft(spectrum * spectrum.conjugate(), size)[: len(logs)]
    if covariance[0] <= 1e-12 * len(logs):
        return 1.0  # all alike
    times = 2 * np.cumsum(covariance / covariance[0]) - 1
    enough = np.flatnonzero(np.arange(len(times)) >= 5 * times)
    return max(1.0, float(times[enough[0] if len(enough) else -1]))


def quantiles_of(counts: NDArray[np.float64], edges: Array, shares: Array) -> NDArray[np.float64]:
    """(rows, shares): the quantiles of each row of `counts`, a bucket standing for its lower edge."""
    sums = np.cumsum(np.atleast_2d(counts), axis=1)
    wanted = shares[None, :] * sums[:, -1:]
    at = np.array([np.searchsorted(row, need, side="left") for row, need in zip(sums, wanted, strict=True)])
    return np.asarray(edges[np.clip(at, 0, len(edges) - 2)])


def interval(values: Array, moments: Array, shares: Array, random: np.random.Generator) -> NDArray[np.float64] | None:
    """(shares, 2): confidence intervals of the quantiles at `LEVEL`; None where there is too little for a statement."""
    if not len(values):
        return None
    edges = edges_of(values)
    blocks = blocks_of(values, moments, edges)
    if blocks is None:
        return None
    found = quantiles_of(blocks.drawn(random), edges, shares)
    return np.asarray(np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0).T)
