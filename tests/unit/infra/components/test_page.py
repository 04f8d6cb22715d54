"""The page's component: who may come, where it may go, what it is told, and Grafana's dashboards beside it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.dashboards import DASHBOARDS
from tests.unit.infra.program import Recorder, declared


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    with declared(tmp_path_factory.mktemp("page")) as recorder:
        yield recorder


def names(peers: list[dict[str, dict[str, dict[str, str]]]]) -> list[str]:
    return [peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in peers if "podSelector" in peer]


def test_the_page_may_ask_prometheus_and_alertmanager_and_nobody_else(program: Recorder) -> None:
    egress = program.of("NetworkPolicy")["page-traffic"]["spec"]["egress"]
    asked = {name: rule["ports"] for rule in egress for name in names(rule["to"])}
    assert asked == {
        "prometheus": [{"port": 9090, "protocol": "TCP"}],
        "alertmanager": [{"port": 9093, "protocol": "TCP"}],
    }


@pytest.mark.parametrize("app", ["prometheus", "alertmanager"])
def test_those_let_the_page_in(program: Recorder, app: str) -> None:
    ingress = program.of("NetworkPolicy")[f"{app}-traffic"]["spec"]["ingress"]
    assert "page" in [name for rule in ingress for name in names(rule["from"])]


def test_the_page_is_published_on_the_nodes_unless_the_settings_say_no(program: Recorder, tmp_path: Path) -> None:
    (port,) = program.of("Service")["page"]["spec"]["ports"]
    assert port["nodePort"] == 30080
    with declared(tmp_path, monitoring={"pageNodePort": None}) as hidden:
        assert hidden.of("Service")["page"]["spec"]["type"] == "ClusterIP"


def test_the_page_knows_its_environment_and_whose_load_it_is(program: Recorder, tmp_path: Path) -> None:
    told = json.loads(program.of("ConfigMap")["page"]["data"]["environment.json"])
    assert told == {"environment": "dev", "calling": "VNAOPS_LOAD", "scrapeSeconds": 15}
    load = [{"aeTitle": "LOAD", "host": "10.0.0.9", "rights": ["store"]}]
    with declared(tmp_path, modalities=load, loadGenerator="LOAD") as other:
        assert json.loads(other.of("ConfigMap")["page"]["data"]["environment.json"])["calling"] == "LOAD"


def test_a_grafana_s_sidecar_finds_the_dashboards_by_its_label(program: Recorder) -> None:
    found = program.of("ConfigMap")["dashboards"]
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert {json.loads(text)["uid"] for text in found["data"].values()} == {view.uid for view in DASHBOARDS}
