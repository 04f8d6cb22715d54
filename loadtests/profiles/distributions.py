"""Counts as they are drawn: log-normal, as sizes of studies are (few are huge), and shared out among series."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LogNormal:
    """A skewed count: half of the draws are below `median`; a sixth above `median` times e^`sigma`."""

    median: float
    sigma: float
    least: int = 1
    most: int = 1_000_000

    def draw(self, random: np.random.Generator) -> int:
        """One count within the limits."""
        return int(np.clip(round(self.median * float(np.exp(random.normal(0, self.sigma)))), self.least, self.most))


def share(count: int, series: int) -> list[int]:
    """So many instances in at most so many series, as evenly as can be; none is empty."""
    whole, rest = divmod(count, series)
    return [size for size in (whole + (at < rest) for at in range(series)) if size]


def pick(random: np.random.Generator, choices: Sequence[tuple[int, float]]) -> int:
    """One of these numbers, each with its weight."""
    numbers, weights = zip(*choices, strict=True)
    return int(random.choice(numbers, p=np.asarray(weights) / sum(weights)))
