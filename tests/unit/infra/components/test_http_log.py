"""The http-log-exporter's component: how the balancer's log gets to it, and that the balancer needs nothing of it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.components.http_routes import OPERATIONS
from tests.unit.infra.program import Recorder, declared


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    with declared(tmp_path_factory.mktemp("http_log")) as recorder:
        yield recorder


def rule(program: Recorder, app: str, direction: str, side: str, other: str) -> list[Any]:
    """The ports of the rule that lets an app to or from another."""
    rules = program.of("NetworkPolicy")[f"{app}-traffic"]["spec"][direction]
    peer = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": other}}}
    (ports,) = [one["ports"] for one in rules if peer in one[side]]
    return list(ports)


def test_the_exporter_knows_every_route(program: Recorder) -> None:
    (container,) = program.of("Deployment")["http-log-exporter"]["spec"]["template"]["spec"]["containers"]
    assert f"--operations={','.join(OPERATIONS)}" in container["command"]


def test_the_balancer_s_pod_is_haproxy_alone(program: Recorder) -> None:
    spec = program.of("Deployment")["load-balancer"]["spec"]["template"]["spec"]
    assert [one["name"] for one in spec["containers"]] == ["haproxy"]
    assert "initContainers" not in spec


def test_the_balancer_logs_to_an_address_that_is_known_before_any_exporter_is_ready(program: Recorder) -> None:
    service = program.of("Service")["http-log-exporter"]
    assert service["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    assert {"name": "log", "port": 9514, "protocol": "UDP"} in service["spec"]["ports"]
    # the address that the recorder's cluster gives
    assert "log 10.96.1.1:9514 " in program.of("ConfigMap")["haproxy"]["data"]["haproxy.cfg"]


def test_datagrams_come_from_the_balancer_and_scrapes_from_prometheus_and_nothing_else(program: Recorder) -> None:
    assert rule(program, "load-balancer", "egress", "to", "http-log-exporter") == [{"port": 9514, "protocol": "UDP"}]
    assert rule(program, "http-log-exporter", "ingress", "from", "load-balancer") == [{"port": 9514, "protocol": "UDP"}]
    assert rule(program, "prometheus", "egress", "to", "http-log-exporter") == [{"port": 9883, "protocol": "TCP"}]
    assert rule(program, "http-log-exporter", "ingress", "from", "prometheus") == [{"port": 9883, "protocol": "TCP"}]
    own = program.of("NetworkPolicy")["http-log-exporter-traffic"]["spec"]
    assert (len(own["ingress"]), own["egress"]) == (2, [])


def test_prometheus_asks_the_exporter_by_its_own_service(program: Recorder) -> None:
    jobs = json.loads(program.of("ConfigMap")["prometheus"]["data"]["prometheus.yaml"])["scrape_configs"]
    (job,) = [one for one in jobs if one["job_name"] == "http-log-exporter"]
    assert job["static_configs"] == [{"targets": ["http-log-exporter:9883"]}]
