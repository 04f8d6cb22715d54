"""Whether two campaigns differ, by statistics and with the size of the difference; on raw data alone.

Each side is one campaign or several repeats of it. Per operation are looked at: how often a request of B is slower than
one of A, the latency's p50, p95 and p99, the rate, and failures. What is called a difference is beyond chance (Holm's
correction over everything that was looked at, level 5 %) and large enough to matter (`least`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import stats

from loadtests.analysis import difference
from loadtests.analysis.columns import Array, Columns
from loadtests.analysis.difference import SLOWER, Difference, Sample
from loadtests.analysis.over_time import spread
from loadtests.analysis.segments import active_edges
from loadtests.reports.folder import TRANSACTIONS, Folder, FolderError

ALPHA = 0.05
LEAST = 0.05
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
SEED = 5
FAILURES = "failures"
_RATES = ("instances/s", "requests/s")


@dataclass(frozen=True)
class Judged:
    """A difference and what is made of it."""

    operation: str
    difference: Difference
    differs: bool
    worse: bool
    """Whether it is B that is worse, where they differ."""


@dataclass(frozen=True)
class Comparison:
    """All that was found."""

    a: list[Folder]
    b: list[Folder]
    least: float
    found: list[Judged]
    shifts: dict[str, float]
    """Hodges and Lehmann's estimate per operation, in seconds."""
    not_compared: dict[str, str] = field(default_factory=dict)
    """Operation -> why not."""

    @property
    def verdict(self) -> str:
        """Of B: "no difference", "better", "worse" or "mixed"."""
        worse = {one.worse for one in self.found if one.differs}
        return {(): "no difference", (True,): "worse", (False,): "better"}.get(tuple(worse), "mixed")

    @property
    def worse(self) -> bool:
        """Whether B is worse in anything."""
        return any(one.differs and one.worse for one in self.found)


def side(paths: Sequence[Path]) -> list[Folder]:
    """The campaigns of one side: folders of campaigns, or folders that hold several of them.

    Raises:
        FolderError: there is none.
    """
    found: list[Folder] = []
    for path in paths:
        if any(path.glob(TRANSACTIONS)):
            found.append(Folder(path))
            continue
        inner = sorted({file.parent for file in path.glob(f"*/{TRANSACTIONS}")})
        if not inner:
            raise FolderError(f"{path} is no campaign's folder, and holds none: there is no {TRANSACTIONS}")
        found += [Folder(one) for one in inner]
    return found


def compare(a: list[Folder], b: list[Folder], *, least: float = LEAST) -> Comparison:
    """Of B to A.

    Raises:
        FolderError: a folder can't be read.
    """
    sides = [[folder.rows for folder in one] for one in (a, b)]
    names = [{name for rows in one for name in rows.operation.present()} for one in sides]
    not_compared = {name: f"only in {'A' if name in names[0] else 'B'}" for name in sorted(names[0] ^ names[1])}
    looked: list[tuple[str, Difference]] = []
    shifts: dict[str, float] = {}
    for name in sorted(names[0] & names[1]):
        runs = [[rows.of_operation(name) for rows in one] for one in sides]
        found = _operation(name, runs[0], runs[1])
        if not found:
            not_compared[name] = "too few requests for a statement"
        looked += [(name, one) for one in found]
        samples = [_samples(one) for one in runs]
        if found and all(samples):
            shifts[name] = difference.shift(samples[0], samples[1])
    corrected = difference.holm([one for _, one in looked])
    judged = [_judge(name, one, least) for (name, _), one in zip(looked, corrected, strict=True)]
    return Comparison(a, b, least, judged, shifts, not_compared)


def _samples(runs: Sequence[Columns]) -> list[Sample]:
    good = [rows.ok for rows in runs]
    return [Sample(rows.latency, rows.end) for rows in good if len(rows)]


def _operation(name: str, a: Sequence[Columns], b: Sequence[Columns]) -> list[Difference]:
    seed = SEED + sum(name.encode())
    samples = _samples(a), _samples(b)
    found: list[Difference | None] = [*difference.latencies(*samples, QUANTILES, seed)]
    carries = any(rows.instances.any() for rows in (*a, *b))
    slices = [[_slices(rows, instances=carries) for rows in runs] for runs in (a, b)]
    found.append(difference.rates(slices[0], slices[1], _RATES[0] if carries else _RATES[1]))
    found.append(_failures(a, b))
    return [one for one in found if one]


