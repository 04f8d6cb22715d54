"""`make up`: from an empty machine to a loaded, measured environment, each step with its time.

Every step is a command that can be run by hand and repeated; this file only orders them. An interrupted run is
repeated with the same command: what is done already is found done.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra import environment, paths
from infra.files import write

PYTHON = sys.executable


class StepError(Exception):
    """A step failed; its own output has said why."""


def say(text: str) -> None:
    """One line of progress."""
    print(text, flush=True)


def _environment() -> dict[str, str]:
    return {**os.environ, **environment.variables(os.environ)}


def run(name: str, command: Sequence[str], more: Mapping[str, str] | None = None, *, apart: bool = False) -> None:
    """Runs a command, its lines prefixed with the step's name; raises StepError with how to repeat it.

    `apart`: it doesn't hear an interruption at the terminal.
    """
    own = {**_environment(), **(more or {})}
    with subprocess.Popen(
        command, env=own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=apart
    ) as child:
        assert child.stdout is not None  # noqa: S101 (for the type)
        for line in child.stdout:
            say(f"  {name}: {line.rstrip()}")
    if child.returncode:
        raise StepError(f"{name} failed (exit {child.returncode}); by hand: {' '.join(command)}")


def captured(command: Sequence[str]) -> str:
    """What a command prints; raises StepError with what it said instead."""
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def step(name: str, action: Callable[[], None]) -> None:
    """Runs an action under a heading and says how long it took."""
    say(f"▸ {name}")
    began = time.monotonic()
    action()
    say(f"✓ {name} ({time.monotonic() - began:.0f} s)")


def beside(*actions: tuple[str, Callable[[], None]]) -> None:
    """Runs actions at the same time: the tool builds need the processor, the images disk and network."""
    failures: list[BaseException] = []

    def one(name: str, action: Callable[[], None]) -> None:
        try:
            step(name, action)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=one, args=pair) for pair in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def ensure_stack(stack: str) -> None:
    """Makes the stack in the backend where it is missing; `infra.environment` says why with a throw-away project."""
    known = json.loads(captured(["pulumi", "stack", "ls", "--json"]))
    if stack in {entry["name"].rpartition("/")[2] for entry in known}:
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Pulumi.yaml").write_text("name: vnaops\nruntime: python\n")
        run("stack", ["pulumi", "-C", folder, "stack", "init", "--no-select", stack])


def deploy(stack: str) -> None:
    """`pulumi up`, and the stack's outputs (secrets included, mode 0600) for campaigns and tests."""
    ensure_stack(stack)
    own = environment.stack_variables(stack)
    run("pulumi", ["pulumi", "up", "--yes", "--non-interactive", "--color=never", "--stack", stack], own)
    write_outputs(stack)


def say_what_is_older() -> None:
    """Names the images whose files have changed since: a deploy takes what was built last, and never waits for this."""
    try:
        listed = captured([PYTHON, "-m", "infra.images", "--list"]).splitlines()
    except StepError as error:  # images are being built just now, say
        return say(f"  images: it is not known which have changed since they were built: {error}")
    if older := [line.split()[0] for line in listed if line.endswith("to be built")]:
        say(f"  images: changed since they were built: {', '.join(older)}; to deploy that, `make images` first")
    return None


def write_outputs(stack: str) -> None:
    """Writes `pulumi stack output` where campaigns and tests find it."""
    outputs = captured(["pulumi", "stack", "output", "--json", "--show-secrets", "--stack", stack])
    write(paths.outputs_file(stack), outputs)


REPORTS = Path("build/campaigns")


def campaign(stack: str) -> None:
    """The first campaign, unless this release has one already."""
    release = json.loads(paths.outputs_file(stack).read_text())["release"]
    for report in sorted(REPORTS.glob("*/report.json")):
        with contextlib.suppress(ValueError, OSError):
            if json.loads(report.read_text()).get("release") == release:
                say(f"  this release has its campaign: {report.parent} (`make campaign` runs another)")
                return
    run(
        "campaign",
        ["vnaops-campaign", "--outputs", str(paths.outputs_file(stack)), "--report-dir", str(REPORTS)],
    )


