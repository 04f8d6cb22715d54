"""When sessions begin, by a schedule of their own: nobody waits for an answer before the next one is due."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from loadtests.campaigns.curve import Curve, Floats

Kind = Literal["poisson", "regular"]
CHUNK = 1024


@dataclass(slots=True, frozen=True)
class Arrival:
    """A session that is due. `intended` is on the monotonic clock, in seconds: latency counts from it."""

    number: int
    """From 0, unique to the stream in all workers."""
    intended: float


def schedule(curve: Curve, rate: float, kind: Kind, seed: int, name: str) -> Iterator[Floats]:
    """Moments of arrivals in seconds since the beginning, ascending, in chunks; the same for the same arguments.

    A process of rate 1 in the time that the curve's integral is (Cinlar's time change): Poisson with `rate` times the
    curve as its intensity, or one arrival each time that the integral has grown by 1 / rate, beginning with half of it.

    Args:
        rate: arrivals a second at factor 1.
        name: the stream's; streams of one seed don't arrive together.
    """
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    total = rate * curve.area
    reached, first = 0.0, 0.5 if kind == "regular" else 1.0
    while reached < total:
        steps = random.standard_exponential(CHUNK) if kind == "poisson" else np.ones(CHUNK)
        steps[0], first = steps[0] * first, 1.0
        counts: Floats = reached + steps.cumsum()
        reached = float(counts[-1])
        yield curve.inverse(counts[counts < total] / rate)
