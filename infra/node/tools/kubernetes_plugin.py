"""Pulumi's plug-in for Kubernetes: the official one where it can be had, else the project's stand-in in its place.

The stand-in is the provider of `infra/providers/kubernetes` behind a launcher of two lines. Once the official plug-in
is within reach, `pulumi plugin install --reinstall resource kubernetes VERSION` replaces it.
"""

import importlib.metadata
import os
import signal
import subprocess
from pathlib import Path

from infra import paths
from infra.node.tools import store
from infra.node.tools.progress import say

WITHIN_S = 30.0
PROGRAM = "pulumi-resource-kubernetes"
MARK = "# Stand-in for Pulumi's Kubernetes plug-in (vnaops)"
LAUNCHER = f"""\
#!/bin/sh
{MARK}: the Python first on PATH must be the project's.
exec python3 -m infra.providers.kubernetes "$@"
"""


def version() -> str:
    """The plug-in's version is the one of the Python package whose programs ask for it."""
    return importlib.metadata.version("pulumi-kubernetes")


def folder() -> Path:
    """Where the CLI looks for it."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    return home / "plugins" / f"resource-kubernetes-v{version()}"


def kind() -> str:
    """`official`, `stand-in` or `absent`. An installation that the CLI has marked as partial is absent."""
    program = folder() / PROGRAM
    if not program.exists() or folder().with_name(f"{folder().name}.partial").exists():
        return "absent"
    with program.open("rb") as file:
        return "stand-in" if MARK.encode() in file.read(len(LAUNCHER)) else "official"


def ensure() -> str:
    """Leave an official plug-in alone, install it where none is, lay the stand-in where that fails; gives `kind()`."""
    if kind() == "absent" and not _install_official():
        place = folder()
        place.parent.mkdir(parents=True, exist_ok=True)
        with store.making(place) as unfinished:
            (unfinished / PROGRAM).write_text(LAUNCHER)
            (unfinished / PROGRAM).chmod(0o755)
        place.with_name(f"{place.name}.partial").unlink(missing_ok=True)
        say(f"laid the stand-in of the Kubernetes plug-in into {place}")
    elif kind() == "stand-in" and (folder() / PROGRAM).read_text() != LAUNCHER:
        (folder() / PROGRAM).write_text(LAUNCHER)
    return kind()


def _install_official() -> bool:
    say(f"asking for the official Kubernetes plug-in {version()} (at most {WITHIN_S:.0f} s) …")
    process = subprocess.Popen(
        [paths.tools_bin() / "pulumi", "plugin", "install", "resource", "kubernetes", version()],
        env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(timeout=WITHIN_S) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
