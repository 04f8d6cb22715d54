"""What the plug-in's tests share: one Kubernetes, a namespace each, and stacks of the real engine."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pulumi import automation

from tests.peers.kubernetes_api import KubernetesApi, PlayedKubelet, kubernetes_api
from tests.peers.pulumi_engine import PulumiEngine, prepare

LAUNCHER = f'#!/bin/sh\nexec "{sys.executable}" -m infra.providers.kubernetes "$@"\n'


@pytest.fixture(scope="session")
def api() -> Iterator[KubernetesApi]:
    with kubernetes_api() as running, PlayedKubelet(running):
        yield running


@pytest.fixture
def namespace(api: KubernetesApi) -> Iterator[str]:
    """A namespace of the test's own; it is deleted afterwards, without waiting."""
    name = f"test-{uuid4().hex[:8]}"
    api.kubectl("create", "namespace", name)
    yield name
    api.kubectl("delete", "namespace", name, "--wait=false")


@dataclass
class Engine(PulumiEngine):
    """The engine with the stand-in as its plug-in."""

    said: list[tuple[str, str]] = field(default_factory=list)
    """Severity and text of what the plug-in said about resources, progress lines included."""

    def up(self, program: Callable[[], None], **options: Any) -> automation.UpResult:
        """`pulumi up`; what it prints is kept in `printed`, what was said in `said`."""
        self.said.clear()
        return super().up(program, on_event=self._note, **options)

    def planned(self, program: Callable[[], None]) -> list[dict[str, Any]]:
        """The steps of `pulumi preview --diff` that are more than `same`, for objects of Kubernetes."""
        return [
            {
                "op": step.op.value,
                "type": step.type,
                "diff": {
                    path: one["kind"] if isinstance(one, dict) else one.diff_kind.value
                    for path, one in (step.detailed_diff or {}).items()
                },
            }
            for step in self.steps(program, "kubernetes:", diff=True)
        ]

    def resources(self) -> dict[str, dict[str, Any]]:
        """The state's resources of Kubernetes by name in the program."""
        deployment: Any = self._stack.export_stack().deployment
        found = [one for one in deployment.get("resources", []) if one["type"].startswith("kubernetes:")]
        return {one["urn"].rpartition("::")[2]: one for one in found}

    def _note(self, event: automation.EngineEvent) -> None:
        if event.diagnostic_event:
            self.said.append((event.diagnostic_event.severity, event.diagnostic_event.message.strip()))


@pytest.fixture
def engine(api: KubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The plug-in lies where the CLI looks for the official one."""
    environment = prepare(tmp_path, monkeypatch)
    plugin = tmp_path / "home" / "plugins" / "resource-kubernetes-v4.34.2" / "pulumi-resource-kubernetes"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(LAUNCHER)
    plugin.chmod(0o755)
    return Engine(tmp_path, {**environment, "KUBECONFIG": str(api.kubeconfig)})


def object_of(api: KubernetesApi, kind: str, name: str, namespace: str) -> dict[str, Any]:
    """An object as kubectl shows it."""
    found: dict[str, Any] = json.loads(api.kubectl("-n", namespace, "get", kind, name, "-o", "json"))
    return found
