"""What runs on every node: containerd with its CNI chain, policy agent, kubelet, kube-proxy. And how all of it goes away."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import sys
from pathlib import Path

from infra import paths
from infra.node import registry
from infra.node.commands import run, works
from infra.node.errors import NodeError
from infra.node.files import write
from infra.node.layout import (
    CLUSTER_DNS,
    CLUSTER_DOMAIN,
    KUBELET_PORT,
    NETWORK,
    PODS,
    PROXY_HEALTH_PORT,
    SERVICES,
    Machine,
)
from infra.node.pki import Pki
from infra.node.policy_agent import render
from infra.node.processes import Daemon, Daemons, send, until

CNI_BINARIES = Path("/usr/lib/cni")
CNI_PLUGINS = ("ptp", "host-local", "loopback")
CNI_RESULTS = Path("/var/lib/cni/results")
CONTAINER_LOGS = Path("/var/log/containers")
"""kubelet's links into its podLogsDir; their place can't be configured."""
MAX_PODS = 200
_TABLES = (("inet", render.TABLE), ("ip", "kube-proxy"), ("ip6", "kube-proxy"))
_TERM_SECONDS = 10.0


def names(machine: Machine) -> list[str]:
    """Its daemons."""
    return [f"{machine.name}.{part}" for part in ("kube-proxy", "kubelet", "policy-agent", "containerd")]


def hierarchies() -> list[Path]:
    """Every cgroup hierarchy, also the named systemd one: kubelet wants its cgroupRoot in each of them."""
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return [Path(fields[1]) for fields in mounts if fields[2] in ("cgroup", "cgroup2")]


def containerd(machine: Machine, sandbox_image: str) -> Daemon:
    """containerd with everything below the node's folder."""
    folder = machine.folder
    certificates = folder / "certs.d"
    write(
        certificates / registry.HOST / "hosts.toml",
        f'server = "https://{registry.HOST}"\n[host."https://{registry.HOST}"]\n  ca = "{Pki(machine.layout).ca}"\n',
    )
    plugin = folder / "cni-bin" / "vnaops-policy"
    source = Path(__file__).parent / "policy_agent" / "plugin.py"
    plugin.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in CNI_PLUGINS:
        link = plugin.parent / name
        link.unlink(missing_ok=True)
        link.symlink_to(CNI_BINARIES / name)
    copy = folder / "policy-plugin.py"
    write(copy, source.read_text())
    write(plugin, f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -S {shlex.quote(str(copy))}\n", 0o700)
    ipam = {
        "type": "host-local",
        "dataDir": str(folder / "ipam"),
        "ranges": [[{"subnet": machine.pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    chain = {
        "cniVersion": "0.4.0",
        "name": machine.cni_name,
        "plugins": [
            {"type": "ptp", "ipMasq": False, "ipam": ipam},
            {"type": "vnaops-policy", "socket": str(machine.policy_socket)},
        ],
    }
    write(folder / "cni" / "10-vnaops.conflist", json.dumps(chain, indent=1))
    configuration = folder / "containerd.toml"
    write(
        configuration,
        f"""version = 2
root = "{folder}/containerd"
state = "{folder}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "{machine.socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{sandbox_image}"
  # there may be no CAP_SYS_RESOURCE
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{certificates}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      Root = "{folder}/state/runc"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugin.parent}"
    conf_dir = "{folder}/cni"
""",
    )
    return Daemon(
        f"{machine.name}.containerd",
        [_program("containerd"), "-c", str(configuration)],
        [configuration],
        machine.prefix,
        proxies=True,
        direct=(NETWORK, PODS, SERVICES),
    )


def policy_agent(machine: Machine, pki: Pki) -> Daemon:
    """The agent that keeps the node's policies in force."""
    kubeconfig, here = machine.layout.kubeconfig("policy-agent"), Path(__file__).parent
    return Daemon(
        f"{machine.name}.policy-agent",
        [
            *(sys.executable, "-u", "-m", "infra.node.policy_agent.agent"),
            *(machine.name, machine.pods, str(kubeconfig), str(machine.policy_socket)),
        ],
        [
            *(kubeconfig, pki.file("policy-agent.crt"), pki.ca, here / "api.py"),
            *(here / "policy_agent" / f"{name}.py" for name in ("agent", "render", "selectors")),
        ],
        machine.prefix,
    )


def kubelet(machine: Machine, pki: Pki) -> Daemon:
    """kubelet, its limits in absolute bytes: a share of a disk that others use too would evict everything at 90 %."""
    folder = machine.folder
    certificate, key = pki.file(f"{machine.name}.crt"), pki.file(f"{machine.name}.key")
    configuration = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": machine.address,
        "port": KUBELET_PORT,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki.ca)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(certificate),
        "tlsPrivateKeyFile": str(key),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{machine.cgroup}",
        "failSwapOn": False,
        "failCgroupV1": False,
        "clusterDNS": [CLUSTER_DNS],
        "clusterDomain": CLUSTER_DOMAIN,
        "containerRuntimeEndpoint": f"unix://{machine.socket}",
        "podLogsDir": str(folder / "pod-logs"),
        "volumePluginDir": str(folder / "volume-plugins"),
        "resolvConf": "/etc/resolv.conf",
        "maxPods": MAX_PODS,
        "makeIPTablesUtilChains": False,  # only kube-proxy's iptables mode needs them, and they outlive kubelet
        "nodeStatusUpdateFrequency": "5s",
        "evictionHard": {
            "memory.available": "200Mi",
            "nodefs.available": "1Gi",
            "imagefs.available": "1Gi",
            "nodefs.inodesFree": "10000",
        },
        "imageGCHighThresholdPercent": 100,  # never by share; what nobody uses for a week goes
        "imageGCLowThresholdPercent": 99,
        "imageMaximumGCAge": "168h",
        "containerLogMaxSize": "20Mi",
        "containerLogMaxFiles": 3,
        "serializeImagePulls": False,
        "maxParallelImagePulls": 2,
        "shutdownGracePeriod": "0s",
    }
    file, kubeconfig = folder / "kubelet.json", machine.layout.kubeconfig(machine.name)
    write(file, json.dumps(configuration, indent=1))
    return Daemon(
        f"{machine.name}.kubelet",
        [
            str(paths.tools_bin() / "kubelet"),
            f"--config={file}",
            f"--kubeconfig={kubeconfig}",
            f"--hostname-override={machine.name}",
            f"--node-ip={machine.address}",
            f"--root-dir={folder}/kubelet",
            f"--cert-dir={folder}/kubelet/pki",
        ],
        [file, kubeconfig, certificate, pki.ca],
        machine.prefix,
    )


def kube_proxy(machine: Machine, pki: Pki) -> Daemon:
    """kube-proxy by nftables; NodePorts on the bridge's network only, not on the machine's other addresses."""
    kubeconfig = machine.layout.kubeconfig("kube-proxy")
    return Daemon(
        f"{machine.name}.kube-proxy",
        [
            str(paths.tools_bin() / "kube-proxy"),
            f"--kubeconfig={kubeconfig}",
            f"--hostname-override={machine.name}",
            f"--cluster-cidr={PODS}",
            "--proxy-mode=nftables",
            f"--nodeport-addresses={NETWORK}",
            f"--healthz-bind-address={machine.address}:{PROXY_HEALTH_PORT}",
            "--conntrack-max-per-core=0",
        ],
        [kubeconfig, pki.file("kube-proxy.crt"), pki.ca],
        machine.prefix,
    )


def start(machine: Machine, daemons: Daemons, pki: Pki, sandbox_image: str) -> bool:
    """Starts what doesn't run; says whether kubelet was started."""
    machine.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    machine.volumes.mkdir(parents=True, exist_ok=True, mode=0o700)
    pki.ensure_machine(machine)
    for hierarchy in hierarchies():
        (hierarchy / machine.cgroup).mkdir(exist_ok=True)
    daemons.ensure(policy_agent(machine, pki))
    runtime = containerd(machine, sandbox_image)
    daemons.ensure(runtime)
    client = [_program("ctr"), "--address", str(machine.socket), "--timeout", "2s", "version"]
    daemons.wait(runtime.name, lambda: works(client), 30)
    began = daemons.ensure(kubelet(machine, pki))
    daemons.ensure(kube_proxy(machine, pki))
    return began


def kill(machine: Machine, daemons: Daemons, gently: bool) -> None:
    """Ends everything of a node; what is on disk stays. `gently` lets the containers end by themselves first (10 s)."""
    daemons.kill(*names(machine)[:3])  # kubelet first, lest it restarts what is ended
    if gently:
        for pid in _contained(machine):
            send(pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            until(lambda: not _contained(machine), _TERM_SECONDS)
    daemons.kill(f"{machine.name}.containerd")

    def emptied() -> bool:
        left = _contained(machine)
        for pid in left:
            send(pid, signal.SIGKILL)
        return not left

    try:
        until(emptied, 10)
    except TimeoutError as error:
        raise NodeError(f"{machine.name}: processes {_contained(machine)} can't be killed; see dmesg") from error
    _forget_runtime(machine)


def _contained(machine: Machine) -> list[int]:
    """The processes in the node's cgroups: its containers."""
    found: set[int] = set()
    for hierarchy in hierarchies():
        for directory, _, _ in os.walk(hierarchy / machine.cgroup):  # not rglob: that fails when a cgroup goes meanwhile
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


def _program(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise NodeError(f"{name} isn't installed: python -m infra.node.tools installs what is missing")
    return program


def interfaces(machine: Machine) -> list[str]:
    """The node's ends of its pods' cables: veths with a route to an address of its pods."""
    routes = json.loads(run([*machine.prefix, "ip", "-json", "-4", "route", "show", "table", "main"]) or "[]")
    prefix = machine.pods.rsplit(".", 1)[0] + "."
    return sorted({r["dev"] for r in routes if r["dst"].startswith(prefix) and r.get("dev", "").startswith("veth")})
