"""The 44 ms stall: a latency mode at 40 to 48 ms that doesn't depend on size.

A peer that writes a message in parts with Nagle's algorithm on waits with the second part for the acknowledgement of
the first, which the receiver delays (Linux: by 40 ms at least). Every request takes 40 to 48 ms then, whatever its
size.
"""

from dataclasses import dataclass

import numpy as np

from loadtests.analysis.columns import Columns

LOW, HIGH = 0.039, 0.049
"""Seconds: 40 to 48 ms, and the timer's tick on either side."""
SHARE = 0.3
SHARP = 3.0
LEAST = 20
SIZES_DIFFER = 4.0
SAME_SECONDS = 0.006


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

    The mode must be sharp (three times as many as in the 10 ms on both sides together: an archive that just takes about
    44 ms has neighbours there), hold three tenths of the requests, and sit at the same place for small and large ones.
    """
    good = rows.ok
    service = good.service
    if len(service) < LEAST:
        return None
    inside = (service >= LOW) & (service < HIGH)
    width = HIGH - LOW
    beside = ((service >= LOW - width) & (service < LOW)) | ((service >= HIGH) & (service < HIGH + width))
    share = float(inside.mean())
    if share < SHARE or inside.sum() < SHARP * beside.sum():
        return None
    sizes = _sizes(good, inside)
    if sizes == "moves":
        return None
    return Plateau(share, float(np.median(service[inside])), sizes if isinstance(sizes, tuple) else None)


def _sizes(good: Columns, inside: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> tuple[int, int] | str | None:
    """The sizes compared; None where all are alike; "moves" where the time depends on the size."""
    order = np.argsort(good.size, kind="stable")
    small, large = order[: len(order) // 2], order[len(order) // 2 :]
    below, above = int(np.median(good.size[small])), int(np.median(good.size[large]))
    if above < SIZES_DIFFER * max(below, 1):
        return None
    shares = inside[small].mean(), inside[large].mean()
    if min(shares) < SHARE / 2:
        return "moves"
    places = [float(np.median(good.service[half][inside[half]])) for half in (small, large)]
    return (below, above) if abs(places[0] - places[1]) < SAME_SECONDS else "moves"
