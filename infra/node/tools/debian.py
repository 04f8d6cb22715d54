"""Debian packages: those the host needs (`infra/node/packages.txt`), and programs taken out of one."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from infra.node.tools import progress
from infra.node.tools.errors import ToolError

PACKAGES = Path(__file__).parent.parent / "packages.txt"
POLICY = Path("/usr/sbin/policy-rc.d")
UNITS = Path("/etc/systemd/system")
INIT_SCRIPTS = Path("/etc/init.d")
NO_ACTION = "#!/bin/sh\nexit 101 # action not allowed: python -m infra.node.tools is at work\n"
_APT = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=300")


def wanted(text: str) -> list[tuple[str, ...]]:
    """The lines of packages.txt; a line may name alternatives: `containerd | containerd.io # what for`."""
    lines = (line.split("#", 1)[0] for line in text.splitlines())
    return [tuple(name.strip() for name in line.split("|")) for line in lines if line.strip()]


def missing(packages: Sequence[tuple[str, ...]]) -> list[str]:
    """The first alternative of each line of which none is installed. Raises ToolError where there is no dpkg."""
    names = [name for alternatives in packages for name in alternatives]
    try:
        # ends with 1 where it does not know a name, which is what we ask
        answer = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise ToolError(
            f"this is no Debian: install what {PACKAGES.name} names by hand, then run with --no-packages"
        ) from error
    installed = {line.split()[0] for line in answer.stdout.splitlines() if line.endswith(" installed")}
    return [alternatives[0] for alternatives in packages if installed.isdisjoint(alternatives)]


def install(packages: Sequence[str]) -> None:
    """Install with apt-get, without starting or enabling a service. Raises ToolError, also where one is not root."""
    if os.geteuid() != 0:
        raise ToolError(
            f"missing Debian packages: ask for `apt-get install --no-install-recommends {' '.join(packages)}`, "
            "or run with --no-packages (enough for a cluster and images that exist elsewhere)"
        )
    refresh_lists()
    with no_services():
        progress.run(
            f"installing {', '.join(packages)}",
            [*_APT, "install", "-y", "--no-install-recommends", *packages],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )


def take_programs(package: str, paths: Sequence[str], into: Path) -> None:
    """Take programs out of a Debian package without installing the package (whose service nobody wants here)."""
    with tempfile.TemporaryDirectory(prefix="vnaops-deb-") as folder:
        Path(folder).chmod(0o755)
        command = [*_APT, "-o", "APT::Sandbox::User=root", "download", package]
        try:
            progress.run(f"fetching the Debian package {package}", command, cwd=Path(folder))
        except ToolError:
            if os.geteuid() != 0:
                raise
            refresh_lists()
            progress.run(f"fetching the Debian package {package}", command, cwd=Path(folder))
        (archive,) = Path(folder).glob("*.deb")
        progress.run(f"unpacking {package}", ["dpkg-deb", "-x", str(archive), f"{folder}/root"])
        for path in paths:
            shutil.move(Path(folder) / "root" / path, into / Path(path).name)


@cache
def refresh_lists() -> None:
    """`apt-get update`, once a run. One broken source among several is no reason to stop: the install will tell."""
    try:
        progress.run("refreshing the package lists", [*_APT, "update"])
    except ToolError as error:
        progress.say(f"warning: {error}")


@contextmanager
def no_services() -> Iterator[None]:
    """Nothing is started while packages are installed, nor at the next boot: the node runs containerd, the registry and
    the peers itself, on ports of its own. A service that was there before stays as it is."""
    # One that a killed run has left is ours too.
    own_policy = not POLICY.exists() or POLICY.read_text() == NO_ACTION
    before, scripts_before = _enabled(), _init_scripts()
    if own_policy:
        POLICY.write_text(NO_ACTION)
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if own_policy:
            POLICY.unlink()
        for link in sorted(_enabled() - before):
            link.unlink()
        # As executables they would start their services where there is no systemd, and docker-registry could not be
        # removed again: its pre-removal script fails when there is nothing to stop.
        for script in sorted(_init_scripts() - scripts_before):
            script.chmod(0o644)


def _enabled() -> set[Path]:
    return set(UNITS.glob("*.wants/*.service")) | set(UNITS.glob("*.wants/*.socket"))


def _init_scripts() -> set[Path]:
    return {script for script in INIT_SCRIPTS.glob("*") if os.access(script, os.X_OK)}
