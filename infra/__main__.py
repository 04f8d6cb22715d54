"""Composes an environment from its settings: `pulumi up -s dev`."""

import os
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import yaml

from infra import outputs, release, settings
from infra.components import load_balancer, prober
from infra.components.alertmanager import Alertmanager
from infra.components.archive import Archive
from infra.components.campaign import Campaign
from infra.components.component import Environment
from infra.components.database import Database
from infra.components.http_log import HttpLogExporter
from infra.components.load_balancer import LoadBalancer, api_server_host
from infra.components.monitoring import Monitoring
from infra.components.namespace import Namespace
from infra.components.network import Peer
from infra.components.node_exporter import NodeExporter
from infra.components.object_store import ObjectStore
from infra.components.page import Page
from infra.components.postgres_exporter import PostgresExporter
from infra.components.prober import Prober
from infra.components.registry import Entry
from infra.components.s3_exporter import S3Exporter
from infra.providers.vnaops.resources import Certificate


def _kubeconfig() -> dict[str, Any]:
    path = Path(os.environ.get("KUBECONFIG", "").split(":")[0] or "~/.kube/config").expanduser()
    if not path.exists():
        raise settings.SettingsError(
            f"no kubeconfig at {path}: set KUBECONFIG, or start the embedded node (`make node`) and `eval $(make env)`"
        )
    loaded: dict[str, Any] = yaml.safe_load(path.read_text())
    return loaded


def _api_server(slice_: kubernetes.discovery.v1.EndpointSlice) -> pulumi.Output[list[Peer]]:
    """Where the API server really is: policies judge packets after the Service's address was translated."""
    return pulumi.Output.all(slice_.endpoints, slice_.ports).apply(
        lambda known: [
            Peer(
                [port["port"] for port in known[1]],
                cidrs=[f"{address}/32" for endpoint in known[0] for address in endpoint["addresses"]],
            )
        ]
    )


def main() -> None:
    """Declares every resource of the stack and exports what users need."""
    stack = pulumi.get_stack()
    wanted = settings.load()
    images = release.images(wanted)
    kubeconfig = _kubeconfig()
    cluster = kubernetes.Provider("cluster", context=wanted.kube_context)
    options = pulumi.ResourceOptions(providers=[cluster])

    registry: tuple[Entry, ...] = (*wanted.modalities, load_balancer.entity(), prober.entity(wanted.namespace))
    namespace = Namespace(wanted.namespace, options)
    environment = Environment(wanted, images, namespace.name)
    authority = Certificate("authority", common_name=f"vnaops {stack} authority", is_ca=True, validity_days=3650)
    slice_ = kubernetes.discovery.v1.EndpointSlice.get(
        "api-server", "default/kubernetes", opts=pulumi.ResourceOptions(provider=cluster)
    )
    in_bucket = wanted.archive.pixel_data is settings.PixelData.S3
    store = ObjectStore(environment, options) if in_bucket else None
    api_server = _api_server(slice_)
    database = Database(environment, authority, api_server, options)
    archive = Archive(environment, registry, database, store, options)
    log = HttpLogExporter(environment, options).log
    address = api_server_host(kubeconfig, wanted.kube_context)
    door = LoadBalancer(environment, archive, log, authority, address, options)
    alertmanager = Alertmanager(environment, options)
    PostgresExporter(environment, database, authority, options)
    if wanted.monitoring.cluster is not None:
        NodeExporter(environment, wanted.monitoring.cluster, options)
    Prober(environment, authority.certificate, door.password, options)
    prometheus = Monitoring(environment, api_server, options)
    # nginx looks their names up when it starts
    after = pulumi.ResourceOptions(depends_on=[alertmanager, prometheus])
    Page(environment, pulumi.ResourceOptions.merge(options, after))
    if store is not None and store.monitoring_secret is not None:
        S3Exporter(environment, store, store.monitoring_secret, options)
    if wanted.campaign is not None:
        Campaign(environment, wanted.campaign, door.password, authority.certificate, options)

    front = pulumi.Output.all(door.address, door.password, authority.certificate).apply(
        lambda known: outputs.front_door(wanted, outputs.published(wanted, known[0]), known[1], known[2])
    )
    pulumi.export("namespace", namespace.name)
    for name in ("dicom", "dicomTls", "targets", "testDeletion"):
        pulumi.export(name, pulumi.Output.unsecret(front[name]))
    pulumi.export("dicomWeb", front["dicomWeb"])
    if wanted.monitoring.node_port is not None:
        host = api_server_host(kubeconfig, wanted.kube_context)
        pulumi.export("prometheus", {"url": f"http://{host}:{wanted.monitoring.node_port}"})
    if wanted.monitoring.alertmanager_node_port is not None:
        host = api_server_host(kubeconfig, wanted.kube_context)
        pulumi.export("alertmanager", {"url": f"http://{host}:{wanted.monitoring.alertmanager_node_port}"})
    if wanted.monitoring.page_node_port is not None:
        host = api_server_host(kubeconfig, wanted.kube_context)
        pulumi.export("page", {"url": f"http://{host}:{wanted.monitoring.page_node_port}"})
    pulumi.export(
        "objectStore",
        {
            **(store.outputs() if store else {}),
            **outputs.capacity(wanted),
        },
    )
    pulumi.export("largestInstanceBytes", outputs.largest_instance(wanted))
    pulumi.export("moveDestination", outputs.move_destination(wanted))
    pulumi.export("release", release.release(wanted, images))


main()
