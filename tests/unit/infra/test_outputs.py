"""What campaigns read of an environment before they load it."""

import pytest

from infra import outputs
from infra.settings import Settings, parse

LOAD = {"aeTitle": "LOAD", "host": "10.1.2.3", "port": 11113}
SITE = {
    "endpoint": "https://s3.hospital.example",
    "endpointCidrs": ["10.0.0.0/24"],
    "credentialsSecret": "s3",
    "capacity": "2Ti",
}


def settings(**values: object) -> Settings:
    return parse(values, "dev")


def test_load_may_go_to_the_front_door_and_to_what_the_settings_add() -> None:
    wanted = settings(loadTargets=["scp.example:104"])
    known = outputs.targets(wanted, outputs.published(wanted, "10.1.1.1"))
    assert known == ["10.1.1.1:31112", "10.1.1.1:32762", "https://10.1.1.1:30443", "scp.example:104"]


def test_behind_a_load_balancer_of_the_site_load_goes_to_its_ports() -> None:
    wanted = settings(loadBalancer={"serviceType": "LoadBalancer"})
    known = outputs.targets(wanted, outputs.published(wanted, "vna.example"))
    assert known == ["vna.example:11112", "vna.example:2762", "https://vna.example:8443"]


def test_a_pod_comes_to_the_front_door_by_the_service_s_name() -> None:
    known = outputs.front_door(settings(), outputs.within("vnaops-dev"), "secret", "PEM")
    host = "load-balancer.vnaops-dev.svc.cluster.local"
    assert known["dicom"] == {"host": host, "port": 11112, "aeTitle": "VNAOPS"}
    assert known["dicomWeb"]["url"] == f"https://{host}:8443/dicom-web"
    assert known["targets"] == [f"{host}:11112", f"{host}:2762", f"https://{host}:8443"]


def test_campaigns_call_as_whom_the_registry_knows() -> None:
    wanted = settings(modalities=[LOAD], loadGenerator="LOAD")
    known = outputs.front_door(wanted, outputs.published(wanted, "10.1.1.1"), "", "")
    assert known["dicom"]["callingAeTitle"] == known["dicomTls"]["callingAeTitle"] == "LOAD"


def test_the_route_that_deletes_is_in_the_outputs_only_where_it_is_open() -> None:
    closed, opened = settings(), settings(archive={"testDeletion": True})
    door = outputs.published(opened, "10.1.1.1")
    assert outputs.front_door(closed, door, "", "")["testDeletion"] is None
    assert outputs.front_door(opened, door, "", "")["testDeletion"]["url"].startswith("https://10.1.1.1:30443/")


def test_the_embedded_store_has_its_volume_s_size_and_prometheus_knows_what_is_taken() -> None:
    known = outputs.capacity(settings(objectStore={"size": "3Gi"}))
    assert known["capacityBytes"] == 3 << 30
    assert "SeaweedFS" in known["usedQuery"]
    assert "avail" in known["availableQuery"]


def test_a_file_system_has_its_volume_s_size() -> None:
    archive = {"pixelData": "filesystem", "replicas": 1, "volumeSize": "5Gi"}
    known = outputs.capacity(settings(archive=archive, objectStore={"objectLock": False}))
    assert known["capacityBytes"] == 5 << 30
    assert "orthanc" in known["usedQuery"]


def test_a_site_s_bucket_has_what_the_settings_say_or_nobody_knows() -> None:
    assert outputs.capacity(settings(objectStore=SITE))["capacityBytes"] == 2 << 40
    assert outputs.capacity(settings(objectStore=SITE | {"capacity": None}))["capacityBytes"] is None


@pytest.mark.parametrize(
    ("rights", "generator", "found"),
    [
        (["store", "destination"], "LOAD", LOAD),
        (["store"], "LOAD", None),
        (["store", "destination"], None, None),
    ],
)
def test_the_archive_sends_to_the_load_generator_only_where_the_registry_lets_it(
    rights: list[str], generator: str | None, found: object
) -> None:
    known = settings(modalities=[LOAD | {"rights": rights}], loadGenerator=generator)
    assert outputs.move_destination(known) == found


def test_the_largest_instance_goes_with_the_archive_s_memory_limit() -> None:
    assert outputs.largest_instance(settings()) < 1 << 30
    assert outputs.largest_instance(settings(archive={"memoryLimit": "10Gi"})) > 2150 << 20
