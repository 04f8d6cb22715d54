"""The knee, seen while it happens."""

from typing import Any

from loadtests.campaigns.knee import StepWatch
from loadtests.campaigns.plan import Plan
from loadtests.campaigns.progress import Progress
from loadtests.campaigns.shapes import Steps
from loadtests.transactions import Outcome, Recorder, Transaction

SHAPE = {"kind": "steps", "seconds": 100, "step_seconds": 10, "first": 1, "plus": 1, "p99_seconds": 2}
PLAN = Plan.model_validate(
    {
        "name": "own",
        "title": "Own",
        "shape": SHAPE,
        "streams": [{"behaviour": "store", "per_second": 10}],
        "thresholds": {"C-STORE": {"p99_seconds": 1}},
    }
)


class Run:
    """A campaign as a watch sees it, second by second."""

    def __init__(self, capacity: float, latency: float = 0.01, operation: str = "C-STORE") -> None:
        assert isinstance(PLAN.shape, Steps)
        self.watch = StepWatch(PLAN, PLAN.shape)
        self.seconds = 0
        progress, recorder, offered, done = Progress(PLAN), Recorder(), 0.0, 0.0
        factor = PLAN.shape.curve().factor
        found = False
        while not found and self.seconds < 100:
            offered += 10 * factor(self.seconds)
            done = min(offered, done + capacity)
            recorder.add(_transaction(self.seconds, latency if factor(self.seconds) > 2 else 0.01, operation))
            progress.take_in(_told(int(offered), int(done)))
            self.seconds += 1
            found = self.watch.look(self.seconds, progress, recorder)


def _told(offered: int, done: int) -> dict[str, Any]:
    return {"worker": 0, "streams": {"store": (offered, done, done)}, "users": 1, "complete": False}


def _transaction(second: float, latency: float, operation: str) -> Transaction:
    return Transaction("store", operation, second, second, second + latency, 1, 1, Outcome.OK)


def test_the_step_that_is_not_followed_is_the_knee() -> None:
    run = Run(capacity=35)

    assert [step.factor for step in run.watch.steps] == [1, 2, 3, 4]
    assert [bool(step.knee) for step in run.watch.steps] == [False, False, False, True]
    assert "sessions done, less than 95%" in run.watch.steps[-1].knee
    assert run.seconds == 40  # seen when the step had ended


def test_the_rates_of_a_step_are_what_was_offered_and_done() -> None:
    last = Run(capacity=35).watch.steps[-1]

    assert round(last.offered_per_second) == 40
    assert round(last.done_per_second) == 35


def test_a_latency_over_its_threshold_is_the_knee() -> None:
    run = Run(capacity=1000, latency=1.5)

    assert run.watch.steps[-1].knee == "C-STORE: p99 1.51 s, over 1 s"  # within the histogram's 1 %
    assert run.watch.steps[-1].factor == 3


def test_a_latency_over_the_shapes_limit_is_the_knee_of_any_operation() -> None:
    assert "C-FIND: p99 2.5" in Run(capacity=1000, latency=2.5, operation="C-FIND").watch.steps[-1].knee
    assert not any(step.knee for step in Run(capacity=1000, latency=1.5, operation="C-FIND").watch.steps)


def test_an_environment_that_follows_has_no_knee() -> None:
    run = Run(capacity=1000)

    assert run.seconds == 100
    assert not any(step.knee for step in run.watch.steps)