def _slices(rows: Columns, *, instances: bool) -> Array:
    good = rows.ok
    edges = active_edges(good)
    if edges is None:
        return np.array([])
    weights = good.instances.astype(float) if instances else np.ones(len(good))
    return np.asarray(spread(good, weights, edges) / np.diff(edges))


def _failures(a: Sequence[Columns], b: Sequence[Columns]) -> Difference | None:
    """By Fisher's exact test; None where nothing failed. As a share of all requests."""
    counts = [sum(map(len, runs)) for runs in (a, b)]
    bad = [sum(len(rows) - len(rows.ok) for rows in runs) for runs in (a, b)]
    if not any(bad) or not all(counts):
        return None
    table = [[bad[0], counts[0] - bad[0]], [bad[1], counts[1] - bad[1]]]
    p = float(stats.fisher_exact(table)[1])
    shares = [one / count for one, count in zip(bad, counts, strict=True)]
    ratio = shares[1] / shares[0] if shares[0] else math.inf
    return Difference(FAILURES, shares[0], shares[1], ratio, math.nan, math.nan, p, (counts[0], counts[1]))


def _judge(name: str, one: Difference, least: float) -> Judged:
    if one.measure == SLOWER:
        large, worse = abs(one.ratio - 0.5) >= least, one.ratio > 0.5
    elif one.measure == FAILURES:
        large, worse = True, one.b > one.a
    elif one.measure in _RATES:
        large, worse = abs(math.log(one.ratio)) >= math.log1p(least), one.ratio < 1
    else:
        large, worse = abs(math.log(one.ratio)) >= math.log1p(least), one.ratio > 1
    return Judged(name, one, one.corrected < ALPHA and large, worse)


def sentences(found: Comparison) -> list[str]:
    """What it says, an operation a sentence."""
    by_name: dict[str, list[Judged]] = {}
    for one in found.found:
        by_name.setdefault(one.operation, []).append(one)
    said = []
    for name, some in by_name.items():
        differ = [one for one in some if one.differs]
        if differ:
            said.append(f"{name}: {'; '.join(_words(one, found.shifts.get(name)) for one in differ)}.")
        else:
            said.append(f"{name}: no difference beyond chance{_missed(some)}.")
    return said + [f"{name}: not compared, {why}." for name, why in found.not_compared.items()]


def _words(one: Judged, shift: float | None) -> str:
    what = one.difference
    if what.measure == SLOWER:
        by = "" if shift is None else f" (by {duration(abs(shift))} in the median of all pairs)"
        share = max(what.ratio, 1 - what.ratio)
        return f"a request of B is {'slower' if one.worse else 'faster'} than one of A in {share:.0%} of all pairs{by}"
    if what.measure == FAILURES:
        return f"{what.b:.2%} of B's requests failed or had no answer, {what.a:.2%} of A's"
    unit = f"{what.b:.3g} {what.measure} against {what.a:.3g}"
    if what.measure not in _RATES:
        unit = f"{duration(what.b)} against {duration(what.a)}"
        return f"B's {what.measure} is {_percent(what, 'longer', 'shorter')}, {unit}"
    return f"B does {_percent(what, 'more', 'less')}, {unit}"


def duration(seconds: float) -> str:
    """In words, three digits."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def _percent(what: Difference, more: str, less: str) -> str:
    change = what.ratio - 1
    low, high = sorted((abs(what.low - 1), abs(what.high - 1))) if (what.low - 1) * (what.high - 1) > 0 else (0, 0)
    reach = f" ({low:.0%} to {high:.0%})" if high else ""
    return f"{abs(change):.0%} {more if change > 0 else less}{reach}"


def _missed(some: Sequence[Judged]) -> str:
    """What size of difference the data would not have shown: absence of evidence, with its size."""
    median = next((one.difference for one in some if one.difference.measure == "p50"), None)
    if median is None:
        return " in its rate; too few requests to compare their latencies"
    return f" (p50: {median.low - 1:+.0%} to {median.high - 1:+.0%} is what can't be told from chance)"
