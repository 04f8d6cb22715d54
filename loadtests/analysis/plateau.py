"""The 44 ms stall: a mode of the service time at 40 to 48 ms that doesn't depend on size.

A peer that writes a message in parts with Nagle's algorithm on waits with the second part for the acknowledgement of
the first, which the receiver delays (Linux: by 40 ms at least). Every request takes 40 to 48 ms then, whatever its
size, and what the archive itself takes beyond: Orthanc's were at 44 to 52 ms on a machine with twenty times its load.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtests.analysis.columns import Array, Columns

FLOOR = 0.039
"""Seconds: 40 ms, less the timer's tick. Nothing that is stalled is faster."""
WIDTH = 0.006
LAST = 0.046
"""Where the mode's window begins at the latest."""
SHARE = 0.4
BELOW = 0.1
ABOVE = 0.5
LEAST = 20
SIZES_DIFFER = 4.0


@dataclass(frozen=True)
class Plateau:
    """What of an operation lies on it."""

    share: float
    """Of the requests that succeeded."""
    seconds: float
    """Their median service time."""
    sizes: tuple[int, int] | None
    """Medians of the smaller and the larger half of them, in bytes, where these differ enough to tell."""


def plateau(rows: Columns) -> Plateau | None:
    """Whether this operation stalls; None where it doesn't, or there is too little to tell.

    Four tenths of the requests must lie within 6 ms from 39 to 52 ms; next to nothing in the 10 ms below 39 ms, and
    half as many as in it in the 6 ms above the window: an archive that just takes about 44 ms has neighbours there.
    Where sizes differ, the mode must be the small ones' and the large ones'.
    """
    good = rows.ok
    service = good.service
    if len(service) < LEAST:
        return None
    begin, share = _mode(service)
    below = float(((service >= FLOOR - 0.010) & (service < FLOOR)).mean())
    above = float(_within(service, begin + WIDTH).mean())
    if share < SHARE or below > BELOW * share or above > ABOVE * share:
        return None
    order = np.argsort(good.size, kind="stable")
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    small, large = (int(np.median(good.size[half])) for half in halves)
    found = Plateau(share, float(np.median(service[_within(service, begin)])), None)
    if large < SIZES_DIFFER * max(small, 1):
        return found
    if any(_mode(service[half])[1] < SHARE for half in halves):
        return None
    return Plateau(found.share, found.seconds, (small, large))


def _mode(service: Array) -> tuple[float, float]:
    """The window that holds most: where it begins, and its share."""
    begins = np.arange(FLOOR, LAST + 1e-9, 0.0005)
    shares = [float(_within(service, begin).mean()) for begin in begins]
    best = int(np.argmax(shares))
    return float(begins[best]), shares[best]


def _within(service: Array, begin: float) -> NDArray[np.bool_]:
    return (service >= begin) & (service < begin + WIDTH)
