"""Whether two sides differ in one figure, with its size and how sure that is.

Latencies of one run depend on each other, so that a test over single transactions would call any two runs different.
The units here are repeats where each side has three or more, else blocks of time within the runs. Each figure gets a
ratio B to A, its confidence interval and a p-value from Student's distribution over the units; what is looked at many
times is corrected by Holm's method. Mann and Whitney's measure (how often a request of B is slower than one of A) says
whether the distributions as a whole are shifted, Hodges and Lehmann's estimate by how much.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from loadtests.analysis import bootstrap
from loadtests.analysis.columns import Array

LEVEL = 0.95
REPEATS = 3
THINNED = 1500
LEAST = 1e-9  # seconds: a logarithm needs more than 0
SLOWER = "slower"
"""How often a request of B is slower than one of A: Mann and Whitney's U over its maximum."""


@dataclass(frozen=True)
class Sample:
    """One run's values of one operation, with the moments of their ends."""

    values: Array
    moments: Array


@dataclass(frozen=True)
class Difference:
    """Of one figure. `ratio`, `low` and `high` are B to A; for `SLOWER` they are a share, 0.5 is alike."""

    measure: str
    a: float
    b: float
    ratio: float
    low: float
    high: float
    p: float
    units: tuple[int, int]
    corrected: float = math.nan
    """The p-value by Holm's method over all figures that were looked at."""


def latencies(a: Sequence[Sample], b: Sequence[Sample], shares: Mapping[str, float], seed: int) -> list[Difference]:
    """`SLOWER`, and the ratio of each named quantile; empty where there is too little for a statement."""
    pooled = [np.concatenate([one.values for one in side]) if side else np.array([]) for side in (a, b)]
    if not all(map(len, pooled)):
        return []
    edges = bootstrap.edges_of(*pooled)
    wanted = np.array(list(shares.values()))
    values = [np.quantile(side, wanted) for side in pooled]
    medians = [float(np.median(side)) for side in pooled]
    if min(len(a), len(b)) >= REPEATS:
        logs = [np.log([np.maximum(np.quantile(one.values, wanted), LEAST) for one in side]) for side in (a, b)]
        quantiles = [
            _welch(name, (float(values[0][at]), float(values[1][at])), [side[:, at] for side in logs])
            for at, name in enumerate(shares)
        ]
        return [_slower_by_repeats(a, b, edges, medians), *quantiles]
    random = np.random.default_rng(seed)
    drawn = [_drawn(side, edges, random) for side in (a, b)]
    if drawn[0] is None or drawn[1] is None:
        return []
    units = drawn[0].units, drawn[1].units
    logs = [np.log(np.maximum(bootstrap.quantiles_of(one.counts, edges, wanted), LEAST)) for one in drawn if one]
    errors = np.hypot(logs[0].std(0), logs[1].std(0))
    ratios = np.log(np.maximum(values[1], LEAST) / np.maximum(values[0], LEAST))
    drawn_shares = [_share(x, y) for x, y in zip(drawn[0].counts, drawn[1].counts, strict=True)]
    whole = [sum((_counts(one, edges) for one in side), np.zeros(len(edges) - 1)) for side in (a, b)]
    return [
        _slower(medians, _share(*whole), float(np.std(drawn_shares)), units),
        *(
            _student(name, (float(values[0][at]), float(values[1][at])), float(ratios[at]), float(errors[at]), units)
            for at, name in enumerate(shares)
        ),
    ]


def _slower_by_repeats(a: Sequence[Sample], b: Sequence[Sample], edges: Array, medians: list[float]) -> Difference:
    pairs = np.array([[_share(_counts(x, edges), _counts(y, edges)) for y in b] for x in a])
    error = math.hypot(
        float(pairs.mean(1).std(ddof=1)) / math.sqrt(len(a)), float(pairs.mean(0).std(ddof=1)) / math.sqrt(len(b))
    )
    return _slower(medians, float(pairs.mean()), error, (len(a), len(b)))


def _slower(medians: list[float], share: float, error: float, units: tuple[int, int]) -> Difference:
    found = _student(SLOWER, medians, share - 0.5, error, units)
    low, high = (min(1.0, max(0.0, 0.5 + math.log(one))) for one in (found.low, found.high))
    return replace(found, ratio=share, low=low, high=high)


