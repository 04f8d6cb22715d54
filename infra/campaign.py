"""`python -m infra.campaign`: a campaign on the cluster, from its Jobs to its report on this machine.

Puts up the campaign's part of the stack and nothing else (`pulumi up --target`: what is loaded stays as it is), shows
what the master says, copies its folder here, and takes everything away again, also when it is interrupted.

Results come by `kubectl exec` and tar from a container that outlives the master. The rejected alternative, a bucket:
campaigns' pods would need its address and its keys, and everything in it would stay locked for years.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from infra import environment, paths
from infra.campaign_pods import Pods, PodsError
from infra.settings import PREFIX, Settings, SettingsError, parse
from infra.up import PYTHON, REPORTS, StepError, run, say, step

EXIT_FAILED, EXIT_REFUSED, EXIT_INTERRUPTED = 1, 2, 130
OWN = "**vnaops:component:Campaign**"
"""Pulumi's pattern for the names of the campaign's resources, and no others."""
GONE_SECONDS = 60.0


class RefusedError(Exception):
    """What was asked for can't be done; one line says what, where, why and what to do."""


def settings_of(options: argparse.Namespace, tested: Mapping[str, Any]) -> dict[str, Any]:
    """The stack's setting `campaign`. A path's file travels as text, a name is looked up in the image."""
    what: dict[str, Any] = {"name": options.campaign}
    path = Path(options.campaign)
    if path.suffix in (".yaml", ".yml"):
        try:
            what = {"plan": path.read_text()}
        except OSError as error:
            raise RefusedError(f"{path}: {error.strerror}: name a campaign, or the path of a campaign's file") from None
    given = {
        "run": options.run,
        "workers": options.workers,
        "factor": options.factor,
        "seconds": options.seconds,
        "limitSeconds": options.limit,
        "studies": options.studies,
        "cpu": options.cpu,
        "memory": options.memory,
    }
    return {**what, **{name: value for name, value in given.items() if value is not None}, "release": dict(tested)}


def checked(stack: str, campaign: Mapping[str, Any]) -> Settings:
    """The stack's settings with this campaign; raises SettingsError before anything is built or put up."""
    committed = yaml.safe_load((environment.STACKS / f"Pulumi.{stack}.yaml").read_text()) or {}
    own = {name.removeprefix(f"{PREFIX}:"): value for name, value in committed.get("config", {}).items()}
    return parse({**own, "campaign": campaign}, stack)


def pods_of(stack: str, settings: Settings) -> Pods:
    """The stack's campaign pods; raises RefusedError where another campaign has some."""
    env = {**os.environ, **environment.variables(os.environ), **environment.stack_variables(stack)}
    context = [f"--context={settings.kube_context}"] if settings.kube_context else []
    pods = Pods(["kubectl", *context, f"--namespace={settings.namespace}"], env, say)
    if there := pods.running_campaign():
        raise RefusedError(
            f"{settings.namespace} has a campaign already (Job {there}): wait for its end, "
            f"or end it with `make deploy ENV={stack}`"
        )
    return pods


def pulumi(stack: str, *arguments: str, more: Mapping[str, Any] | None = None, apart: bool = False) -> None:
    """Pulumi on the campaign's part of the stack."""
    quiet = [
        "--yes",
        "--skip-preview",
        "--non-interactive",
        "--color=never",
        "--suppress-outputs",
        "--suppress-progress",
    ]
    command = ["pulumi", *arguments, *quiet, "--stack", stack, "--target", OWN]
    run("pulumi", command, environment.stack_variables(stack, more), apart=apart)


def take_away(stack: str, pods: Pods) -> None:
    """The campaign's resources, and nothing else; deaf to interruptions, since only the end of it is a clean one."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        step("take the campaign's pods away", lambda: pulumi(stack, "destroy", apart=True))
        pods.await_none(GONE_SECONDS)
    except StepError as error:
        raise StepError(f"{error}\n`make deploy ENV={stack}` takes the campaign's pods away later") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def passed_on(pods: Pods) -> Iterator[None]:
    """While the master runs, interruptions are for it: it ends in good order, and its report comes here."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        # not `say`: the signal may come in the middle of one, and a buffered file can't be entered twice
        os.write(1, b"interrupted: the master ends the campaign; once more ends it at once\n")
        pods.interrupt()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def print_pdf(folder: Path) -> None:
    """The report once more, here: what prints it (Chromium) is no part of the pods' image."""
    env = {**os.environ, **environment.variables(os.environ)}
    command = ["vnaops-campaign", "report", str(folder)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if not (folder / "report.pdf").exists():
        said = [line for line in (done.stdout + done.stderr).splitlines() if "PDF" in line]
        say(said[0] if said else f"no PDF: {done.stderr.strip()}")


def campaign(stack: str, settings: Mapping[str, Any], pods: Pods, reports: Path) -> int:
    """Put up, follow, collect, take away. Returns the campaign's exit code."""
    try:
        step("put the campaign's pods up", lambda: pulumi(stack, "up", more={"campaign": settings}))
        pods.await_master()
        with passed_on(pods):
            code = pods.follow()
        pods.show_failed_workers()
        for folder in pods.collect(reports):
            if (folder / "report.json").exists():
                print_pdf(folder)
            say(f"here     {folder}")
        return code
    finally:
        take_away(stack, pods)


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        prog="python -m infra.campaign",
        description="Run a campaign from pods of the cluster, and bring its results here.",
        epilog="Exit codes: the campaign's own; 2 refused, 130 interrupted.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    made.add_argument("--stack", default="dev", help="the environment")
    made.add_argument("--campaign", default="first", help="name of a campaign, or path of its .yaml file")
    made.add_argument("--report-dir", type=Path, default=REPORTS, help="folder of the campaigns' folders")
    made.add_argument("--workers", type=int, default=2, help="pods that make the load")
    made.add_argument("--factor", type=float, metavar="F", help="multiply rates, users and paces")
    made.add_argument("--seconds", type=int, metavar="S", help="the shape in this time instead of the file's")
    made.add_argument("--limit", type=int, metavar="SECONDS", help="cut the campaign off after this time")
    made.add_argument("--studies", type=int, metavar="N", help="so many sessions of finite streams in all")
    made.add_argument("--run", help="name of the run, the source of all UIDs")
    made.add_argument("--cpu", help="requested processor of one pod")
    made.add_argument("--memory", help="limit of one pod's memory")
    return made


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns the exit code."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        environment.stack_variables(options.stack)  # a stack without a file is refused before anything is built
        try:
            outputs = json.loads(paths.outputs_file(options.stack).read_text())
        except OSError:
            raise RefusedError(f"the environment {options.stack} isn't up: `make up ENV={options.stack}`") from None
        wanted = settings_of(options, outputs["release"])
        pods = pods_of(options.stack, checked(options.stack, wanted))
        step("image", lambda: run("images", [PYTHON, "-m", "infra.images", "loadtests"]))
        return campaign(options.stack, wanted, pods, options.report_dir)
    except (RefusedError, SettingsError) as error:
        print(f"campaign: {error}", file=sys.stderr)
        return EXIT_REFUSED
    except (StepError, PodsError) as error:
        print(f"campaign: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("campaign: interrupted; nothing of it is left on the cluster", file=sys.stderr)
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
