"""Which claims get a volume, and which folders may be deleted."""

from pathlib import Path
from typing import Any

import pytest

from infra.node.volumes import PROVISIONER, folder_to_delete, volume_for

FOLDER = Path("/volumes")


def claim(**annotations: str) -> dict[str, Any]:
    """A claim that waits, placed on node2."""
    found = {
        "volume.kubernetes.io/selected-node": "node2",
        "volume.kubernetes.io/storage-provisioner": PROVISIONER,
        **annotations,
    }
    return {
        "metadata": {"uid": "u", "namespace": "n", "name": "c", "annotations": found},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "local",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def released(path: str) -> dict[str, Any]:
    """A volume that nobody claims any more."""
    return {
        "metadata": {"name": "v", "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
        "spec": {"persistentVolumeReclaimPolicy": "Delete", "local": {"path": path}},
        "status": {"phase": "Released"},
    }


def test_a_placed_claim_gets_a_volume_on_its_node() -> None:
    found = volume_for(claim(), FOLDER)
    assert found is not None
    path, volume = found
    assert path == Path("/volumes/node2/pvc-u")
    assert volume["spec"]["claimRef"]["uid"] == "u"
    terms = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert terms[0]["matchExpressions"][0]["values"] == ["node2"]


@pytest.mark.parametrize(
    "change",
    [
        {"volume.kubernetes.io/selected-node": ""},
        {"volume.kubernetes.io/storage-provisioner": "somebody/else"},
    ],
)
def test_a_claim_that_is_not_placed_or_not_ours_waits(change: dict[str, str]) -> None:
    assert volume_for(claim(**change), FOLDER) is None


def test_a_claim_that_has_a_volume_or_is_going_gets_no_other() -> None:
    bound, going = claim(), claim()
    bound["spec"]["volumeName"] = "v"
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert volume_for(bound, FOLDER) is None
    assert volume_for(going, FOLDER) is None


def test_a_released_volumes_folder_goes() -> None:
    assert folder_to_delete(released("/volumes/node1/pvc-u"), FOLDER) == Path("/volumes/node1/pvc-u")


@pytest.mark.parametrize(
    "path", ["/etc", "/volumes/node1", "/volumes/node1/../../etc", "/volumes/../x", "/other/node1/pvc"]
)
def test_a_folder_that_is_not_a_volumes_is_never_deleted(path: str) -> None:
    assert folder_to_delete(released(path), FOLDER) is None


def test_a_kept_or_bound_or_foreign_volume_stays() -> None:
    kept, bound, foreign = (released("/volumes/node1/pvc-u") for _ in range(3))
    kept["spec"]["persistentVolumeReclaimPolicy"] = "Retain"
    bound["status"]["phase"] = "Bound"
    foreign["metadata"]["annotations"] = {}
    assert [folder_to_delete(volume, FOLDER) for volume in (kept, bound, foreign)] == [None, None, None]
