"""How a node's containers end, and what they leave: processes, mounts, cgroups, sockets, interfaces, tables."""

import contextlib
import json
import os
import shutil
import signal
from pathlib import Path

from infra.node.commands import run, works
from infra.node.errors import NodeError
from infra.node.layout import Machine
from infra.node.policy_agent import render
from infra.node.processes import Daemons, send, until

CNI_RESULTS = Path("/var/lib/cni/results")
CONTAINER_LOGS = Path("/var/log/containers")
"""kubelet's links into its podLogsDir; their place can't be configured."""
_TABLES = (("inet", render.TABLE), ("ip", "kube-proxy"), ("ip6", "kube-proxy"))
_TERM_SECONDS = 10.0


def hierarchies() -> list[Path]:
    """Every cgroup hierarchy, also the named systemd one: kubelet wants its cgroupRoot in each of them."""
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return [Path(fields[1]) for fields in mounts if fields[2] in ("cgroup", "cgroup2")]


def kill(machine: Machine, daemons: Daemons, gently: bool) -> None:
    """Ends everything of a node; what is on disk stays. `gently` lets the containers end by themselves first (10 s)."""
    daemons.kill(*machine.daemons[:3])  # kubelet first, lest it restarts what is ended
    if gently:
        for pid in contained(machine):
            send(pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            until(lambda: not contained(machine), _TERM_SECONDS)
    daemons.kill(f"{machine.name}.containerd")

    def emptied() -> bool:
        left = contained(machine)
        for pid in left:
            send(pid, signal.SIGKILL)
        return not left

    try:
        until(emptied, 10)
    except TimeoutError as error:
        raise NodeError(f"{machine.name}: processes {contained(machine)} can't be killed; see dmesg") from error
    _forget_runtime(machine)


def contained(machine: Machine) -> list[int]:
    """The processes in the node's cgroups: its containers."""
    found: set[int] = set()
    for hierarchy in hierarchies():
        for directory, _, _ in os.walk(
            hierarchy / machine.cgroup
        ):  # not rglob: that fails when a cgroup goes meanwhile
            with contextlib.suppress(OSError):
                found.update(int(line) for line in Path(directory, "cgroup.procs").read_text().split())
    return sorted(found)


def _forget_runtime(machine: Machine) -> None:
    """Takes away what only lives as long as containers do: sockets, mounts, cgroups, addresses, links to logs."""
    folder = machine.folder
    for file in (folder / "state").glob("io.containerd.runtime.v2.task/*/*/address"):
        Path(file.read_text().strip().removeprefix("unix://")).unlink(missing_ok=True)  # below /run/containerd/s
    unmount(folder)
    for hierarchy in hierarchies():
        for directory, _, _ in os.walk(hierarchy / machine.cgroup, topdown=False):
            with contextlib.suppress(OSError):
                Path(directory).rmdir()
    for result in CNI_RESULTS.glob(f"{machine.cni_name}-*"):
        sandbox = result.name.removeprefix(f"{machine.cni_name}-").partition("-")[0]
        (CNI_RESULTS / f"cni-loopback-{sandbox}-lo").unlink(missing_ok=True)
        result.unlink()
    for link in CONTAINER_LOGS.glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(folder):
            link.unlink()
    for rubbish in ("state", "ipam"):
        shutil.rmtree(folder / rubbish, ignore_errors=True)
    for pattern in ("*.sock", "*.sock.ttrpc"):
        for socket in folder.glob(pattern):
            socket.unlink()


def mounts(folder: Path) -> list[str]:
    """What is mounted below a folder, the deepest last."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    targets = (line.split()[1].encode().decode("unicode_escape") for line in lines)
    return sorted(target for target in targets if target.startswith(f"{folder}/"))


def unmount(folder: Path) -> None:
    """Unmounts everything below a folder."""
    for _ in range(3):  # a mount may lie on a mount
        for target in reversed(mounts(folder)):
            works(["umount", "--lazy", target])


def forget_tables(machine: Machine) -> None:
    """Deletes the tables of kube-proxy and policy agent in the node's network namespace, and the pods' interfaces."""
    if machine.namespace and not Path(f"/run/netns/{machine.namespace}").exists():
        return
    for family, table in _TABLES:
        works([*machine.prefix, "nft", "delete", "table", family, table])


def interfaces(machine: Machine) -> list[str]:
    """The node's ends of its pods' cables: veths with a route to an address of its pods."""
    routes = json.loads(run([*machine.prefix, "ip", "-json", "-4", "route", "show", "table", "main"]) or "[]")
    prefix = machine.pods.rsplit(".", 1)[0] + "."
    return sorted({r["dev"] for r in routes if r["dst"].startswith(prefix) and r.get("dev", "").startswith("veth")})
