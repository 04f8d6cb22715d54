"""A Kubernetes without nodes: etcd, API server and controller manager as processes, and one who plays the kubelet.

Everything that plans and keeps objects is the real thing. What only a node can do (run a container) is played by
`PlayedKubelet`, which writes the status that a kubelet would; the environment's own tests have real nodes.
"""

import datetime
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infra import paths
from infra.providers.kubernetes.client import ApiError, Client, UnreachableError
from infra.providers.kubernetes.kubeconfig import load
from tests.peers.seaweedfs import free_ports

START_SECONDS = 90.0  # 5 s alone; the machine may be shared by builds
Object = dict[str, Any]


@dataclass(frozen=True)
class KubernetesApi:
    """An API server and its administrator's kubeconfig."""

    kubeconfig: Path
    client: Client = field(repr=False)

    def kubectl(self, *arguments: str, stdin: Mapping[str, Any] | None = None) -> str:
        """Run kubectl as the administrator; its output. Raises `CalledProcessError`."""
        return subprocess.run(
            [str(paths.tools_bin() / "kubectl"), f"--kubeconfig={self.kubeconfig}", *arguments],
            input=None if stdin is None else json.dumps(stdin),
            capture_output=True,
            text=True,
            check=True,
        ).stdout


@contextmanager
def kubernetes_api() -> Iterator[KubernetesApi]:
    """Run one on free ports of the loopback with an empty store; afterwards nothing of it is left.

    Call it from a thread that lives as long as the servers: the kernel kills them when that thread ends.

    Raises:
        RuntimeError: a server ended, or was not ready in time; its log is in the message.
    """
    home = Path(tempfile.mkdtemp(prefix="kube-"))  # short: etcd's socket lies in it
    try:
        with ExitStack() as running:
            for attempts_left in (2, 1, 0):  # a free port can be taken by somebody else between our look and the start
                port = free_ports(1)[0]
                kubeconfig = _credentials(home, port)
                api = KubernetesApi(kubeconfig, Client(load(str(kubeconfig))))
                servers = ExitStack()
                try:
                    _start(servers, home, "etcd", *_etcd(home))
                    server = _start(servers, home, "kube-apiserver", *_api_server(home, port))
                    _wait(server, home / "kube-apiserver.log", partial(_ready, api))
                    break
                except RuntimeError as error:
                    servers.close()
                    if "address already in use" not in str(error) or not attempts_left:
                        raise
            running.enter_context(servers)
            manager = _start(running, home, "kube-controller-manager", *_controller_manager(home))
            _wait(manager, home / "kube-controller-manager.log", lambda: _manages(api))
            yield api
    finally:
        shutil.rmtree(home)


class PlayedKubelet:
    """Makes every pod what its image says, as a kubelet would: see `OUTCOMES`. Pods are not bound to a node.

    What becomes of a pod is its first image's name, or what `outcome` says of it: `runs` becomes ready, `ends`
    succeeds, `fails` fails, `crashes` restarts for ever, `absent` can't be pulled, `nowhere` fits on no node.
    Any other stays pending.
    """

    def __init__(self, api: KubernetesApi, outcome: Callable[[Object], str] | None = None) -> None:
        self._client = api.client
        self._outcome = outcome or _image_name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)

    def __enter__(self) -> "PlayedKubelet":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _play(self) -> None:
        while not self._stop.is_set():
            for pod in self._client.call("GET", "/api/v1/pods")["items"]:
                self._settle(pod)
            for _ in self._client.watch("/api/v1/pods", {"resourceVersion": "0"}, 1):
                if self._stop.is_set():
                    return
                break
            self._stop.wait(0.05)

    def _settle(self, pod: Object) -> None:
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        outcome = OUTCOMES.get(self._outcome(pod))
        try:
            if metadata.get("deletionTimestamp"):
                self._client.call("DELETE", path, {"gracePeriodSeconds": "0"})
            elif outcome and not (pod.get("status") or {}).get("conditions"):
                status = outcome(pod)
                self._client.call(
                    "PATCH", f"{path}/status", None, {"status": status}, "application/strategic-merge-patch+json"
                )
        except ApiError as error:
            if error.code not in (404, 409):
                raise


def _image_name(pod: Object) -> str:
    image: str = pod["spec"]["containers"][0]["image"]
    return image.split(":")[0].split("/")[-1]


