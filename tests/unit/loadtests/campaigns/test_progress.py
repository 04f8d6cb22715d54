"""The line for whoever waits."""

from typing import Any

import pytest

from loadtests.campaigns.generator import together
from loadtests.campaigns.plan import Plan
from loadtests.campaigns.progress import Progress
from loadtests.transactions import Outcome, Recorder, Transaction

PLAN = Plan.model_validate(
    {
        "name": "own",
        "title": "Own",
        "shape": {"kind": "steady", "seconds": 60},
        "streams": [{"behaviour": "store", "per_second": 10}, {"behaviour": "retrieve", "users": 1}],
    }
)


def told(worker: int, offered: int, begun: int, ended: int, **more: Any) -> dict[str, Any]:
    streams = {"store": (offered, begun, ended)}
    return {"worker": worker, "streams": streams, "users": 2, "complete": False, **more}


def test_a_line_has_the_rates_since_the_last_one_and_counts_since_the_beginning() -> None:
    progress, recorder = Progress(PLAN), Recorder()
    for outcome in (Outcome.OK, Outcome.FAILED, Outcome.UNKNOWN):
        recorder.add(Transaction("store", "C-STORE", 0, 0, 1, 3, 4_000_000, outcome))
    progress.take_in(told(0, 20, 12, 10))
    progress.take_in(told(1, 20, 12, 10))

    assert progress.line(recorder, 2) == (
        "    2 s  offered 20.0/s, done 10.0/s, in flight 4, late 16  2 instances/s, 2.0 MB/s  "
        "1 failed, 1 unknown  58 s left"
    )
    assert "offered 0.0/s, done 0.0/s, in flight 4, late 16  0 instances/s, 0.0 MB/s" in progress.line(recorder, 4)


def test_all_has_been_stored_when_every_worker_says_so() -> None:
    progress = Progress(PLAN)
    progress.take_in(told(0, 1, 1, 1, complete=True))
    assert not progress.complete(2)

    progress.take_in(told(1, 1, 1, 1))
    assert not progress.complete(2)

    progress.take_in(told(1, 1, 1, 1, complete=True))
    assert progress.complete(2)


def test_users_are_unknown_before_anybody_has_said_so() -> None:
    progress = Progress(PLAN)
    assert progress.users is None

    progress.take_in(told(0, 1, 1, 1))
    assert progress.users == 2


def test_calibrations_of_workers_add_up() -> None:
    one = {
        "instances_per_second": 100.0,
        "megabytes_per_second": 50.0,
        "processor_seconds_per_thousand": 1.0,
        "seconds": 3.0,
        "associations": 4,
        "processes": 1,
    }
    found = together([one, {**one, "instances_per_second": 300.0, "processor_seconds_per_thousand": 2.0}])

    assert together([]) is None
    assert found is not None
    assert (found["instances_per_second"], found["associations"], found["processes"]) == (400, 8, 2)
    assert found["processor_seconds_per_thousand"] == pytest.approx(1.75)