def rates(a: Sequence[Array], b: Sequence[Array], name: str) -> Difference | None:
    """Ratio of rates, each side's given per slice of each of its runs; None where there is too little."""
    if min(len(a), len(b)) >= REPEATS:
        units = [np.array([float(run.mean()) for run in side if len(run)]) for side in (a, b)]
    else:
        units = [np.concatenate(list(side)) if side else np.array([]) for side in (a, b)]
    if min(map(len, units)) < REPEATS or min(float(one.mean()) for one in units) <= 0:
        return None
    means = [float(one.mean()) for one in units]
    # relative errors of the means, by the delta method: a slice may be 0, so that its logarithm can't be had
    errors = [
        float(one.std(ddof=1)) / math.sqrt(_independent(one)) / mean for one, mean in zip(units, means, strict=True)
    ]
    freedom = _freedom(errors, [len(one) for one in units])
    return _finish(
        name, means, math.log(means[1] / means[0]), math.hypot(*errors), freedom, (len(units[0]), len(units[1]))
    )


def _independent(slices: Array) -> float:
    """As how many independent ones they count, by the correlation of neighbours."""
    rest = slices - slices.mean()
    square = float((rest**2).sum())
    correlation = max(0.0, float((rest[1:] * rest[:-1]).sum()) / square) if square else 0.0
    return max(2.0, len(slices) * (1 - correlation) / (1 + correlation))


def shift(a: Sequence[Sample], b: Sequence[Sample]) -> float:
    """Hodges and Lehmann's estimate: the median of all differences B − A, in the values' unit."""
    thinned = []
    for side in (a, b):
        values = np.sort(np.concatenate([one.values for one in side]))
        places = np.linspace(0, len(values) - 1, min(len(values), THINNED)).astype(int)
        thinned.append(values[places])
    return float(np.median(thinned[1][None, :] - thinned[0][:, None]))


def holm(found: Sequence[Difference]) -> list[Difference]:
    """The same with `corrected` set: the chance of any false alarm among all of them stays below the level."""
    order = sorted(range(len(found)), key=lambda at: found[at].p)
    corrected, highest = [math.nan] * len(found), 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, found[at].p * (len(found) - rank)))
        corrected[at] = highest
    return [replace(one, corrected=value) for one, value in zip(found, corrected, strict=True)]


@dataclass(frozen=True)
class _Drawn:
    counts: NDArray[np.float64]
    units: int


def _drawn(side: Sequence[Sample], edges: Array, random: np.random.Generator) -> _Drawn | None:
    """The side's runs together as they might have been, blocks drawn anew within each."""
    blocks = [bootstrap.blocks_of(one.values, one.moments, edges) for one in side]
    whole = [one for one in blocks if one]
    if not whole:
        return None
    counts = sum((one.drawn(random) for one in whole), np.zeros((bootstrap.DRAWS, len(edges) - 1)))
    return _Drawn(counts, sum(one.number for one in whole))


def _counts(one: Sample, edges: Array) -> Array:
    return np.histogram(one.values, edges)[0].astype(float)


def _share(a: Array, b: Array) -> float:
    below = np.cumsum(a) - a / 2
    return float((b * below).sum() / (a.sum() * b.sum()))


def _welch(name: str, values: Sequence[float], logs: Sequence[Array]) -> Difference:
    errors = [float(one.std(ddof=1)) / math.sqrt(len(one)) for one in logs]
    freedom = _freedom(errors, [len(one) for one in logs])
    estimate = float(logs[1].mean() - logs[0].mean())
    return _finish(name, values, estimate, math.hypot(*errors), freedom, (len(logs[0]), len(logs[1])))


def _freedom(errors: Sequence[float], counts: Sequence[int]) -> float:
    """Welch's and Satterthwaite's degrees of freedom."""
    parts = [error**2 for error in errors]
    below = sum(part**2 / (count - 1) for part, count in zip(parts, counts, strict=True))
    return sum(parts) ** 2 / below if below else float(sum(counts) - 2)


def _student(name: str, values: Sequence[float], estimate: float, error: float, units: tuple[int, int]) -> Difference:
    return _finish(name, values, estimate, error, min(units) - 1, units)


def _finish(
    name: str, values: Sequence[float], estimate: float, error: float, freedom: float, units: tuple[int, int]
) -> Difference:
    if error:
        p = 2 * float(stats.t.sf(abs(estimate) / error, freedom))
        reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
    else:
        p, reach = (0.0 if estimate else 1.0), 0.0
    low, ratio, high = (math.exp(min(700.0, one)) for one in (estimate - reach, estimate, estimate + reach))
    return Difference(name, values[0], values[1], ratio, low, high, p, units)
