"""What Prometheus asks of the cluster, where the settings say that it may; that it gets it is measured in tests/e2e."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra import settings
from infra.cluster_settings import ClusterMonitoring
from infra.components import cluster_scraping, node_exporter
from tests.unit.infra.program import declared

OWN = {"nodeCidrs": ["10.0.0.0/24"], "etcd": ["10.0.0.1:2381"]}
JOBS = ["node", "kubelet", "cadvisor", "apiserver", "etcd"]


def jobs(**more: Any) -> dict[str, Any]:
    made = cluster_scraping.jobs(ClusterMonitoring.model_validate({**OWN, **more}), "vnaops-dev", ["10.0.0.1:6443"])
    return {job["job_name"]: job for job in made}


def test_the_jobs_have_the_names_that_the_field_uses() -> None:
    assert list(jobs()) == JOBS
    assert list(jobs(etcd=[])) == JOBS[:-1]


def test_kubelets_are_verified_unless_the_settings_say_otherwise() -> None:
    assert jobs()["kubelet"]["tls_config"]["ca_file"]
    assert jobs(verifyKubelets=False)["cadvisor"]["tls_config"] == {"insecure_skip_verify": True}


def kept(job: dict[str, Any], **labels: str) -> bool:
    """Whether Prometheus keeps a series after the job's relabelling (its regular expressions are anchored)."""
    for step in job["metric_relabel_configs"]:
        text = ";".join(labels.get(name, "") for name in step["source_labels"])
        if bool(re.fullmatch(step["regex"], text)) is not (step["action"] == "keep"):
            return False
    return True


@pytest.mark.parametrize(
    ("labels", "stays"),
    [
        ({"__name__": "container_memory_working_set_bytes", "namespace": "vnaops-dev"}, True),
        ({"__name__": "container_memory_working_set_bytes", "namespace": "vnaops-dev-nodes"}, True),
        ({"__name__": "container_memory_working_set_bytes", "namespace": "kube-system"}, True),
        ({"__name__": "container_memory_working_set_bytes", "namespace": "payroll"}, False),
        ({"__name__": "container_memory_working_set_bytes"}, False),
        ({"__name__": "container_tasks_state", "namespace": "vnaops-dev"}, False),
        ({"__name__": "machine_memory_bytes"}, True),
    ],
)
def test_only_containers_of_the_environment_and_of_the_cluster_are_kept(labels: dict[str, str], stays: bool) -> None:
    assert kept(jobs()["cadvisor"], **labels) is stays


@pytest.mark.parametrize("le", ["0.1", "1", "1.0", "60", "+Inf"])
def test_the_buckets_that_alerts_need_are_kept(le: str) -> None:
    assert kept(jobs()["apiserver"], __name__="apiserver_request_duration_seconds_bucket", le=le)


@pytest.mark.parametrize("le", ["0.45", "1.25", "4", "4.0", "50"])
def test_every_other_bucket_is_dropped(le: str) -> None:
    assert not kept(jobs()["apiserver"], __name__="apiserver_request_duration_seconds_bucket", le=le)


def scraped(recorder: Any) -> list[str]:
    text = recorder.of("ConfigMap")["prometheus"]["data"]["prometheus.yaml"]
    return [job["job_name"] for job in json.loads(text)["scrape_configs"]]


def test_a_cluster_that_is_another_s_is_left_alone(tmp_path: Path) -> None:
    with declared(tmp_path) as program:
        assert not set(JOBS) & set(scraped(program))
        assert "postgres" in scraped(program)
        assert program.of("DaemonSet") == {}
        assert program.of("ClusterRole") == {}
        pod = program.of("StatefulSet")["prometheus"]["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False


def test_where_the_cluster_is_ours_prometheus_may_look_at_it_and_do_nothing_else(tmp_path: Path) -> None:
    with declared(tmp_path, monitoring={"cluster": OWN}) as program:
        assert set(JOBS) <= set(scraped(program))
        (role,) = program.of("ClusterRole").values()
        assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
        assert {name for rule in role["rules"] for name in rule.get("resources", [])} == {"nodes", "nodes/metrics"}
        egress = program.of("NetworkPolicy")["prometheus-traffic"]["spec"]["egress"]
        blocks = {peer["ipBlock"]["cidr"]: rule["ports"] for rule in egress for peer in rule["to"] if "ipBlock" in peer}
        assert {cidr: [one["port"] for one in ports] for cidr, ports in blocks.items()} == {
            "10.0.0.0/24": [9100, 10250],
            "10.0.0.1/32": [2381],
            "10.89.0.1/32": [6443],
        }


@pytest.mark.parametrize("shared", [True, False])
def test_node_exporter_is_confined_but_for_the_host_s_network_and_a_root_that_it_only_reads(
    tmp_path: Path, shared: bool
) -> None:
    with declared(tmp_path, monitoring={"cluster": {**OWN, "sharedMounts": shared}}) as program:
        (daemons,) = program.of("DaemonSet").values()
        assert daemons["metadata"]["namespace"] == "vnaops-dev-nodes"
        pod = daemons["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["hostNetwork"] is True
        assert "hostPID" not in pod
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        (mount,) = container["volumeMounts"]
        assert mount["readOnly"] is True
        assert mount.get("mountPropagation") == ("HostToContainer" if shared else None)
        privileged = [
            name
            for name, one in program.of("Namespace").items()
            if "metadata" in one and one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
        ]
        assert privileged == ["nodes"]


@pytest.mark.parametrize(
    ("mount_point", "watched"),
    [("/", True), ("/var", True), ("/srv/data", True), ("/run", False), ("/x/kubelet/pods/1/volumes", False)],
)
def test_disks_are_watched_and_pods_mounts_are_not(mount_point: str, watched: bool) -> None:
    (option,) = [one for one in node_exporter.arguments() if "mount-points-exclude" in one]
    assert (re.search(option.split("=", 1)[1], mount_point) is None) is watched


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ({"nodeCidrs": []}, "vnaops:monitoring.cluster.nodeCidrs: Tuple should have at least 1 item"),
        (
            {**OWN, "etcd": ["http://10.0.0.1:2381"]},
            'vnaops:monitoring.cluster.etcd.0: an address is written like "10.89.0.1:2381"',
        ),
        (
            {**OWN, "etcd": ["10.0.0.1:99999"]},
            'vnaops:monitoring.cluster.etcd.0: an address is written like "10.89.0.1:2381"',
        ),
    ],
)
def test_wrong_settings_are_refused_in_words(cluster: dict[str, Any], said: str) -> None:
    with pytest.raises(settings.SettingsError) as refused:
        settings.parse({"monitoring": {"cluster": cluster}}, "dev")
    assert said in str(refused.value)
