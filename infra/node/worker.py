"""What runs on every node: containerd, policy agent, kubelet, kube-proxy."""

import json
from pathlib import Path

from infra import paths
from infra.files import write
from infra.node import leftovers, runtime
from infra.node.layout import CLUSTER_DNS, CLUSTER_DOMAIN, KUBELET_PORT, NETWORK, PODS, PROXY_HEALTH_PORT, Machine
from infra.node.pki import Pki
from infra.node.processes import PYTHON, Daemon, Daemons

MAX_PODS = 200


def policy_agent(machine: Machine, pki: Pki) -> Daemon:
    """The agent that keeps the node's policies in force."""
    kubeconfig, here = machine.layout.kubeconfig("policy-agent"), Path(__file__).parent
    return Daemon(
        f"{machine.name}.policy-agent",
        [
            *(PYTHON, "-u", "-m", "infra.node.policy_agent.agent"),
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
            # cAdvisor's own, whose default is elsewhere: without it its metrics know cgroups and no container
            f"--containerd={machine.socket}",
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
    for hierarchy in leftovers.hierarchies():
        (hierarchy / machine.cgroup).mkdir(exist_ok=True)
    daemons.ensure(policy_agent(machine, pki))
    containers = runtime.containerd(machine, sandbox_image)
    daemons.ensure(containers)
    daemons.wait(containers.name, lambda: runtime.serves(machine), 30)
    began = daemons.ensure(kubelet(machine, pki))
    daemons.ensure(kube_proxy(machine, pki))
    return began
