"""What the environment stands on is watched (nodes, cluster, PostgreSQL, HTTP), and none of it is in alarm."""

import json
from pathlib import Path

import pytest
import yaml
from pydicom.uid import generate_uid

from tests.e2e.environment import Deployed, eventually

pytestmark = pytest.mark.timeout(1800)
RULES = Path(__file__).parents[2] / "infra" / "rules" / "alerts"
ALERTS = [
    rule["alert"]
    for name in ("infrastructure", "http")
    for group in yaml.safe_load((RULES / f"{name}.yaml").read_text())["groups"]
    for rule in group["rules"]
]


def value(deployed: Deployed, query: str) -> float:
    """The sum of what a query finds; nought where it finds nothing."""
    return sum(float(one["value"][1]) for one in deployed.prometheus(query))


def test_prometheus_hears_what_the_environment_stands_on(deployed: Deployed) -> None:
    jobs = {"node", "kubelet", "cadvisor", "apiserver", "etcd", "postgres", "http-log-exporter"}
    eventually(lambda: jobs <= {r["metric"]["job"] for r in deployed.prometheus("up == 1")}, 90, "every job up")


def test_every_node_is_watched(deployed: Deployed) -> None:
    nodes = {
        node["metadata"]["name"] for node in json.loads(deployed.kubectl("get", "nodes", "--output=json"))["items"]
    }
    for query in ('up{job="node"}', 'up{job="kubelet"}', 'node_filesystem_avail_bytes{mountpoint="/"}'):
        eventually(lambda query=query: nodes == {r["metric"]["node"] for r in deployed.prometheus(query)}, 90, query)  # type: ignore[misc]


def test_the_containers_of_the_environment_are_told_apart(deployed: Deployed) -> None:
    containers = {
        (pod["metadata"]["name"], one["name"])
        for pod in deployed.objects("pods", "--selector=app.kubernetes.io/part-of=vnaops")
        for one in pod["spec"]["containers"]
    }

    def seen() -> set[tuple[str, str]]:
        query = f'container_memory_working_set_bytes{{namespace="{deployed.namespace}", container!=""}}'
        return {(one["metric"]["pod"], one["metric"]["container"]) for one in deployed.prometheus(query)}

    eventually(lambda: containers <= seen(), 120, "memory of every container")


def test_what_looks_at_the_database_sees_statistics_and_no_table(deployed: Deployed) -> None:
    eventually(lambda: value(deployed, "min(pg_up)") == 1, 90, "pg_up")
    assert value(deployed, 'pg_stat_activity_count{datname="archive", state="idle"}') > 0
    database = deployed.pods("database")[0]
    # the catalogue is everybody's
    query = """SELECT count(*), count(*) FILTER (WHERE has_table_privilege('monitoring', c.oid, 'SELECT'))
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r'"""
    psql = ("psql", "--host=/tmp", "--username=postgres", "--dbname=archive", "--tuples-only", "--no-align")
    told = deployed.kubectl("exec", database, "--container=patroni", "--", *psql, f"--command={query}")
    tables, readable = map(int, told.split("|"))
    assert tables > 0
    assert readable == 0


def test_a_request_is_counted_by_its_route_and_no_identifier_is_logged(deployed: Deployed) -> None:
    uid = str(generate_uid())
    asked = {
        "qido-rs-studies": f"/dicom-web/studies?StudyInstanceUID={uid}",
        "wado-rs-metadata": f"/dicom-web/studies/{uid}/metadata",
        "other": f"/patients/{uid}",
    }
    count = 'sum(http_transactions_duration_seconds_count{{operation="{}"}})'
    before = {operation: value(deployed, count.format(operation)) for operation in asked}
    for path in asked.values():
        deployed.https(path)
    for operation in asked:
        query = count.format(operation)
        eventually(
            lambda query=query, least=before[operation]: value(deployed, query) > least,  # type: ignore[misc]
            60,
            query,
        )
    logs = deployed.kubectl("logs", "--selector=app.kubernetes.io/name=load-balancer", "--all-containers", "--tail=-1")
    assert "operation=wado-rs-metadata" in logs
    assert uid not in logs


def test_the_namespace_of_what_needs_the_host_holds_nothing_else(deployed: Deployed) -> None:
    namespace = f"{deployed.namespace}-nodes"
    pods = json.loads(deployed.run("kubectl", "--namespace", namespace, "get", "pods", "--output=json").stdout)["items"]
    nodes = json.loads(deployed.kubectl("get", "nodes", "--output=json"))["items"]
    assert len(pods) == len(nodes)
    for pod in pods:
        assert pod["metadata"]["labels"]["app.kubernetes.io/name"] == "node-exporter"
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert [mount["readOnly"] for mount in container["volumeMounts"]] == [True]


def test_no_alert_on_the_infrastructure_fires(deployed: Deployed) -> None:
    firing = f'ALERTS{{alertname=~"{"|".join(ALERTS)}", alertstate="firing"}}'
    # faults made by the tests before are in the rates of the last quarter of an hour
    eventually(lambda: not deployed.prometheus(firing), 1000, "no alert fires")
