"""An embedded Kubernetes of the tests' own, in network and mount namespaces of its own.

Its addresses are fixed, so on the machine itself it would collide with the one a user has running. In namespaces of its
own it doesn't, and tests may stop it, kill it and wipe it. It has no network but itself; its images are hard links to
the machine's registry.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import paths
from infra.node.layout import Layout

ROOT = Path(__file__).parents[2]
IMAGES = ("pause", "coredns", "python")
# private copies of what kubelet, CNI and `ip netns` keep at fixed places
_PRIVATE = ("/var/lib/kubelet", "/var/log/containers", "/var/lib/cni", "/run/netns")
# the copies of a user's mounts would keep what they mount busy
_HOLD = """set -e
user=$1; shift
ip link set lo up
awk -v user="$user/" 'index($2, user) == 1 {print $2}' /proc/mounts | sort -r | xargs -r umount --lazy
for folder; do mount -t tmpfs tmpfs "$folder"; done
echo held
exec sleep infinity
"""


@dataclass(frozen=True)
class Node:
    """The cluster: commands run inside its namespaces."""

    holder: int
    state: Path

    @property
    def layout(self) -> Layout:
        """Its files."""
        return Layout(self.state / "node")

    def _command(self, *command: str) -> list[str]:
        return ["nsenter", f"--target={self.holder}", "--net", "--mount", "--", *command]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "VNAOPS_STATE": str(self.state), "PYTHONPATH": str(ROOT)}

    def spawn(self, *command: str) -> "subprocess.Popen[str]":
        """Starts a command in the namespaces."""
        return subprocess.Popen(self._command(*command), stdout=subprocess.PIPE, text=True, env=self._environment())

    def inside(self, *command: str, text: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a command in the namespaces; raises AssertionError with its output if it fails and `check` is set."""
        done = subprocess.run(
            self._command(*command),
            cwd=ROOT,
            env=self._environment(),
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

    def node(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`python -m infra.node …`."""
        return self.inside(sys.executable, "-m", "infra.node", *arguments, check=check)

    def kubectl(self, *arguments: str, text: str | None = None, check: bool = True) -> str:
        """The output of kubectl as the administrator."""
        program, kubeconfig = str(paths.tools_bin() / "kubectl"), f"--kubeconfig={self.layout.admin}"
        return self.inside(program, kubeconfig, *arguments, text=text, check=check).stdout

    def apply(self, *items: dict[str, Any]) -> None:
        """Applies objects."""
        self.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))

    def status(self) -> dict[str, Any]:
        """`status --json`."""
        found: dict[str, Any] = json.loads(self.node("status", "--json", check=False).stdout)
        return found


def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Polls what can't be waited for; whether it became true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _ensure_images() -> None:
    """The images in the machine's registry; what had to be started for them is stopped again."""
    file = paths.images_file()
    if file.is_file() and all(name in json.loads(file.read_text()) for name in IMAGES):
        return
    ran = subprocess.run(
        [sys.executable, "-m", "infra.node", "status", "--json"], cwd=ROOT, capture_output=True, text=True
    )
    subprocess.run([sys.executable, "-m", "infra.images", *IMAGES], cwd=ROOT, check=True)
    if not json.loads(ran.stdout)["running"]:
        subprocess.run([sys.executable, "-m", "infra.node", "down"], cwd=ROOT, check=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


@contextlib.contextmanager
def isolated_node(*, nodes: int = 1) -> Iterator[Node]:
    """A running cluster; afterwards nothing of it is left."""
    _ensure_images()
    made = [folder for folder in map(Path, _PRIVATE) if not folder.exists()]
    for folder in made:
        folder.mkdir(parents=True)
    # short: there are sockets in it
    state = Path(tempfile.mkdtemp(prefix="vnaops-", dir="/var/tmp"))
    command = ["unshare", "--net", "--mount", "--propagation=private", "sh", "-c", _HOLD, "hold"]
    command += [str(paths.node_dir()), *_PRIVATE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            node = Node(holder.pid, state)
            shutil.copytree(paths.registry_dir(), state / "registry", copy_function=_link)
            shutil.copy2(paths.images_file(), state / "images.json")
            try:
                node.node("up", "--nodes", str(nodes))
                yield node
            finally:
                node.node("wipe")
        finally:
            holder.kill()
            shutil.rmtree(state)
            for folder in made:
                with contextlib.suppress(OSError):
                    folder.rmdir()
