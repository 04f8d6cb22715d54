"""A campaign on the cluster: what its pods are told, what they may, and that it leaves the environment as it is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.campaign_settings import CampaignSettings
from infra.components.campaign import deadline_seconds, master_arguments
from tests.unit.infra.program import Recorder, declared

LOADED: dict[str, Any] = {
    "modalities": [{"aeTitle": "LOAD", "host": "10.0.0.9", "rights": ["store", "find", "get"]}],
    "loadGenerator": "LOAD",
}
PLAN = "name: mine\nstreams: []\n"
TESTED = {"commit": "what is deployed"}


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    with declared(tmp_path_factory.mktemp("idle"), **LOADED) as recorder:
        yield recorder


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    campaign = {"plan": PLAN, "workers": 3, "factor": 2, "memory": "2Gi", "release": TESTED}
    with declared(tmp_path_factory.mktemp("busy"), **LOADED, campaign=campaign) as recorder:
        yield recorder


def pod(program: Recorder, job: str) -> dict[str, Any]:
    spec: dict[str, Any] = program.of("Job")[job]["spec"]["template"]["spec"]
    return spec


def test_a_campaign_changes_nothing_of_the_environment_that_it_loads(idle: Recorder, busy: Recorder) -> None:
    def all_of(program: Recorder) -> dict[tuple[str, str], Any]:
        mine = ("campaign", "cluster")  # the provider `cluster` has the test's own kubeconfig
        return {(r.typ, r.name): r.inputs for r in program.declared if not r.name.startswith(mine)}

    assert all_of(busy) == all_of(idle)
    assert not [r.name for r in idle.declared if r.name.startswith("campaign")]


def test_a_master_waits_for_as_many_workers_as_there_are(busy: Recorder) -> None:
    workers = busy.of("Job")["campaign-worker"]["spec"]
    assert (workers["completions"], workers["parallelism"], workers["completionMode"]) == (3, 3, "Indexed")
    command = pod(busy, "campaign-master")["containers"][0]["command"]
    assert command[command.index("--workers") + 1] == "3"
    assert command[command.index("--factor") + 1] == "2.0"


def test_a_worker_is_told_only_where_its_master_is(busy: Recorder) -> None:
    command = pod(busy, "campaign-worker")["containers"][0]["command"]
    assert command[-2:] == ["--worker", "campaign-master:5557"]
    (port,) = busy.of("Service")["campaign-master"]["spec"]["ports"]
    assert port["port"] == 5557


def test_no_pod_of_a_campaign_is_started_twice_and_none_stays_for_ever(busy: Recorder) -> None:
    for job in busy.of("Job").values():
        assert job["spec"]["backoffLimit"] == 0
        assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
        assert job["spec"]["activeDeadlineSeconds"] == 90000
        assert job["spec"]["ttlSecondsAfterFinished"] == 3600


def test_every_pod_is_confined_and_has_no_token(busy: Recorder) -> None:
    for job in busy.of("Job"):
        spec = pod(busy, job)
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_campaigns_reach_the_front_door_and_their_master_and_the_master_prometheus(busy: Recorder) -> None:
    def to(app: str) -> dict[str, list[int]]:
        rules = busy.of("NetworkPolicy")[f"{app}-traffic"]["spec"]["egress"]
        return {
            peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]: [port["port"] for port in rule["ports"]]
            for rule in rules
            for peer in rule["to"]
        }

    assert to("campaign-worker") == {"load-balancer": [11112, 2762, 8443], "campaign-master": [5557]}
    assert to("campaign-master") == {"load-balancer": [11112, 2762, 8443], "prometheus": [9090]}


def test_only_workers_may_come_to_the_master(busy: Recorder) -> None:
    (rule,) = busy.of("NetworkPolicy")["campaign-master-traffic"]["spec"]["ingress"]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "campaign-worker"}}}]
    assert busy.of("NetworkPolicy")["campaign-worker-traffic"]["spec"]["ingress"] == []


def test_the_front_door_is_opened_for_the_campaign_by_a_policy_of_the_campaign(busy: Recorder) -> None:
    policy = busy.of("NetworkPolicy")["campaign-front-door"]["spec"]
    assert policy["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "load-balancer"}}
    apps = [peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in policy["ingress"][0]["from"]]
    assert apps == ["campaign-master", "campaign-worker"]


def test_pods_read_the_environment_from_a_secret_as_pods_see_it(busy: Recorder) -> None:
    data = busy.of("Secret")["campaign-environment"]["stringData"]
    outputs = json.loads(data["value"]["outputs.json"])  # as a secret of Pulumi's
    assert outputs["dicom"] == {
        "host": "load-balancer.vnaops-dev.svc.cluster.local",
        "port": 11112,
        "aeTitle": "VNAOPS",
        "callingAeTitle": "LOAD",
    }
    assert outputs["dicomWeb"]["password"] == "https-password-value"
    assert outputs["moveDestination"] is None
    assert outputs["release"] == TESTED
    for job in busy.of("Job"):
        assert "https-password-value" not in json.dumps(pod(busy, job))


def test_a_plan_of_ones_own_travels_as_it_is(busy: Recorder) -> None:
    assert busy.of("ConfigMap")["campaign-plan"]["data"] == {"plan.yaml": PLAN}
    command = pod(busy, "campaign-master")["containers"][0]["command"]
    assert command[command.index("--campaign") + 1] == "/etc/campaign/plan.yaml"
    mounts = {
        mount["name"]: mount["mountPath"] for mount in pod(busy, "campaign-master")["containers"][0]["volumeMounts"]
    }
    assert mounts["plan"] == "/etc/campaign"


def test_results_are_kept_by_a_container_that_outlives_the_master(busy: Recorder) -> None:
    master, results = pod(busy, "campaign-master")["containers"]
    folders = [{m["name"]: m["mountPath"] for m in c["volumeMounts"]}["results"] for c in (master, results)]
    assert folders == ["/results", "/results"]
    assert {"name": "results", "emptyDir": {}} in pod(busy, "campaign-master")["volumes"]
    command = master["command"]
    assert command[command.index("--report-dir") + 1] == "/results"


def test_a_pod_asks_for_a_quarter_of_the_memory_that_it_may_take(busy: Recorder) -> None:
    resources = pod(busy, "campaign-worker")["containers"][0]["resources"]
    assert resources["limits"] == {"memory": "2Gi"}
    assert resources["requests"] == {"cpu": "100m", "memory": str(2**29)}


def test_what_is_not_set_is_left_to_the_campaigns_file() -> None:
    command = master_arguments(CampaignSettings(name="first"))
    reports = ["--report-dir", "/results", "--no-pdf"]
    assert command == ["--campaign", "first", "--master", ":5557", "--workers", "2", *reports]


def test_a_campaign_of_days_is_not_ended_by_the_deadline_of_forgotten_ones() -> None:
    assert deadline_seconds(CampaignSettings(name="soak", seconds=200_000)) > 200_000
