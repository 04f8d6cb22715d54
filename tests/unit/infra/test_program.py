"""The program's resources, recorded by Pulumi's mocks: what is declared, before any cluster sees it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.providers.vnaops import s3_lifecycle
from infra.settings import PROBER_AE_TITLE
from tests.unit.infra.program import Recorder, declared


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """The program with its defaults."""
    with declared(tmp_path_factory.mktemp("program")) as recorder:
        yield recorder


@pytest.fixture(scope="module")
def on_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """The program with pixel data on a file system."""
    archive = {"pixelData": "filesystem", "replicas": 1, "volumeSize": "7Gi"}
    with declared(tmp_path_factory.mktemp("on_files"), archive=archive, objectStore={"objectLock": False}) as recorder:
        yield recorder


def pods(program: Recorder) -> dict[str, dict[str, Any]]:
    """Name -> pod template of every workload."""
    workloads = {**program.of("StatefulSet"), **program.of("Deployment")}
    return {name: inputs["spec"]["template"] for name, inputs in workloads.items()}


def test_every_component_of_the_environment_is_declared(program: Recorder) -> None:
    apps = {"archive", "database", "store", "load-balancer", "dicom-exporter", "s3-exporter", "prometheus"} | {
        "alertmanager",
        "page",
        "postgres-exporter",
        "http-log-exporter",
    }
    assert set(pods(program)) == apps


def test_two_archive_replicas_share_one_bucket_under_object_lock(program: Recorder) -> None:
    assert program.of("StatefulSet")["archive"]["spec"]["replicas"] == 2
    assert set(program.of("Bucket")) == {"archive", "canary"}
    for bucket in program.of("Bucket").values():
        assert (bucket["objectLock"], bucket["retentionMode"], bucket["retentionDays"]) == (True, "GOVERNANCE", 1)


def test_the_exporter_compares_the_buckets_with_what_the_program_makes_of_them(program: Recorder) -> None:
    declared = json.loads(program.of("ConfigMap")["s3-exporter"]["data"]["declaration.json"])["buckets"]
    for bucket in program.of("Bucket").values():
        one = declared[bucket["bucket"]]
        assert one["objectLock"] is bucket["objectLock"]
        assert one["retention"] == {"mode": bucket["retentionMode"], "days": bucket["retentionDays"]}
        assert one["lifecycle"] == s3_lifecycle.rules(bucket.get("expireTagged", {}))


def test_every_pod_is_confined(program: Recorder) -> None:
    for name, template in pods(program).items():
        assert template["spec"]["securityContext"]["runAsNonRoot"] is True, name
        for container in template["spec"]["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name


def test_only_the_database_may_talk_to_the_cluster(program: Recorder) -> None:
    tokens = {name for name, template in pods(program).items() if template["spec"]["automountServiceAccountToken"]}
    assert tokens == {"database"}


def test_no_pod_takes_a_secret_from_its_environment(program: Recorder) -> None:
    for template in pods(program).values():
        for container in template["spec"]["containers"]:
            assert "envFrom" not in container
            assert not [e for e in container.get("env", []) if "secretKeyRef" in e.get("valueFrom", {})]


def test_everything_is_denied_that_no_policy_allows(program: Recorder) -> None:
    policies = program.of("NetworkPolicy")
    assert policies["default-deny"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in policies.items():
        for rule in [*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])]:
            assert rule.get("from") or rule.get("to"), f"{name} allows everybody"


def test_the_archive_may_call_whom_it_sends_or_reports_to_and_no_other_modality(program: Recorder) -> None:
    egress = program.of("NetworkPolicy")["archive-traffic"]["spec"]["egress"]
    networks = {peer["ipBlock"]["cidr"]: rule["ports"] for rule in egress for peer in rule["to"] if "ipBlock" in peer}
    assert networks == {
        "10.30.2.5/32": [{"port": 11112, "protocol": "TCP"}],  # a destination of C-MOVE
        "10.30.1.18/32": [{"port": 4006, "protocol": "TCP"}],  # has storage commitment
    }


def test_the_archive_may_call_the_prober_where_its_entry_says(program: Recorder) -> None:
    (entry,) = [m for m in orthanc_of(program)["DicomModalities"].values() if m["AET"] == PROBER_AE_TITLE]
    assert (entry["AllowMove"], entry["AllowStorageCommitment"]) == (True, True)
    name, namespace, domain = entry["Host"].split(".", 2)
    service = program.of("Service")[name]
    assert (service["metadata"]["namespace"], domain) == (namespace, "svc.cluster.local")
    assert {"name": "dicom", "port": entry["Port"]} in service["spec"]["ports"]
    (container,) = pods(program)[name]["spec"]["containers"]
    assert {"name": "dicom", "containerPort": entry["Port"]} in container["ports"]

    def app(label: str) -> dict[str, Any]:
        return {"podSelector": {"matchLabels": {"app.kubernetes.io/name": label}}}

    policies, ports = program.of("NetworkPolicy"), [{"port": entry["Port"], "protocol": "TCP"}]
    assert {"to": [app(name)], "ports": ports} in policies["archive-traffic"]["spec"]["egress"]
    assert {"from": [app("archive")], "ports": ports} in policies["dicom-exporter-traffic"]["spec"]["ingress"]


def test_one_registry_feeds_the_archive_and_the_front_door(program: Recorder) -> None:
    orthanc = json.loads(program.of("ConfigMap")["archive-settings"]["data"]["orthanc.json"])
    kinds = ("AllowStore", "AllowMove", "AllowStorageCommitment")
    rights = {m["AET"]: tuple(m[kind] for kind in kinds) for m in orthanc["DicomModalities"].values()}
    assert rights["CT1"] == (True, False, False)
    assert rights["MR1"] == (True, False, True)
    assert rights["PACS"] == (False, True, False)
    ingress = program.of("NetworkPolicy")["load-balancer-traffic"]["spec"]["ingress"]
    assert {"ipBlock": {"cidr": "10.30.1.17/32"}} in ingress[0]["from"]


def test_passwords_are_in_secrets_and_in_no_config_map(program: Recorder) -> None:
    texts = json.dumps([c["data"] for c in program.of("ConfigMap").values()])
    for name in program.of("Secret"):
        assert f"{name}-value" not in texts


def orthanc_of(program: Recorder) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(program.of("ConfigMap")["archive-settings"]["data"]["orthanc.json"])
    return settings


def test_on_a_file_system_the_archive_has_a_volume_and_there_is_no_bucket(on_files: Recorder) -> None:
    assert set(pods(on_files)) == {
        "archive",
        "database",
        "load-balancer",
        "dicom-exporter",
        "prometheus",
        "postgres-exporter",
        "http-log-exporter",
        "page",
        "alertmanager",
    }
    assert on_files.of("Bucket") == {}
    archive = on_files.of("StatefulSet")["archive"]["spec"]
    (claim,) = archive["volumeClaimTemplates"]
    assert claim["spec"]["resources"] == {"requests": {"storage": "7Gi"}}
    (container,) = archive["template"]["spec"]["containers"]
    (mount,) = [m["mountPath"] for m in container["volumeMounts"] if m["name"] == claim["metadata"]["name"]]
    assert orthanc_of(on_files)["StorageDirectory"].startswith(f"{mount}/")
    assert orthanc_of(on_files)["S3Storage"] == {"Enable": False}


def test_the_prober_s_objects_are_of_a_class_of_their_own_where_objects_are_locked(
    program: Recorder, tmp_path: Path
) -> None:
    probe_class = {"ProbePatientId": "VNAOPS-PROBE", "ProbeRetentionDays": 1, "ProbeTag": True}
    assert probe_class.items() <= orthanc_of(program)["S3Storage"].items()
    assert program.of("Bucket")["archive"]["expireTagged"] == {"vnaops-class=probe": 2}, "a day after the lock's end"
    assert "expireTagged" not in program.of("Bucket")["canary"]
    (store,) = pods(program)["store"]["spec"]["containers"]
    assert {"name": "WEED_MASTER_MAINTENANCE_SLEEP_MINUTES", "value": "60"} in store["env"], "who carries the rule out"
    long = {"retentionDays": 7300, "probeRetentionDays": 2, "probeTag": False}
    with declared(tmp_path, objectStore=long) as kept:
        section = orthanc_of(kept)["S3Storage"]
        assert (section["RetentionDays"], section["ProbeRetentionDays"], section["ProbeTag"]) == (7300, 2, False)
        assert kept.of("Bucket")["archive"]["expireTagged"] == {}
    with declared(tmp_path, objectStore={"objectLock": False}) as unlocked:
        assert not probe_class.keys() & orthanc_of(unlocked)["S3Storage"].keys()


def test_on_a_file_system_prometheus_asks_for_no_object_store(program: Recorder, on_files: Recorder) -> None:
    def jobs(recorder: Recorder) -> set[str]:
        text = recorder.of("ConfigMap")["prometheus"]["data"]["prometheus.yaml"]
        return {job["job_name"] for job in json.loads(text)["scrape_configs"]}

    assert jobs(program) - jobs(on_files) == {"object-store", "archive-storage", "s3-exporter"}


def test_no_study_can_be_deleted_unless_the_settings_say_so(program: Recorder, tmp_path: Path) -> None:
    assert "TestDeletion" not in orthanc_of(program)
    assert "/test-studies/" not in program.of("ConfigMap")["haproxy"]["data"]["haproxy.cfg"]
    with declared(tmp_path, archive={"testDeletion": True}) as opened:
        assert orthanc_of(opened)["TestDeletion"] == {"PatientIdPrefix": "VNAOPS-TEST-"}
        assert "/test-studies/" in opened.of("ConfigMap")["haproxy"]["data"]["haproxy.cfg"]


def test_the_archive_s_answers_do_not_wait_for_delayed_acknowledgements(program: Recorder) -> None:
    (container,) = pods(program)["archive"]["spec"]["containers"]
    assert {"name": "TCP_NODELAY", "value": "1"} in container["env"]


def test_a_tap_stands_before_each_replica_and_the_archive_stops_after_it_has_drained(program: Recorder) -> None:
    spec = pods(program)["archive"]["spec"]
    (tap,) = spec["initContainers"]
    (container,) = spec["containers"]
    assert tap["restartPolicy"] == "Always"
    assert {"--listen=:4242", "--to=127.0.0.1:4243", "--proxy-protocol"} <= set(tap["command"])
    assert container["lifecycle"]["preStop"]["httpGet"] == {"path": "/-/drain", "port": 9881}
    orthanc = json.loads(program.of("ConfigMap")["archive-settings"]["data"]["orthanc.json"])
    assert orthanc["DicomPort"] == 4243
    assert "send-proxy-v2" in program.of("ConfigMap")["haproxy"]["data"]["haproxy.cfg"]


def test_without_a_tap_the_archive_listens_itself(tmp_path: Path) -> None:
    with declared(tmp_path, archive={"tap": False}) as plain:
        assert pods(plain)["archive"]["spec"]["initContainers"] == []
        orthanc = json.loads(plain.of("ConfigMap")["archive-settings"]["data"]["orthanc.json"])
        assert orthanc["DicomPort"] == 4242
        assert "send-proxy" not in plain.of("ConfigMap")["haproxy"]["data"]["haproxy.cfg"]