def _status(pod: Object, phase: str, state: Object, *, ready: bool, last: Object | None = None) -> Object:
    name = pod["spec"]["containers"][0]["name"]
    image = pod["spec"]["containers"][0]["image"]
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    word = "True" if ready else "False"
    message = {} if ready else {"reason": "ContainersNotReady", "message": f"containers with unready status: [{name}]"}
    conditions: list[Object] = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": now},
        {"type": "Initialized", "status": "True", "lastTransitionTime": now},
        {"type": "ContainersReady", "status": word, "lastTransitionTime": now, **message},
        {"type": "Ready", "status": word, "lastTransitionTime": now, **message},
    ]
    container: Object = {"name": name, "image": image, "imageID": "", "ready": ready, "restartCount": 0, "state": state}
    if last:
        container["lastState"] = last
    address = {"podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}]} if ready else {}
    return {"phase": phase, "startTime": now, "conditions": conditions, "containerStatuses": [container], **address}


def _ended(code: int) -> Object:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    reason = "Completed" if code == 0 else "Error"
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": now, "finishedAt": now}}


def _waiting(reason: str, message: str) -> Object:
    return {"waiting": {"reason": reason, "message": message}}


OUTCOMES: dict[str, Callable[[Object], Object]] = {
    "runs": lambda pod: _status(pod, "Running", {"running": {}}, ready=True),
    "ends": lambda pod: _status(pod, "Succeeded", _ended(0), ready=False),
    "fails": lambda pod: _status(pod, "Failed", _ended(1), ready=False),
    "crashes": lambda pod: _status(
        pod,
        "Running",
        _waiting("CrashLoopBackOff", "back-off 10s restarting failed container"),
        ready=False,
        last=_ended(7),
    ),
    "nowhere": lambda _: {
        "phase": "Pending",
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/1 nodes are available: 1 Insufficient cpu.",
            }
        ],
    },
    "absent": lambda pod: _status(
        pod, "Pending", _waiting("ErrImagePull", 'failed to pull image "absent": not found'), ready=False
    ),
}


def _etcd(home: Path) -> list[str]:
    return [
        f"--data-dir={home / 'etcd'}",
        f"--listen-client-urls=unix://{home / 'etcd.sock'}",
        f"--listen-peer-urls=unix://{home / 'peer.sock'}",
        "--advertise-client-urls=http://127.0.0.1:2379",  # must be host:port; nobody asks there
        "--unsafe-no-fsync",
        "--log-level=error",
    ]


def _api_server(home: Path, port: int) -> list[str]:
    return [
        f"--etcd-servers=unix://{home / 'etcd.sock'}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        f"--secure-port={port}",
        "--service-cluster-ip-range=10.96.0.0/16",
        f"--tls-cert-file={home / 'server.crt'}",
        f"--tls-private-key-file={home / 'server.key'}",
        f"--client-ca-file={home / 'ca.crt'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={home / 'server.key'}",
        f"--service-account-signing-key-file={home / 'server.key'}",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
    ]


def _controller_manager(home: Path) -> list[str]:
    return [
        f"--kubeconfig={home / 'kubeconfig'}",
        f"--service-account-private-key-file={home / 'server.key'}",
        f"--root-ca-file={home / 'ca.crt'}",
        "--leader-elect=false",
        "--secure-port=0",
        # a node that nobody runs would be found dead, and its pods evicted
        "--controllers=*,-node-lifecycle-controller,-taint-eviction-controller",
    ]


def _start(running: ExitStack, home: Path, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
    with (home / f"{program}.log").open("wb") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", str(paths.tools_bin() / program), *arguments],
            cwd=home,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    running.callback(process.wait)
    running.callback(process.kill)
    return process


def _wait(process: "subprocess.Popen[bytes]", log: Path, ready: Callable[[], bool]) -> None:
    deadline, pause = time.monotonic() + START_SECONDS, threading.Event()
    while process.poll() is None and time.monotonic() < deadline:
        if ready():
            return
        pause.wait(0.1)
    said = log.read_text(errors="replace")[-4000:]
    raise RuntimeError(f"{log.stem} did not start (exit code {process.poll()}):\n{said}")


def _ready(api: KubernetesApi) -> bool:
    try:
        return api.client.text("/readyz") == "ok" and bool(api.client.call("GET", "/api/v1/namespaces/default"))
    except (ApiError, UnreachableError):
        return False


def _manages(api: KubernetesApi) -> bool:
    """Whether the controllers run: one of them makes this account in every namespace."""
    try:
        return bool(api.client.call("GET", "/api/v1/namespaces/default/serviceaccounts/default"))
    except (ApiError, UnreachableError):
        return False


def _credentials(home: Path, port: int) -> Path:
    authority_key, authority = _certificate("test authority", None, None)
    certificates = {"ca": (authority_key, authority)}
    certificates["server"] = _certificate("kube-apiserver", authority_key, authority)
    certificates["admin"] = _certificate("admin", authority_key, authority, group="system:masters")
    for name, (key, certificate) in certificates.items():
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        with os.fdopen(os.open(home / f"{name}.key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(private)
        (home / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        "clusters": [
            {
                "name": "test",
                "cluster": {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(home / "ca.crt")},
            }
        ],
        "users": [
            {
                "name": "admin",
                "user": {"client-certificate": str(home / "admin.crt"), "client-key": str(home / "admin.key")},
            }
        ],
    }
    (home / "kubeconfig").write_text(yaml.safe_dump(document))
    return home / "kubeconfig"


def _certificate(
    name: str,
    signing_key: ec.EllipticCurvePrivateKey | None,
    issuer: x509.Certificate | None,
    group: str | None = None,
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if group:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    subject = x509.Name(attributes)
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if name == "kube-apiserver":
        names = [x509.IPAddress(IPv4Address("127.0.0.1")), x509.DNSName("localhost")]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return key, builder.sign(signing_key or key, hashes.SHA256())