def summary(stack: str) -> None:
    """Where to look next."""
    outputs = json.loads(paths.outputs_file(stack).read_text())
    dicom = outputs["dicom"]
    say("")
    say(f"The environment {stack} is up:")
    say(f"  DICOM          {dicom['aeTitle']}@{dicom['host']}:{dicom['port']} (TLS: {outputs['dicomTls']['port']})")
    say(f"  DICOMweb       {outputs['dicomWeb']['url']} (user {outputs['dicomWeb']['username']})")
    say(f"  WADO-URI       {outputs['dicomWeb']['wadoUri']}")
    if "page" in outputs:
        say(f"  page           {outputs['page']['url']}")
    if "prometheus" in outputs:
        say(f"  Prometheus     {outputs['prometheus']['url']}")
    if "alertmanager" in outputs:
        say(f"  Alertmanager   {outputs['alertmanager']['url']}")
    reports = sorted(REPORTS.glob("*/report.html"))
    if reports:
        say(f"  last campaign  {reports[-1]}")
    say("")
    say('Next: eval "$(make -s env)" for pulumi and kubectl; make status; make campaign; make node-down; make help')


def embedded(stack: str) -> bool:
    """Whether the embedded node is meant: neither KUBECONFIG nor the stack names another cluster."""
    named = os.environ.get("KUBECONFIG")
    return named == str(paths.node_kubeconfig()) if named else not environment.names_a_cluster(stack)


def up(stack: str, nodes: int) -> None:
    """Everything, in order."""
    environment.stack_variables(stack)  # a stack without a file is refused before anything is built
    step("packages", lambda: run("packages", [PYTHON, "-m", "infra.node.tools", "--only-packages"]))
    node = embedded(stack)
    if node:
        step("registry", lambda: run("registry", [PYTHON, "-m", "infra.node", "registry"]))
    beside(
        ("tools", lambda: run("tools", [PYTHON, "-m", "infra.node.tools", "--no-packages"])),
        ("images", lambda: run("images", [PYTHON, "-m", "infra.images", "--wait-for-tools", "1800"])),
    )
    if node:
        step("node", lambda: run("node", [PYTHON, "-m", "infra.node", "up", "--nodes", str(nodes)]))
    step(f"deploy {stack}", lambda: deploy(stack))
    step("campaign", lambda: campaign(stack))
    summary(stack)


def wipe() -> None:
    """Deletes the embedded node with its data, and what Pulumi knew of it. Images stay in the registry's folder."""
    run("node", [PYTHON, "-m", "infra.node", "wipe"])
    for gone in (paths.pulumi_state_dir(), paths.outputs_dir(), paths.stack_copies_dir()):
        shutil.rmtree(gone, ignore_errors=True)
    paths.credentials_file().unlink(missing_ok=True)


def main() -> None:
    """Parses the arguments and ends with 0, 1 (a step failed) or 130 (interrupted)."""
    parser = argparse.ArgumentParser(prog="python -m infra.up", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--stack", default="dev", help="the environment (default: dev)")
    parser.add_argument("--nodes", type=int, default=1, choices=(1, 3), help="nodes of the embedded cluster")
    parser.add_argument("--deploy-only", action="store_true", help="pulumi up and the outputs, nothing before or after")
    parser.add_argument("--wipe", action="store_true", help="delete the embedded node, its data and its state")
    arguments = parser.parse_args()
    began = time.monotonic()
    try:
        if arguments.wipe:
            wipe()
        elif arguments.deploy_only:
            if embedded(arguments.stack) and paths.images_file().exists():
                say_what_is_older()
            deploy(arguments.stack)
        else:
            up(arguments.stack, arguments.nodes)
            say(f"\nmake up took {time.monotonic() - began:.0f} s")
    except StepError as error:
        sys.exit(f"✗ {error}")
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        say("interrupted: repeat the command, what is done is kept")
        sys.exit(130)


if __name__ == "__main__":
    main()
