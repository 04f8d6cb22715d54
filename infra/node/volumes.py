"""Persistent volumes of the embedded node: class `local`, folders on the node's disk, made where the pod was placed.

They are `local` volumes, not `hostPath` ones: kubelet applies a pod's fsGroup to the former only.
Run as `python -m infra.node.volumes KUBECONFIG FOLDER`; it watches, it doesn't poll.
"""

import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from infra.node.api import Api, ApiError, Object

PROVISIONER = "vnaops.local/folder"
CLASS = "local"
_CLAIMS = "/api/v1/persistentvolumeclaims"
_VOLUMES = "/api/v1/persistentvolumes"


def storage_class() -> Object:
    """The cluster's default class."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": PROVISIONER,
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Delete",
    }


def volume_for(claim: Object, folder: Path) -> tuple[Path, Object] | None:
    """The folder and the volume that a claim asks for, or None if it isn't ours, isn't placed yet or has one."""
    metadata, spec = claim["metadata"], claim["spec"]
    annotations = metadata.get("annotations") or {}
    node = annotations.get("volume.kubernetes.io/selected-node")
    if annotations.get("volume.kubernetes.io/storage-provisioner") != PROVISIONER or not node or spec.get("volumeName"):
        return None
    if metadata.get("deletionTimestamp"):
        return None
    name = f"pvc-{metadata['uid']}"
    path = folder / node / name
    place = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return path, {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "storageClassName": spec["storageClassName"],
            "persistentVolumeReclaimPolicy": "Delete",
            "local": {"path": str(path)},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [place]}]}},
        },
    }


def folder_to_delete(volume: Object, folder: Path) -> Path | None:
    """The folder of a volume of ours that nobody claims any more and whose policy is Delete, else None."""
    metadata, spec = volume["metadata"], volume["spec"]
    if (metadata.get("annotations") or {}).get("pv.kubernetes.io/provisioned-by") != PROVISIONER:
        return None
    if volume.get("status", {}).get("phase") != "Released" or spec["persistentVolumeReclaimPolicy"] != "Delete":
        return None
    path = Path(spec["local"]["path"])
    if path.parent.parent != folder or ".." in path.parts:
        return None  # somebody wrote another path into the volume: not ours to delete
    return path


class Agent:
    """Reacts to claims and volumes, one event at a time."""

    def __init__(self, api: Api, folder: Path) -> None:
        self._api = api
        self._folder = folder
        self._lock = threading.Lock()

    def claim(self, claim: Object, gone: bool) -> None:
        """Makes the volume of a claim that waits for one."""
        wanted = None if gone else volume_for(claim, self._folder)
        if wanted is None:
            return
        path, volume = wanted
        with self._lock:
            path.mkdir(parents=True, exist_ok=True, mode=0o750)  # root's; the pod's fsGroup makes it the pod's
            self._ask("POST", _VOLUMES, volume)
        print(f"volume {path.name} for {claim['metadata']['namespace']}/{claim['metadata']['name']}", flush=True)

    def volume(self, volume: Object, gone: bool) -> None:
        """Deletes a released volume with its folder."""
        path = None if gone else folder_to_delete(volume, self._folder)
        if path is None:
            return
        with self._lock:
            shutil.rmtree(path, ignore_errors=True)
            self._ask("DELETE", f"{_VOLUMES}/{volume['metadata']['name']}", None)
        print(f"volume {path.name} deleted", flush=True)

    def _ask(self, method: str, path: str, body: Object | None) -> None:
        try:
            self._api.call(method, path, body)
        except ApiError as error:
            if error.code not in (404, 409):  # done already
                raise


def each(react: Callable[[Object, bool], None]) -> Callable[[list[Object]], None]:
    """The same for everything that was listed."""

    def all_of(items: list[Object]) -> None:
        for item in items:
            react(item, False)

    return all_of


def main() -> None:
    """Follows claims and volumes until it is killed."""
    api = Api(Path(sys.argv[1]))
    agent = Agent(api, Path(sys.argv[2]))
    for path, react in ((_CLAIMS, agent.claim), (_VOLUMES, agent.volume)):
        api.follow(path, each(react), react)
    threading.Event().wait()


if __name__ == "__main__":
    main()
