"""containerd and its CNI chain, with everything of theirs in the node's folder."""

import json
import shlex
import shutil
from pathlib import Path

import grpc

from infra.files import write
from infra.node import registry
from infra.node.errors import NodeError
from infra.node.layout import NETWORK, PODS, SERVICES, Machine
from infra.node.pki import Pki
from infra.node.processes import PYTHON, Daemon

CNI_BINARIES = Path("/usr/lib/cni")
CNI_PLUGINS = ("ptp", "host-local", "loopback")


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
    write(plugin, f"#!/bin/sh\nexec {shlex.quote(PYTHON)} -I -S {shlex.quote(str(copy))}\n", 0o700)
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
    unused = ", ".join(f'"io.containerd.snapshotter.v1.{name}"' for name in ("aufs", "btrfs", "devmapper", "zfs"))
    write(
        configuration,
        f"""version = 2
root = "{folder}/containerd"
state = "{folder}/state"
disabled_plugins = [{unused}]
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


def serves(machine: Machine) -> bool:
    """Whether containerd serves CRI. While it loads the containers of before it doesn't, and kubelet gives up then."""
    with grpc.insecure_channel(f"unix://{machine.socket}") as channel:
        version = channel.unary_unary("/runtime.v1.RuntimeService/Version", None, None)
        try:
            version(b"", timeout=2)
        except grpc.RpcError:
            return False
    return True


def _program(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise NodeError(f"{name} isn't installed: python -m infra.node.tools installs what is missing")
    return program
