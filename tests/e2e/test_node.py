"""The embedded node from outside: what it gives, what it keeps secret, and that it comes and goes without a trace."""

import json
import os
import re
import signal
import ssl
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from infra import paths
from infra.node import leftovers
from infra.node.processes import Daemons
from tests.peers.node import Node, eventually, isolated_node

NAMESPACE = "node-test"
ANONYMOUS = """
import ssl, sys, urllib.request, urllib.error
context = ssl.create_default_context(cafile=sys.argv[1])
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
for url in sys.argv[2:]:
    try:
        print(url, opener.open(url, timeout=10).status)
    except urllib.error.HTTPError as error:
        print(url, error.code)
"""


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """One node of the tests' own."""
    with isolated_node() as running:
        running.kubectl("create", "namespace", NAMESPACE)
        yield running


def python_image() -> str:
    """The project's own Python image, by digest."""
    image: str = json.loads(paths.images_file().read_text())["python"]
    return image


def writer(name: str, command: str) -> dict[str, object]:
    """A pod as `restricted` wants it, which does something with the volume `kept` and ends."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": True, "fsGroup": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "main",
                    "image": python_image(),
                    "command": ["sh", "-c", command],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [{"name": "kept", "mountPath": "/kept"}],
                }
            ],
            "volumes": [{"name": "kept", "persistentVolumeClaim": {"claimName": "kept"}}],
        },
    }


def claim() -> dict[str, object]:
    """A claim on the default storage class."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "kept", "namespace": NAMESPACE},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


def ended(node: Node, pod: str) -> str:
    """Waits until a pod has ended well; its output."""
    node.kubectl("-n", NAMESPACE, "wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{pod}", "--timeout=90s")
    return node.kubectl("-n", NAMESPACE, "logs", pod)


def test_a_second_up_changes_nothing(node: Node) -> None:
    daemons = Daemons(node.layout.root, node.layout.log)
    before = {p.pid for p in daemons.processes()}
    node.node("up")
    assert {p.pid for p in daemons.processes()} == before


def test_a_secret_cannot_be_read_in_etcd(node: Node) -> None:
    node.kubectl("-n", NAMESPACE, "create", "secret", "generic", "s", "--from-literal=k=not-to-be-found-anywhere")
    node.kubectl("-n", NAMESPACE, "create", "configmap", "c", "--from-literal=k=to-be-found-for-comparison")
    files = [file.read_bytes() for file in node.layout.etcd.rglob("*") if file.is_file()]
    assert any(b"to-be-found-for-comparison" in content for content in files)
    assert not any(b"not-to-be-found-anywhere" in content for content in files)
    assert node.kubectl("-n", NAMESPACE, "get", "secret", "s", "-o", "jsonpath={.data.k}")


def test_nobody_gets_in_without_a_certificate(node: Node) -> None:
    urls = [f"https://10.89.0.1:6443{path}" for path in ("/api", "/readyz", "/metrics")]
    urls.append("https://10.89.0.1:10250/pods")
    answers = node.inside(sys.executable, "-c", ANONYMOUS, str(node.layout.pki / "ca.crt"), *urls).stdout
    assert answers.splitlines() == [f"{url} 401" for url in urls]


def test_only_the_expected_ports_are_open_and_none_on_all_addresses(node: Node) -> None:
    lines = node.inside("ss", "-H", "-ltn").stdout.splitlines()
    listening = {line.split()[3] for line in lines}
    expected = {f"10.89.0.1:{port}" for port in (2381, 5000, 6443, 10250, 10256)}  # 2381: etcd's metrics
    expected |= {f"127.0.0.1:{port}" for port in (10248, 10249, 10257, 10259)}
    stray = {address for address in listening - expected if not re.fullmatch(r"127\.0\.0\.1:\d+", address)}
    assert expected <= listening
    assert not stray


def test_private_files_are_private(node: Node) -> None:
    assert stat.S_IMODE(node.layout.root.stat().st_mode) == 0o700
    secrets = [*node.layout.pki.glob("*.key"), *node.layout.pki.glob("*.json"), node.layout.admin]
    secrets += node.layout.pki.glob("*.kubeconfig")
    assert len(secrets) > 10
    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in secrets} == {f.name: 0o600 for f in secrets}


def test_no_secret_is_in_a_command_line_or_a_log(node: Node) -> None:
    key = json.loads((node.layout.pki / "encryption.json").read_text())
    secret = key["resources"][0]["providers"][0]["secretbox"]["keys"][0]["secret"]
    for process in Daemons(node.layout.root, node.layout.log).processes():
        assert secret not in " ".join(process.command)
    for log in node.layout.log.iterdir():
        assert secret not in log.read_text(errors="replace")


def test_a_volume_outlives_its_pod_and_goes_with_its_claim(node: Node) -> None:
    node.apply(claim(), writer("first", "echo kept > /kept/file && id -u"))
    assert ended(node, "first").strip() == "10001"
    node.kubectl("-n", NAMESPACE, "delete", "pod", "first")
    node.apply(writer("second", "cat /kept/file"))
    assert ended(node, "second").strip() == "kept"
    folders = list((node.layout.volumes / "node1").iterdir())
    assert len(folders) == 1
    node.kubectl("-n", NAMESPACE, "delete", "pod", "second")
    node.kubectl("-n", NAMESPACE, "delete", "pvc", "kept")
    assert eventually(lambda: not folders[0].exists())
    assert eventually(lambda: node.kubectl("get", "pv", "-o", "name") == "")


