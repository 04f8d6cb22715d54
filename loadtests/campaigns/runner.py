"""Runs a campaign with Locust's own runners: in this process, or with workers of whom this one is the master.

Import it only after gevent has patched the standard library.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
import locust
from gevent.event import Event
from locust.env import Environment as LocustEnvironment

from loadtests.campaigns.allotment import hang
from loadtests.campaigns.conductor import Conductor
from loadtests.campaigns.interruption import Interruption
from loadtests.campaigns.performer import Performer
from loadtests.campaigns.plan import Plan
from loadtests.campaigns.processes import Processes
from loadtests.environment import Environment

LOOPBACK = "127.0.0.1"
ANY_PORT = 0
WORKERS_SECONDS = 300.0  # pods may be pulling their image


@dataclass(frozen=True)
class Workers:
    """Other processes that make the load.

    Args:
        count: how many are waited for.
        bind: where the master listens, HOST:PORT; None: on a free port of the loopback, for processes started here.
    """

    count: int
    bind: tuple[str, int] | None = None


class WorkersMissingError(Exception):
    """Not all workers came; the message says how many."""


def run(
    plan: Plan,
    environment: Environment,
    run_name: str,
    folder: Path,
    say: Callable[[str], None],
    interruption: Interruption,
    workers: Workers | None,
    outputs: Path,
    calibrates: bool,
) -> Conductor:
    """Run it to its end, its limit of time or an interruption. Returns the conductor, who knows what became of it.

    What is under way at the end is let finish, up to the plan's answer time-out.

    Raises:
        WorkersMissingError: no load has been made.
    """
    locust_environment: Any = LocustEnvironment(events=locust.event.Events(), catch_exceptions=True)
    hang(locust_environment, plan)
    if workers is None:
        runner = locust_environment.create_local_runner()
        Performer(locust_environment, environment)
    else:
        runner = locust_environment.create_master_runner(*(workers.bind or (LOOPBACK, ANY_PORT)))
    is_over = Event()
    conductor = Conductor(
        locust_environment,
        plan,
        run_name,
        folder,
        say,
        is_over.set,
        interruption,
        shares_folder=workers is None or workers.bind is None,
        calibrates=calibrates,
    )
    events = locust_environment.events
    events.test_start.add_listener(conductor.prepare)
    events.spawning_complete.add_listener(conductor.begin)
    events.test_stopping.add_listener(conductor.finish)
    processes = None
    try:
        if workers is not None:
            if workers.bind is None:
                processes = Processes(workers.count, runner.server.port, outputs, conductor.fail)
            _wait_for_workers(conductor, workers.count, say, interruption)
        if not interruption.asked:
            runner.start(1, 1)
            is_over.wait()
    finally:
        runner.quit()
        if processes is not None:
            processes.stop()
    return conductor


def _wait_for_workers(conductor: Conductor, count: int, say: Callable[[str], None], interruption: Interruption) -> None:
    deadline, shown = time.monotonic() + WORKERS_SECONDS, time.monotonic()
    while len(conductor.here) < count and not interruption.asked:
        if conductor.failures:
            raise WorkersMissingError(conductor.failures[0])
        if time.monotonic() > deadline:
            raise WorkersMissingError(
                f"only {len(conductor.here)} of {count} workers came within {WORKERS_SECONDS:g} s: look at their logs"
            )
        if time.monotonic() - shown >= 2:
            shown = time.monotonic()
            say(f"waiting for workers: {len(conductor.here)} of {count} are here")
        gevent.sleep(0.1)


def work_for(host: str, port: int, environment: Environment, *, until_end_of_input: bool = False) -> None:
    """Be a worker of the master there until it says that it is over.

    Args:
        until_end_of_input: end at once when standard input ends: the process that started this one is gone.

    Raises:
        ConnectionError: there is no master.
    """
    if until_end_of_input:
        gevent.spawn(_end_with_input)
    locust_environment: Any = LocustEnvironment(events=locust.event.Events(), catch_exceptions=True)
    runner = locust_environment.create_worker_runner(host, port)
    Performer(locust_environment, environment)
    runner.greenlet.join()


def _end_with_input() -> None:
    import os
    import sys

    gevent.get_hub().threadpool.apply(os.read, (sys.stdin.fileno(), 1))
    os._exit(1)
