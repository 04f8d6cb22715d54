"""etcd, API server, controller manager and scheduler, and the rights of the node's own agents."""

from pathlib import Path

from infra import paths
from infra.node.api import Api, Object
from infra.node.layout import ADDRESS, API_PORT, ETCD_METRICS_PORT, PODS, SERVICES, Layout
from infra.node.pki import Pki
from infra.node.processes import PYTHON, Daemon, Daemons

NAMES = ("volumes", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd")
"""In the order in which they are stopped."""


def etcd(layout: Layout) -> Daemon:
    """On unix sockets in the state folder (mode 0700), so nobody else can ask it. The advertised address is unused.

    Metrics and health, which hold no key and no value, are served on the node's address: Prometheus comes from a pod.
    """
    return Daemon(
        "etcd",
        [
            str(paths.tools_bin() / "etcd"),
            f"--data-dir={layout.etcd}",
            f"--listen-client-urls=unix://{layout.run}/etcd.sock",
            f"--listen-peer-urls=unix://{layout.run}/etcd-peer.sock",
            "--advertise-client-urls=http://127.0.0.1:2379",
            f"--listen-metrics-urls=http://{ADDRESS}:{ETCD_METRICS_PORT}",
            "--auto-compaction-retention=10m",
            "--log-level=warn",
        ],
    )


def api_server(layout: Layout, pki: Pki) -> Daemon:
    """The API server on the bridge's address only."""
    files = {
        "tls-cert-file": "api-server.crt",
        "tls-private-key-file": "api-server.key",
        "client-ca-file": "ca.crt",
        "service-account-key-file": "service-account.pub",
        "service-account-signing-key-file": "service-account.key",
        "kubelet-certificate-authority": "ca.crt",
        "kubelet-client-certificate": "api-server-to-kubelet.crt",
        "kubelet-client-key": "api-server-to-kubelet.key",
        "encryption-provider-config": pki.encryption.name,
    }
    return Daemon(
        "kube-apiserver",
        [
            str(paths.tools_bin() / "kube-apiserver"),
            f"--etcd-servers=unix://{layout.run}/etcd.sock",
            f"--bind-address={ADDRESS}",
            f"--advertise-address={ADDRESS}",
            f"--secure-port={API_PORT}",
            f"--service-cluster-ip-range={SERVICES}",
            "--service-account-issuer=https://kubernetes.default.svc",
            # health is asked for with a certificate, so that nothing needs anonymous requests
            "--anonymous-auth=false",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            # otherwise exec and logs go to the node's host name, which nobody resolves
            "--kubelet-preferred-address-types=InternalIP",
            "--profiling=false",
            *(f"--{flag}={pki.file(name)}" for flag, name in files.items()),
        ],
        [pki.file(name) for name in sorted(set(files.values()))],
    )


def controller_manager(layout: Layout, pki: Pki) -> Daemon:
    """Pod networks are fixed per node (`layout`), so it allocates none. A lost node is noticed after 20 s."""
    kubeconfig = layout.kubeconfig("kube-controller-manager")
    return Daemon(
        "kube-controller-manager",
        [
            str(paths.tools_bin() / "kube-controller-manager"),
            f"--kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={pki.file('service-account.key')}",
            f"--root-ca-file={pki.ca}",
            f"--cluster-cidr={PODS}",
            "--allocate-node-cidrs=false",
            "--node-monitor-grace-period=20s",
            "--profiling=false",
        ],
        [kubeconfig, pki.file("kube-controller-manager.crt"), pki.ca, pki.file("service-account.key")],
    )


def scheduler(layout: Layout, pki: Pki) -> Daemon:
    """The scheduler."""
    kubeconfig = layout.kubeconfig("kube-scheduler")
    return Daemon(
        "kube-scheduler",
        [
            str(paths.tools_bin() / "kube-scheduler"),
            f"--kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1",
            "--leader-elect=false",
            "--profiling=false",
        ],
        [kubeconfig, pki.file("kube-scheduler.crt"), pki.ca],
    )


def volumes(layout: Layout, pki: Pki) -> Daemon:
    """The agent that makes persistent volumes."""
    kubeconfig, here = layout.kubeconfig("volumes"), Path(__file__).parent
    return Daemon(
        "volumes",
        [PYTHON, "-u", "-m", "infra.node.volumes", str(kubeconfig), str(layout.volumes)],
        [kubeconfig, pki.file("volumes.crt"), pki.ca, here / "volumes.py", here / "api.py"],
    )


def rights() -> list[Object]:
    """The policy agent looks, the volume agent makes volumes, the API server asks kubelets."""
    group = "rbac.authorization.k8s.io"
    look = ["get", "list", "watch"]
    rules: dict[str, list[Object]] = {
        "vnaops:policy-agent": [
            {
                "apiGroups": ["", "networking.k8s.io"],
                "resources": ["pods", "namespaces", "networkpolicies"],
                "verbs": look,
            }
        ],
        "vnaops:volumes": [
            {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": look},
            {"apiGroups": [""], "resources": ["persistentvolumes"], "verbs": [*look, "create", "delete"]},
        ],
    }
    roles: list[Object] = [
        {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": allowed}
        for name, allowed in rules.items()
    ]
    bound = {**{name: name for name in rules}, "vnaops:api-server": "system:kubelet-api-admin"}
    bindings: list[Object] = [
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": user},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        }
        for user, role in bound.items()
    ]
    return [*roles, *bindings]


def start(layout: Layout, daemons: Daemons, pki: Pki) -> Api:
    """Starts what doesn't run; returns a client of the API server, which is ready."""
    layout.run.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = etcd(layout)
    daemons.ensure(store)
    daemons.ensure(api_server(layout, pki))
    api = Api(layout.admin)

    def ready() -> bool:
        daemons.ensure(store)  # the one that was found running may have been on its way down
        return api.ready()

    daemons.wait("kube-apiserver", ready, 60)
    daemons.ensure(controller_manager(layout, pki))
    daemons.ensure(scheduler(layout, pki))
    # always, not only where the API server was started: an interrupted run left it without them
    for item in rights():
        api.apply(item)
    daemons.ensure(volumes(layout, pki))
    return api
