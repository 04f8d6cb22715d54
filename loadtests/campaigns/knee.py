"""The step at which an environment doesn't follow any more, seen while it happens: the campaign needs to go no higher.

(What the knee is, with its uncertainty, the report says later from raw data.)
"""

from dataclasses import asdict, dataclass
from typing import Any

from loadtests.campaigns.plan import Plan
from loadtests.campaigns.progress import Progress, Sessions
from loadtests.campaigns.shapes import Steps
from loadtests.transactions import Recorder, Running

SETTLING = 0.25  # the first part of a step isn't judged: sessions of the step before end in it
FEWEST = 3  # sessions that must be missing: a window's edges cut off one or two


@dataclass(frozen=True)
class Step:
    """One step's figures. Rates are sessions a second."""

    factor: float
    offered_per_second: float
    done_per_second: float
    p99_seconds: dict[str, float]
    """By operation."""
    knee: str
    """What was too little or too much, in words; empty where it followed."""


class StepWatch:
    """Looks at each step of a campaign whose shape is steps.

    Args:
        plan: the campaign; limits of p99 are its shape's, and its thresholds' of an operation by its name alone.
    """

    def __init__(self, plan: Plan, shape: Steps) -> None:
        self.steps: list[Step] = []
        self._shape = shape
        self._factors = shape.factors()
        self._limits = {key: one.p99_seconds for key, one in plan.thresholds.items() if one.p99_seconds}
        self._since: tuple[float, Sessions, dict[str, Running]] | None = None

    def look(self, elapsed: float, progress: Progress, recorder: Recorder) -> bool:
        """To be called again and again; whether the knee has been found."""
        step, into = divmod(elapsed, self._shape.step_seconds)
        number = int(step)
        if self._since is not None and number > len(self.steps):
            self._judge(elapsed, progress.sessions(), recorder)
            self._since = None
        if self._since is None and number == len(self.steps) and into >= SETTLING * self._shape.step_seconds:
            self._since = elapsed, progress.sessions(), {name: one.copy() for name, one in recorder.running.items()}
        return bool(self.steps and self.steps[-1].knee)

    def as_list(self) -> list[dict[str, Any]]:
        """For the session's file."""
        return [asdict(step) for step in self.steps]

    def _judge(self, elapsed: float, now: Sessions, recorder: Recorder) -> None:
        assert self._since is not None  # noqa: S101  (the caller has asked)
        since, then, earlier = self._since
        offered, done, seconds = now.offered - then.offered, now.ended - then.ended, elapsed - since
        p99 = {
            name: round(figures.latency.quantile(0.99), 6)
            for name, one in recorder.running.items()
            if (figures := one.since(earlier.get(name, Running()))).latency.count
        }
        words = ""
        if offered - done >= FEWEST and done < self._shape.achieved_ratio * offered:
            words = f"{done} of {offered} sessions done, less than {self._shape.achieved_ratio:.0%}"
        for name, value in p99.items():
            limit = min(self._limits.get(name) or value, self._shape.p99_seconds or value)
            if value > limit:
                words = words or f"{name}: p99 {value:.3g} s, over {limit:g} s"
        self.steps.append(Step(self._factors[len(self.steps)], offered / seconds, done / seconds, p99, words))
