"""What `vnaops-campaign run` does with its options. Import it only after gevent has patched the standard library."""

import argparse
import re
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from loadtests import environment as environments
from loadtests.bench.raw_s3 import store_of
from loadtests.campaigns import plan as plans
from loadtests.campaigns.checks import address, check
from loadtests.campaigns.plan import Plan
from loadtests.campaigns.processes import processors
from loadtests.campaigns.runner import Workers, work_for
from loadtests.campaigns.session import session
from loadtests.profiles.study import new_run

RUN_NAME = re.compile(r"[\w.:+-]{1,64}")


class OptionError(ValueError):
    """An option can't be used; the message names it."""


def run(options: argparse.Namespace) -> int:
    """Run a campaign. Returns the exit code.

    Raises:
        ValueError: bad input, in one line; nothing was done.
    """
    outputs = _outputs(options)
    _check_numbers(options)
    workers = _workers(options)
    plan = planned(options)
    environment = environments.load(outputs)
    run_name = options.run or new_run()
    if not RUN_NAME.fullmatch(run_name):
        raise OptionError(f"--run {run_name!r}: at most 64 letters, digits and any of .:+-_")
    check(plan, environment, outputs, run_name, options.also_load, print)
    if options.s3_baseline:
        store_of(outputs, options.s3_baseline)  # refuses what can't be used
    folder = new_folder(options.folder or default_folder(options.report_dir, plan.name))
    return session(
        plan,
        environment,
        run_name,
        folder,
        workers,
        outputs,
        calibrates=not options.no_calibration,
        with_pdf=not options.no_pdf,
        s3_credentials=options.s3_baseline,
    )


def work(options: argparse.Namespace) -> int:
    """Make load for a master. Returns the exit code.

    Raises:
        ValueError: bad input, in one line.
    """
    host, _, port = _address("--worker", options.worker).rpartition(":")
    try:
        work_for(host, int(port), environments.load(_outputs(options)), until_end_of_input=options.until_end_of_input)
    except ConnectionError:
        raise OptionError(f"--worker {options.worker}: there is no master") from None
    return 0


def planned(options: argparse.Namespace) -> Plan:
    """The campaign's file with what the options change.

    Raises:
        PlanError, OptionError: in one line.
    """
    plan = plans.load(options.campaign)
    try:
        if options.factor is not None:
            plan = plan.with_factor(options.factor)
        if options.seconds is not None:
            plan = plan.with_seconds(options.seconds)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise OptionError(f"campaign {plan.name} with --factor or --seconds: {said}") from None
    if options.limit is not None:
        plan = plan.with_limit(options.limit)
    return plan if options.studies is None else plan.with_sessions(options.studies)


def default_folder(report_dir: Path, name: str) -> Path:
    """Where a campaign's folder is that begins now."""
    return report_dir / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{name}"


def new_folder(folder: Path) -> Path:
    """Make it. Raises OptionError where that can't be."""
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise OptionError(f"{folder} can't be made: {error.strerror}") from None
    return folder


def _outputs(options: argparse.Namespace) -> Path:
    if options.outputs is None:
        raise OptionError("--outputs is missing: the JSON file of the environment's outputs")
    found: Path = options.outputs
    return found


def _check_numbers(options: argparse.Namespace) -> None:
    if options.studies is not None and options.studies < 1:
        raise OptionError(f"--studies {options.studies}: at least one study")
    for name in ("factor", "seconds", "limit"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise OptionError(f"--{name} {value:g}: more than 0{'' if name == 'factor' else ' seconds'}")
    for target in options.also_load:
        _address("--also-load", target)


def _workers(options: argparse.Namespace) -> Workers | None:
    if options.master and options.processes:
        raise OptionError("--processes cannot be given with --master: its workers are started elsewhere")
    if options.master:
        host, _, port = options.master.rpartition(":")
        if not port.isdigit() or options.workers < 1:
            raise OptionError(f"--master {options.master} --workers {options.workers}: [HOST]:PORT, and one at least")
        return Workers(options.workers, (host or "*", int(port)))
    if options.processes is None:
        return None
    if options.processes == "auto":
        return Workers(processors())
    if not options.processes.isdigit() or not 1 <= int(options.processes) <= 256:
        raise OptionError(f"--processes {options.processes}: a number from 1 to 256, or auto")
    return Workers(int(options.processes))


def _address(option: str, target: str) -> str:
    try:
        return address(target)
    except ValueError as error:
        raise OptionError(f"{option}: {error}") from None
