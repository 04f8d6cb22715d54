"""How much load is followed: the knee of a ramp or of steps, from what was offered and what was done.

Offered is how many transactions were intended to begin in a window, done how many ended well in it. The knee is the
last window before two in a row (or the last one) in which less than 95 % of what was offered is done, or in which the
99th percentile of latency has left its own level: over three times the median of the windows in the lower half, and at
least 10 ms above it. Where counts are small the 95 % allow for chance (half the square root of the count). What was
still waiting when the campaign ended is not in the raw data. Closed streams offer no more than is done: of them only
the latency can tell.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from loadtests.analysis.columns import Array, Columns
from loadtests.transactions import Outcome

FOLLOWS = 0.95
DEPARTS = 3.0
DEPARTS_SECONDS = 0.010
WINDOWS = 20
LEAST_PER_WINDOW = 20


@dataclass(frozen=True)
class Window:
    """What was offered and done in a part of the run; rates in transactions per second."""

    begin: float
    end: float
    offered: float
    done: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Knee:
    """`rate` is the highest that was followed, None where not even the lowest was; `reached`: whether it bent."""

    reached: bool
    rate: float | None
    words: str
    windows: tuple[Window, ...]


def equal_windows(rows: Columns) -> Array:
    """For a ramp: equal parts of the time in which something was intended."""
    last = float(rows.intended.max()) if len(rows) else 0.0
    return np.linspace(0, last, max(2, min(WINDOWS, len(rows) // LEAST_PER_WINDOW)) + 1)


def knee(rows: Columns, edges: Array, *, follows: float = FOLLOWS, p99_seconds: float = math.inf) -> Knee:
    """Where it bends. `edges` are the steps' begins and the last one's end, or equal windows of a ramp.

    `follows` is the share of what was offered that must be done; a p99 over `p99_seconds` is a bend whatever its level.
    """
    windows = [_window(rows, begin, end) for begin, end in pairwise(edges)]
    windows = [one for one in windows if one.offered]
    if len(edges) < 3 or not windows:
        return Knee(False, None, "too short to say", tuple(windows))
    rising = sorted(windows, key=lambda one: one.offered)
    level = float(np.nanmedian([one.p99 for one in rising[: max(1, len(rising) // 2)]]))
    behind = np.array([_behind(one, follows) for one in windows])
    limit = min(p99_seconds, max(DEPARTS * level, level + DEPARTS_SECONDS))
    slow = np.array([one.p99 > limit for one in windows])
    bent = _persists(behind | slow)
    if bent is None:
        top = max(one.offered for one in windows)
        return Knee(False, top, f"followed up to {top:.3g}/s, the most that was offered", tuple(windows))
    one = windows[bent]
    why = (
        f"{one.done / one.offered:.0%} of it was done"
        if behind[bent]
        else f"p99 was {one.p99:.3g} s, {one.p99 / level:.1f} times its level of {level:.3g} s"
    )
    if bent == 0:
        return Knee(True, None, f"not followed from the beginning: at {one.offered:.3g}/s {why}", tuple(windows))
    rate = max(window.offered for window in windows[:bent])
    return Knee(True, rate, f"followed up to {rate:.3g}/s; at {one.offered:.3g}/s {why}", tuple(windows))


def _window(rows: Columns, begin: float, end: float) -> Window:
    intended = (rows.intended >= begin) & (rows.intended < end)
    ok = rows.outcome.is_(Outcome.OK)
    ended = (rows.end >= begin) & (rows.end < end) & ok
    latency = rows.latency[intended & ok]
    p50, p99 = np.quantile(latency, (0.5, 0.99)) if len(latency) else (np.nan, np.inf)
    length = end - begin
    return Window(
        float(begin), float(end), float(intended.sum() / length), float(ended.sum() / length), float(p50), float(p99)
    )


def _behind(one: Window, follows: float) -> bool:
    offered, done = one.offered * (one.end - one.begin), one.done * (one.end - one.begin)
    return done < follows * offered - math.sqrt(offered) / 2


def _persists(bad: NDArray[np.bool_]) -> int | None:
    """The first window that is bad and whose next one, if there is one, is bad too."""
    for at, one in enumerate(bad):
        if one and (at + 1 == len(bad) or bad[at + 1]):
            return at
    return None
