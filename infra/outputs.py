"""What campaigns have to know of an environment before they load it: where to, how much fits, who they are."""

from collections.abc import Sequence
from typing import Any

from infra.components import haproxy
from infra.settings import PixelData, Right, Settings

UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}


def bytes_of(quantity: str) -> int:
    """The bytes of a size like "20Gi"."""
    return int(quantity[:-2]) * UNITS[quantity[-2:]]


def targets(settings: Settings, host: str, https: str) -> Sequence[str]:
    """Where load may be sent: the front door, and what the settings add; HOST:PORT, or scheme and host."""
    door = settings.load_balancer
    published = door.service_type == "NodePort"
    ports = (door.dicom_port, door.dicom_tls_port) if published else (haproxy.DICOM, haproxy.DICOM_TLS)
    return [*(f"{host}:{port}" for port in ports), https, *settings.load_targets]


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


def move_destination(settings: Settings) -> dict[str, Any] | None:
    """The load generator's own entry of the registry, where the archive may send to it with C-MOVE."""
    for modality in settings.modalities:
        if modality.ae_title == settings.load_generator and Right.DESTINATION in modality.rights:
            return {"aeTitle": modality.ae_title, "host": modality.host, "port": modality.port}
    return None