def test_pod_security_refuses_a_privileged_pod(node: Node) -> None:
    node.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    pod = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "namespace": NAMESPACE},
            "spec": {"containers": [{"name": "c", "image": python_image(), "securityContext": {"privileged": True}}]},
        }
    )
    done = node.inside(
        *(str(paths.tools_bin() / "kubectl"), f"--kubeconfig={node.layout.admin}", "apply", "-f", "-"),
        text=pod,
        check=False,
    )
    assert done.returncode == 1
    assert 'violates PodSecurity "restricted' in done.stderr


def test_a_second_cluster_is_refused_in_words(node: Node, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("b")
    done = node.inside("env", f"VNAOPS_STATE={other}", sys.executable, "-m", "infra.node", "registry", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"✗ another embedded node, of {node.layout.root}, has 10.89.0.0/24 on this machine")
    assert f"VNAOPS_STATE={node.state} python -m infra.node down" in done.stderr
    assert list(other.iterdir()) == []


def everything(node: Node) -> list[int]:
    """The processes of the cluster, containers included."""
    machine = node.layout.machine(1)
    return [p.pid for p in Daemons(node.layout.root, node.layout.log).processes()] + leftovers.contained(machine)


def test_after_the_daemons_were_killed_up_suffices_and_pods_go_on(node: Node) -> None:
    pods = leftovers.contained(node.layout.machine(1))
    daemons = Daemons(node.layout.root, node.layout.log)
    killed = [p.pid for p in daemons.processes() if not p.program.startswith("containerd-shim")]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    assert not node.status()["up"]
    node.node("up")
    assert node.status()["up"]
    assert leftovers.contained(node.layout.machine(1)) == pods


def test_after_everything_was_killed_up_suffices(node: Node) -> None:
    for pid in everything(node):
        with suppress(ProcessLookupError):  # it has ended since, a check of the kubelet's for one
            os.kill(pid, signal.SIGKILL)
    assert not node.status()["up"]
    node.node("up")
    assert node.status()["up"]
    assert node.kubectl("-n", NAMESPACE, "get", "configmap", "c", "-o", "jsonpath={.data.k}")


def test_a_certificate_near_its_end_is_renewed_and_its_user_started_anew(node: Node) -> None:
    daemons = Daemons(node.layout.root, node.layout.log)
    before = daemons.running("registry")
    (node.layout.pki / "registry.crt").unlink()
    node.node("up")
    after = daemons.running("registry")
    assert before is not None
    assert after is not None
    assert after.pid != before.pid
    context = ssl.create_default_context(cafile=str(node.layout.pki / "ca.crt"))
    assert context.cert_store_stats()["x509_ca"] == 1


def test_down_leaves_nothing_behind_and_keeps_the_data(node: Node) -> None:
    machine = node.layout.machine(1)
    settings = json.loads((node.layout.root / "sysctl.json").read_text())
    node.node("down")
    assert everything(node) == []
    assert str(node.state) not in node.inside("cat", "/proc/mounts").stdout
    assert [hierarchy for hierarchy in leftovers.hierarchies() if (hierarchy / machine.cgroup).exists()] == []
    links = json.loads(node.inside("ip", "-json", "link").stdout)
    assert {link["ifname"] for link in links if "link_type" in link and link["link_type"] == "ether"} == set()
    assert node.inside("nft", "list", "ruleset").stdout == ""
    assert node.inside("ip", "route").stdout == ""
    now = {name: node.inside("cat", f"/proc/sys/{name}").stdout.strip() for name in settings}
    assert now == settings
    assert (
        node.inside("sh", "-c", "find /var/lib/cni /var/lib/kubelet /var/log/containers -type f -o -type l").stdout
        == ""
    )
    assert node.node("status", check=False).returncode == 1
    assert list(node.layout.etcd.iterdir())


def test_a_port_in_use_is_refused_in_words_and_nothing_is_started(node: Node) -> None:
    listener = (
        "import socket,time; s=socket.create_server(('0.0.0.0', 6443)); print('listens', flush=True); time.sleep(60)"
    )
    script = f'{sys.executable} -c "{listener}" & echo $!; wait'
    holder = node.spawn("sh", "-c", script)
    try:
        assert holder.stdout is not None
        pid, listens = int(holder.stdout.readline()), holder.stdout.readline()
        assert listens == "listens\n"
        done = node.node("up", check=False)
        assert done.returncode == 1
        assert done.stderr.startswith("✗ port 6443 on 10.89.0.1, for kube-apiserver, is in use by somebody else")
        assert everything(node) == []
    finally:
        os.kill(pid, signal.SIGKILL)
        holder.communicate()


@pytest.mark.parametrize("after", ["network, certificates, registry", "etcd, API server", "node1: containerd"])
def test_an_interrupted_up_is_carried_on_by_the_next(node: Node, after: str) -> None:
    node.node("down")
    with node.spawn(sys.executable, "-u", "-m", "infra.node", "up") as up:
        assert up.stdout is not None
        assert any(line.startswith(after) for line in up.stdout)
        up.send_signal(signal.SIGINT)
        assert up.stdout.read().endswith("interrupted: repeat the command, what is done is kept\n")
        assert up.wait() == 130
    node.node("up")
    assert node.status()["up"]


def test_up_starts_etcd_anew_when_the_running_one_is_about_to_end(node: Node) -> None:
    daemons = Daemons(node.layout.root, node.layout.log)
    etcd, server = daemons.running("etcd"), daemons.running("kube-apiserver")
    assert etcd is not None
    assert server is not None
    os.kill(server.pid, signal.SIGKILL)
    os.kill(etcd.pid, signal.SIGINT)
    node.node("up")
    assert node.status()["up"]


def test_it_comes_back_with_its_data(node: Node) -> None:
    node.node("up")
    assert node.kubectl("-n", NAMESPACE, "get", "secret", "s", "-o", "jsonpath={.data.k}")
