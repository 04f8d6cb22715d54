"""Transactions of queues that are simulated, so that what the analysis should say is known."""

import numpy as np
from numpy.typing import NDArray

from loadtests.analysis.columns import Columns, Labels

Array = NDArray[np.float64]


def columns(
    intended: Array,
    started: Array,
    end: Array,
    *,
    size: Array | int = 525_000,
    operation: str = "C-STORE",
    outcome: list[str] | None = None,
    error: list[str] | None = None,
    stream: str = "scanners",
) -> Columns:
    """Rows of one operation, each of one instance."""
    number = len(end)
    same = np.zeros(number, np.int32)
    rows = Columns(
        stream=Labels(same, (stream,)),
        operation=Labels(same, (operation,)),
        intended=intended,
        started=started,
        end=end,
        instances=np.ones(number, np.int64),
        size=np.broadcast_to(np.asarray(size, np.int64), number).copy(),
        outcome=Labels.of(outcome or ["ok"] * number),
        error=Labels.of(error or [""] * number),
        status=Labels(same, ("0x0000",)),
        worker=Labels(same, ("0",)),
    )
    return rows[np.argsort(end, kind="stable")]


def poisson(rate_of: "dict[tuple[float, float], float]", random: np.random.Generator) -> Array:
    """Arrivals: (begin, end) -> rate."""
    parts = [
        np.sort(random.uniform(begin, end, random.poisson(rate * (end - begin))))
        for (begin, end), rate in rate_of.items()
    ]
    return np.concatenate(parts)


def queue(intended: Array, service: Array, servers: int = 1) -> tuple[Array, Array]:
    """First come, first served: when each starts, and when it ends."""
    free = np.zeros(servers)
    started = np.empty(len(intended))
    for at, (moment, seconds) in enumerate(zip(intended, service, strict=True)):
        server = int(np.argmin(free))
        started[at] = max(moment, free[server])
        free[server] = started[at] + seconds
    return started, started + service


def ramp(capacity: float, seconds: float, seed: int) -> Columns:
    """An M/M/1 queue whose arrivals rise evenly from 0 to one and a half times what it can serve."""
    random = np.random.default_rng(seed)
    total = random.poisson(0.75 * capacity * seconds)
    intended = np.sort(seconds * np.sqrt(random.uniform(size=total)))
    started, end = queue(intended, random.exponential(1 / capacity, total))
    kept = end <= seconds
    return columns(intended[kept], started[kept], end[kept])


def correlated(count: int, seed: int, *, scale: float = 1.0, rate: float = 20.0) -> Columns:
    """A closed run whose log latency wanders (an autoregressive process), as an archive's does."""
    random = np.random.default_rng(seed)
    noise = random.normal(0, 0.25, count)
    wander = np.zeros(count)
    for at in range(1, count):
        wander[at] = 0.9 * wander[at - 1] + random.normal(0, 0.1)
    latency = scale * 0.02 * np.exp(noise + wander)
    end = np.cumsum(random.exponential(1 / rate, count)) + 1
    return columns(end - latency, end - latency, end)
