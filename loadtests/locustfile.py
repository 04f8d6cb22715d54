"""The same campaigns under Locust's own command line and web interface, with the same ledger, raw data and report.

locust -f loadtests/locustfile.py --outputs FILE --campaign first [--headless] [--processes 2] [--master | --worker]

Users, rates and length are the campaign's: Locust's number of users and spawn rate have no meaning here, and its run
time may only cut a campaign off. Each start is a new run with a folder of its own; it ends by itself.
"""

import argparse
from pathlib import Path
from typing import Any

from gevent.event import Event
from locust import User, events
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from loadtests import environment as environments
from loadtests.campaigns import commands, messages, session
from loadtests.campaigns.allotment import hang
from loadtests.campaigns.checks import check
from loadtests.campaigns.conductor import Conductor
from loadtests.campaigns.performer import Performer
from loadtests.campaigns.plan import Plan
from loadtests.main import DEFAULT_REPORTS
from loadtests.profiles.study import new_run


class CampaignUsers(User):
    """Locust wants a class in this file; the campaign's take its place before anybody is spawned."""


@events.init_command_line_parser.add_listener
def _options(parser: Any) -> None:
    def add(name: str, **more: Any) -> None:
        parser.add_argument(name, include_in_web_ui=False, **more)

    add("--outputs", env_var="VNAOPS_OUTPUTS", help="JSON file of the environment's outputs")
    add("--campaign", default="first", help="name of a campaign, or path of its .yaml file")
    add("--factor", type=float, help="multiply rates, users and paces, instead of the file's")
    add("--seconds", type=float, help="the shape in this time instead of the file's")
    add("--limit", type=float, help="cut the campaign off after this time")
    add("--also-load", action="append", default=[], help="a target (HOST:PORT) that the stack doesn't list")
    add("--no-calibration", action="store_true", help="don't measure first what this machine could send")
    add("--no-pdf", action="store_true", help="don't print the report to PDF as well")
    add("--report-dir", default=str(DEFAULT_REPORTS), help="folder of the campaigns' folders")


@events.init.add_listener
def _prepare(environment: Any, **_: Any) -> None:
    options = environment.parsed_options
    if not options.outputs:
        raise SystemExit("locustfile: --outputs is missing: the JSON file of the environment's outputs")
    try:
        target = environments.load(Path(options.outputs))
        if not isinstance(environment.runner, MasterRunner):
            Performer(environment, target)
        if isinstance(environment.runner, WorkerRunner):
            return
        plan = commands.planned(argparse.Namespace(**{**vars(options), "studies": None}))
        check(plan, target, Path(options.outputs), new_run(), options.also_load, print)
    except ValueError as error:
        raise SystemExit(f"locustfile: {error}") from None
    hang(environment, plan)
    _Tests(environment, plan, target)


class _Tests:
    """Locust's tests, one after the other, each as a run of the campaign."""

    def __init__(self, environment: Any, plan: Plan, target: environments.Environment) -> None:
        self._environment, self._plan, self._target = environment, plan, target
        self._conductor: Conductor | None = None
        self._concluded = Event()
        self._concluded.set()
        messages.listen(environment.runner, {"here": lambda *_: None})  # nobody listens between tests
        environment.events.test_start.add_listener(self._start)
        environment.events.spawning_complete.add_listener(self._begin)
        environment.events.test_stopping.add_listener(self._finish)
        environment.events.test_stop.add_listener(self._conclude)

    def _start(self, **_: Any) -> None:
        self._concluded.wait()  # the web interface allows the next start while the last test is still reported
        self._concluded.clear()
        options = self._environment.parsed_options
        folder = commands.new_folder(commands.default_folder(Path(options.report_dir), self._plan.name))
        session.begin(self._plan, self._target, folder, print)
        self._conductor = Conductor(
            self._environment,
            self._plan,
            new_run(),
            folder,
            print,
            self._over,
            shares_folder=isinstance(self._environment.runner, LocalRunner) or bool(options.processes),
            calibrates=not options.no_calibration,
        )
        self._conductor.prepare()

    def _begin(self, **_: Any) -> None:
        if self._conductor is not None:
            self._conductor.begin()

    def _finish(self, **_: Any) -> None:
        if self._conductor is not None:
            self._conductor.finish()

    def _over(self) -> None:
        runner = self._environment.runner
        runner.quit() if self._environment.parsed_options.headless else runner.stop()

    def _conclude(self, **_: Any) -> None:
        conductor, self._conductor = self._conductor, None
        try:
            if conductor is not None and conductor.has_begun:
                with_pdf = not self._environment.parsed_options.no_pdf
                report = session.conclude(conductor, self._target, with_pdf=with_pdf)
                passed = report.passed and not conductor.failures
                self._environment.process_exit_code = session.EXIT_MET if passed else session.EXIT_NOT_MET
        finally:
            self._concluded.set()
