"""The whole of it: up, down, status, wipe, the registry alone, and drills with single nodes."""

import contextlib
import fcntl
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from infra import paths
from infra.node import checks, control_plane, dns, leftovers, network, registry, volumes, worker
from infra.node.api import Api, ApiError
from infra.node.errors import NodeError
from infra.node.layout import NODES, Layout, Machine
from infra.node.pki import Pki
from infra.node.processes import Daemons, until

IMAGES = ("pause", "coredns")
_READY_SECONDS = 120.0


def say(text: str) -> None:
    """One line of progress."""
    print(text, flush=True)


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Says what was done, with its time."""
    began = time.monotonic()
    yield
    say(f"{name} ({time.monotonic() - began:.1f} s)")


@dataclass(frozen=True)
class Cluster:
    """The embedded cluster of one state folder."""

    layout: Layout

    @classmethod
    def here(cls) -> "Cluster":
        """The one of `infra.paths`."""
        return cls(Layout(paths.node_dir()))

    @property
    def daemons(self) -> Daemons:
        """Its daemons."""
        return Daemons(self.layout.root, self.layout.log)

    @property
    def pki(self) -> Pki:
        """Its certificates."""
        return Pki(self.layout)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One command at a time for a state folder."""
        self.layout.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.layout.root.chmod(0o700)
        with (self.layout.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("waiting for another command on this node to end")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def running(self) -> set[str]:
        """The names of the daemons that run."""
        return {p.owner.rsplit(":", 2)[1] for p in self.daemons.processes() if p.owner.endswith(f":{p.program}")}

    def registry(self) -> None:
        """Bridge, certificates and registry only: images are built while the rest isn't there yet."""
        checks.check_root()
        checks.check_path(self.layout)
        checks.check_disk(self.layout)
        checks.check_address(self.layout)
        checks.check_ports(self.running(), checks.REGISTRY_PORTS)
        with self.locked(), step(f"registry {registry.HOST}"):
            self._base()

    def _base(self) -> None:
        network.claim(self.layout)
        self.pki.ensure()
        registry.start(self.layout, self.daemons, self.pki)

    def up(self, nodes: int) -> None:
        """Starts what doesn't run. On a running node it changes nothing."""
        checks.check_root()
        checks.check_path(self.layout)
        running = self.running()
        if "kube-apiserver" not in running:
            checks.check_disk(self.layout)
        checks.check_programs()
        checks.check_kernel()
        checks.check_address(self.layout)
        checks.check_ports(running, checks.PORTS)
        images = self._images()
        since = time.time()
        with self.locked():
            machines = [self.layout.machine(number) for number in range(1, nodes + 1)]
            if extra := [m.name for m in self.layout.known() if m not in machines]:
                raise NodeError(
                    f"{', '.join(extra)} was made by an earlier run: repeat with --nodes {NODES[1]}, "
                    "or start anew: python -m infra.node wipe"
                )
            with step("network, certificates, registry"):
                self._base()
                network.masquerade()
            with step("etcd, API server, controller manager, scheduler"):
                api = control_plane.start(self.layout, self.daemons, self.pki)
            began: list[Machine] = []
            for machine in machines:
                with step(f"{machine.name}: containerd, policy agent, kubelet, kube-proxy"):
                    network.wire(machine)
                    if worker.start(machine, self.daemons, self.pki, images["pause"]):
                        began.append(machine)
            with step("names and volumes"):
                api.apply(volumes.storage_class())
                for item in dns.manifests(images["coredns"]):
                    api.apply(item)
            with step("ready"):
                for machine in machines:
                    self._wait_ready(api, machine, since if machine in began else 0.0)
                self._wait_names()
        say(f"kubeconfig: {self.layout.admin}")

    def _images(self) -> dict[str, str]:
        """The references of the node's own images; they are built if they are missing."""

        def known() -> dict[str, str]:
            file = paths.images_file()
            found: dict[str, str] = json.loads(file.read_text()) if file.is_file() else {}
            return found

        if all(name in known() for name in IMAGES):
            return known()
        self.registry()
        say(f"images of the node's own ({', '.join(IMAGES)}): python -m infra.images")
        done = subprocess.run([sys.executable, "-m", "infra.images", *IMAGES], check=False)
        if done.returncode or not all(name in known() for name in IMAGES):
            raise NodeError(
                f"the images {', '.join(IMAGES)} couldn't be built; by hand: python -m infra.images {' '.join(IMAGES)}"
            )
        return known()

    def _wait_ready(self, api: Api, machine: Machine, since: float) -> None:
        """Waits for Ready. After a restart the API still has the Ready of before, so a newer heartbeat is asked for."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))

        def ready() -> bool:
            with contextlib.suppress(ApiError):
                for condition in api.call("GET", f"/api/v1/nodes/{machine.name}")["status"].get("conditions", []):
                    if condition["type"] == "Ready":
                        return bool(condition["status"] == "True" and condition["lastHeartbeatTime"] >= stamp)
            return False

        self.daemons.wait(f"{machine.name}.kubelet", ready, _READY_SECONDS)

    def _wait_names(self) -> None:
        try:
            until(dns.answers, _READY_SECONDS, 0.2)
        except TimeoutError as error:
            kubectl = f"{paths.tools_bin() / 'kubectl'} --kubeconfig {self.layout.admin}"
            raise NodeError(
                f"CoreDNS doesn't answer after {_READY_SECONDS:.0f} s; see why: {kubectl} -n kube-system describe pods"
            ) from error

    def down(self) -> None:
        """Ends everything and takes every trace out of the machine; data stays."""
        checks.check_root()
        if not self.layout.root.exists():
            return
        with self.locked():
            self._down()

    def _down(self) -> None:
        daemons = self.daemons
        for machine in self.layout.known():
            with step(f"{machine.name} stopped"):
                cables = leftovers.interfaces(machine) if machine.namespace is None else []
                leftovers.kill(machine, daemons, gently=True)
                leftovers.forget_tables(machine)
                for cable in cables:
                    network.drop(cable)
                network.unwire(machine)
        with step("control plane and registry stopped"):
            for name in (*control_plane.NAMES, registry.NAME):
                daemons.stop([name])
            for socket in self.layout.run.glob("*"):
                socket.unlink()
        if self.layout.log.exists() or network.owner():
            network.release(self.layout)

    def wipe(self) -> None:
        """`down`, and the data goes too: etcd, volumes, containers, certificates, and the registry's images."""
        self.down()
        root = self.layout.root
        if left := leftovers.mounts(root):
            raise NodeError(f"{left[0]} is still mounted: deleting would follow it; unmount it and repeat")
        with step("data deleted"):
            for folder in (root, paths.registry_dir()):
                if folder.exists():
                    shutil.rmtree(folder)
            paths.images_file().unlink(missing_ok=True)

    def status(self) -> dict[str, Any]:
        """What runs, and what doesn't."""
        running = self.running()
        machines = self.layout.known()
        wanted = [registry.NAME, *control_plane.NAMES, *(name for m in machines for name in m.daemons)]
        answers = "kube-apiserver" in running and self.layout.admin.exists() and Api(self.layout.admin).ready()
        return {
            "up": answers and bool(machines) and set(wanted) <= running,
            "running": sorted(running),
            "missing": [name for name in wanted if name not in running],
            "nodes": [machine.name for machine in machines],
            "kubeconfig": str(self.layout.admin),
        }

    def on_machine(self, number: int, action: Callable[[Machine], None]) -> None:
        """Runs a drill on a node that exists."""
        checks.check_root()
        machine = self.layout.machine(number)
        if machine not in self.layout.known():
            raise NodeError(f"there is no {machine.name}: python -m infra.node up --nodes {NODES[1]}")
        with self.locked():
            action(machine)

    def kill_machine(self, machine: Machine) -> None:
        """A node dies: every process of it at once, no warning."""
        with step(f"{machine.name} killed"):
            leftovers.kill(machine, self.daemons, gently=False)

    def start_machine(self, machine: Machine) -> None:
        """A dead node comes back."""
        since = time.time()
        with step(f"{machine.name} started"):
            network.wire(machine)
            worker.start(machine, self.daemons, self.pki, self._images()["pause"])
            self._wait_ready(Api(self.layout.admin), machine, since)
