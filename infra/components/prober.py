"""The DICOM prober: asks of the archive what modalities and viewers ask, through the front door.

The archive calls it, too: with what C-MOVE sends, and with the reports of storage commitment.
"""

import json
from typing import Any, Final

import pulumi
import pulumi_kubernetes as kubernetes

from exporters.dicom_exporter.probe_patient import PROBE_PATIENT_ID
from infra.components import haproxy, load_balancer
from infra.components.component import Component, Environment
from infra.components.network import Peer, allow
from infra.components.one_pod import deployment
from infra.components.pods import container, http_probe, pod_template, selector
from infra.components.registry import OwnEntity
from infra.settings import PROBER_AE_TITLE, Right

APP_NAME = "dicom-exporter"
PORT = 9880
RECEIVER_PORT = 11112  # of its own SCP
AUTHORITY = "/run/secrets/authority/ca.pem"
PASSWORD = "/run/secrets/web/password"  # noqa: S105 (a path)
SLOW_SECONDS = 60  # between probes that read back what they have written

DICOM = f"{load_balancer.APP_NAME}:{haproxy.DICOM}"
DICOM_TLS = f"{load_balancer.APP_NAME}:{haproxy.DICOM_TLS}"
HTTPS = f"{load_balancer.APP_NAME}:{haproxy.HTTPS}"
# the archive's port through the balancer: what a modality sees is what is measured
TARGETS: Final = {
    "echo": DICOM,
    "echo-tls": DICOM_TLS,
    "store": DICOM,
    "find": DICOM,
    "round-trip": DICOM,
    "move": DICOM,
    "commitment": DICOM,
    "qido-rs": HTTPS,
    "wado-rs": HTTPS,
}
SLOW: Final = frozenset({"round-trip", "move", "commitment", "wado-rs"})


def entity(namespace: str) -> OwnEntity:
    """The prober's own entry in the registry: it may do everything, and is called at its Service."""
    host = f"{APP_NAME}.{namespace}.svc.cluster.local"
    return OwnEntity(ae_title=PROBER_AE_TITLE, host=host, port=RECEIVER_PORT, rights=frozenset(Right), app=APP_NAME)


def configuration(called: str, name: str) -> dict[str, Any]:
    """dicom-exporter.yaml: a module per service, and no target but the front door, whose certificate is for `name`.

    `move` is a round trip, too: so it has one instance to be sent, whatever else the archive holds.
    """
    dimse = {"calling_ae_title": PROBER_AE_TITLE, "called_ae_title": called}
    tls = {"ca_file": AUTHORITY, "server_name": name}
    match = {"PatientID": PROBE_PATIENT_ID}
    web = {"tls": tls, "basic_auth": {"username": load_balancer.USERNAME, "password_file": PASSWORD}}
    return {
        "targets": sorted(set(TARGETS.values())),
        "receiver": {"listen_address": f":{RECEIVER_PORT}", "ae_title": PROBER_AE_TITLE},
        "modules": {
            "echo": {"prober": "echo", **dimse},
            "echo-tls": {"prober": "echo", **dimse, "tls": tls},
            "store": {"prober": "store", **dimse},
            "find": {"prober": "find", **dimse, "level": "patient", "match": match, "min_results": 1},
            "round-trip": {"prober": "round-trip", **dimse, "timeout_seconds": 30},
            "move": {"prober": "round-trip", **dimse, "retrieve": "move", "timeout_seconds": 30},
            "commitment": {"prober": "commitment", **dimse, "timeout_seconds": 30},
            "qido-rs": {"prober": "qido-rs", **web, "match": match, "min_results": 1, "max_results": 1},
            "wado-rs": {"prober": "wado-rs", **web, "timeout_seconds": 30},
        },
    }


