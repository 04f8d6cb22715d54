"""What campaigns have to know of an environment before they load it: where to, how much fits, who they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.components import haproxy, load_balancer
from infra.components.http_routes import TEST_STUDIES
from infra.setting_types import bytes_of
from infra.settings import PixelData, Right, Settings


@dataclass(frozen=True)
class Door:
    """The front door as somebody sees it: who comes from without, or a pod of the cluster."""

    host: str
    dicom: int
    dicom_tls: int
    https: int

    @property
    def url(self) -> str:
        """Root of what it serves by HTTPS."""
        return f"https://{self.host}:{self.https}"


def published(settings: Settings, host: str) -> Door:
    """The front door from without; `host` is its address there."""
    door = settings.load_balancer
    if door.service_type == "NodePort":
        return Door(host, door.dicom_port, door.dicom_tls_port, door.https_port)
    return Door(host, haproxy.DICOM, haproxy.DICOM_TLS, haproxy.HTTPS)


def within(namespace: str) -> Door:
    """The front door from within the cluster, by the name that its certificate has."""
    host = f"{load_balancer.APP_NAME}.{namespace}.svc.cluster.local"
    return Door(host, haproxy.DICOM, haproxy.DICOM_TLS, haproxy.HTTPS)


def front_door(settings: Settings, door: Door, password: str, authority: str) -> dict[str, Any]:
    """How clients reach the archive, a secret among it; `authority` is the PEM of whom they trust."""
    names = {"aeTitle": settings.archive.ae_title}
    if settings.load_generator is not None:
        names["callingAeTitle"] = settings.load_generator
    return {
        "dicom": {"host": door.host, "port": door.dicom, **names},
        "dicomTls": {"host": door.host, "port": door.dicom_tls, **names, "caCertificate": authority},
        "dicomWeb": {
            "url": f"{door.url}/dicom-web",
            "wadoUri": f"{door.url}/wado",
            "username": load_balancer.USERNAME,
            "password": password,
            "caCertificate": authority,
        },
        "targets": targets(settings, door),
        "testDeletion": {"url": door.url + TEST_STUDIES} if settings.archive.test_deletion else None,
    }


def targets(settings: Settings, door: Door) -> Sequence[str]:
    """Where load may be sent: the front door, and what the settings add; HOST:PORT, or scheme and host."""
    return [f"{door.host}:{door.dicom}", f"{door.host}:{door.dicom_tls}", door.url, *settings.load_targets]


def capacity(settings: Settings) -> dict[str, Any]:
    """What there is for instances, in bytes, and the queries by which Prometheus knows how much is taken and free.

    None: not known. A volume of the embedded node is a folder, whose size nobody enforces: hence the disk beneath it.
    """
    if settings.archive.pixel_data is PixelData.FILESYSTEM:
        taken = "max(orthanc_disk_size_mb) * 1048576"
        return {"capacityBytes": bytes_of(settings.archive.volume_size), "usedQuery": taken, "availableQuery": None}
    store = settings.object_store
    if store.endpoint is not None:
        return {
            "capacityBytes": bytes_of(store.capacity) if store.capacity else None,
            # what the index knows: deleted versions under lock are not in it
            "usedQuery": "max(orthanc_disk_size_mb) * 1048576",
            "availableQuery": None,
        }
    return {
        "capacityBytes": bytes_of(store.size),
        "usedQuery": "sum(SeaweedFS_volumeServer_total_disk_size)",
        "availableQuery": 'min(SeaweedFS_volumeServer_resource{type="avail"})',
    }


def largest_instance(settings: Settings) -> int:
    """The largest instance that the archive can receive, in bytes: a larger one ends the process at its memory limit.

    Measured (Orthanc 1.12.7, C-STORE and STOW-RS of 256 MiB to 2.1 GiB): 4.05 times the instance beside what it has.
    """
    return int((bytes_of(settings.archive.memory_limit) - (512 << 20)) / 4.1)


def move_destination(settings: Settings) -> dict[str, Any] | None:
    """The load generator's own entry of the registry, where the archive may send to it with C-MOVE."""
    for modality in settings.modalities:
        if modality.ae_title == settings.load_generator and Right.DESTINATION in modality.rights:
            return {"aeTitle": modality.ae_title, "host": modality.host, "port": modality.port}
    return None