def jobs(scrape_seconds: int) -> list[dict[str, Any]]:
    """Prometheus' jobs: each module on its target."""
    return [
        {
            "job_name": f"dicom-{module}",
            "metrics_path": "/probe",
            "params": {"module": [module], "target": [target]},
            "static_configs": [{"targets": [f"{APP_NAME}:{PORT}"], "labels": {"target": target, "module": module}}],
            "metric_relabel_configs": [{"regex": "instance", "action": "labeldrop"}],
            **(
                {"scrape_interval": f"{max(SLOW_SECONDS, scrape_seconds)}s", "scrape_timeout": "30s"}
                if module in SLOW
                else {}
            ),
        }
        for module, target in TARGETS.items()
    ]


class Prober(Component):
    """One pod; its Service is `dicom-exporter`. `authority` is the PEM of whom the front door's certificate is from."""

    def __init__(
        self,
        environment: Environment,
        authority: pulumi.Output[str],
        password: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Prober", APP_NAME, opts)
        called = environment.settings.archive.ae_title
        # where it was before it had a component of its own: created anew it would be deleted again under the same name
        before = f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::vnaops:component:Monitoring::monitoring"
        moved = [pulumi.Alias(parent=before)]
        files = kubernetes.core.v1.ConfigMap(
            "dicom-exporter",
            metadata=environment.metadata(),
            data={
                "dicom-exporter.yaml": environment.namespace.apply(
                    lambda ns: json.dumps(
                        configuration(called, f"{load_balancer.APP_NAME}.{ns}.svc.cluster.local"), indent=1
                    )
                )
            },
            opts=self.child(),
        )
        trusted = kubernetes.core.v1.ConfigMap(
            "dicom-exporter-authority",
            metadata=environment.metadata(),
            data={"ca.pem": pulumi.Output.unsecret(authority)},
            opts=self.child(),
        )
        secret = kubernetes.core.v1.Secret(
            "dicom-exporter-web",
            metadata=environment.metadata(),
            string_data={"password": password},
            opts=self.child(),
        )
        policy = allow(
            self,
            environment,
            APP_NAME,
            ingress=[Peer([PORT], apps=["prometheus"]), Peer([RECEIVER_PORT], apps=["archive"])],
            egress=[Peer([haproxy.DICOM, haproxy.DICOM_TLS, haproxy.HTTPS], apps=[load_balancer.APP_NAME])],
        )
        kubernetes.core.v1.Service(
            "dicom-exporter",
            metadata=environment.metadata(APP_NAME, APP_NAME),
            spec={
                "selector": selector(APP_NAME)["matchLabels"],
                "ports": [{"name": "http", "port": PORT}, {"name": "dicom", "port": RECEIVER_PORT}],
            },
            opts=self.child(aliases=moved),
        )
        template = pod_template(
            APP_NAME,
            [
                container(
                    APP_NAME,
                    environment.images["python"],
                    cpu="50m",
                    memory="128Mi",
                    memory_limit="256Mi",
                    ports={"http": PORT, "dicom": RECEIVER_PORT},
                    mounts={
                        "settings": "/etc/dicom-exporter",
                        "authority": AUTHORITY.rpartition("/")[0],
                        "web": PASSWORD.rpartition("/")[0],
                        "tmp": "/tmp",  # noqa: S108
                    },
                    command=[
                        "dicom-exporter",
                        "--config.file=/etc/dicom-exporter/dicom-exporter.yaml",
                        f"--web.listen-address=:{PORT}",
                    ],
                    readinessProbe=http_probe("/-/healthy", "http", period=2),
                    livenessProbe=http_probe("/-/healthy", "http", period=10),
                )
            ],
            volumes={
                "settings": {"configMap": {"name": files.metadata["name"]}},
                "authority": {"configMap": {"name": trusted.metadata["name"]}},
                "web": {"secret": {"secretName": secret.metadata["name"]}},
                "tmp": {"emptyDir": {}},
            },
        )
        deployment(self, environment, APP_NAME, template, depends_on=[policy], aliases=moved)
        self.register_outputs({})
