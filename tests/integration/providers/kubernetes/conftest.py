"""What the plug-in's tests share: one Kubernetes, a namespace each, and stacks of the real engine."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pulumi import automation

from infra import paths
from tests.peers.kubernetes_api import KubernetesApi, PlayedKubelet, kubernetes_api

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
class Engine:
    """A stack of its own whose program each test gives; state and home lie in the test's folder."""

    folder: Path
    environment: dict[str, str]
    printed: list[str] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    """Severity and text of what the plug-in said about resources, progress lines included."""

    @cached_property
    def _stack(self) -> automation.Stack:
        options = automation.LocalWorkspaceOptions(
            work_dir=str(self.folder / "project"), pulumi_home=str(self.folder / "home"), env_vars=self.environment
        )
        return automation.create_stack("test", project_name="test", program=lambda: None, opts=options)

    def stack(self, program: Callable[[], None]) -> automation.Stack:
        """The stack, with this program from now on."""
        self._stack.workspace.program = program
        return self._stack

    def up(self, program: Callable[[], None], **options: Any) -> automation.UpResult:
        """`pulumi up`; what it prints is kept in `printed`, what was said in `said`."""
        self.printed.clear()
        self.said.clear()
        return self.stack(program).up(on_output=self.printed.append, on_event=self._note, **options)

    def refused(self, program: Callable[[], None], **options: Any) -> str:
        """What `pulumi up` prints when it fails, as it must."""
        with pytest.raises(automation.CommandError):
            self.up(program, **options)
        return "\n".join(self.printed)

    def planned(self, program: Callable[[], None]) -> list[dict[str, Any]]:
        """The steps of `pulumi preview --diff` that are more than `same`, for objects of Kubernetes."""
        steps: list[dict[str, Any]] = []

        def note(event: automation.EngineEvent) -> None:
            if event.resource_pre_event:
                metadata = event.resource_pre_event.metadata
                if metadata.op != automation.OpType.SAME and metadata.type.startswith("kubernetes:"):
                    steps.append(
                        {
                            "op": metadata.op.value,
                            "type": metadata.type,
                            "diff": {
                                path: one["kind"] if isinstance(one, dict) else one.diff_kind.value
                                for path, one in (metadata.detailed_diff or {}).items()
                            },
                        }
                    )

        self.printed.clear()
        self.stack(program).preview(on_event=note, on_output=self.printed.append, diff=True)
        return steps

    def resources(self) -> dict[str, dict[str, Any]]:
        """The state's resources of Kubernetes by name in the program."""
        deployment: Any = self._stack.export_stack().deployment
        found = [one for one in deployment.get("resources", []) if one["type"].startswith("kubernetes:")]
        return {one["urn"].rpartition("::")[2]: one for one in found}

    def state_text(self) -> str:
        """The state file as it lies on disk."""
        return (self.folder / "state" / ".pulumi" / "stacks" / "test" / "test.json").read_text()

    def _note(self, event: automation.EngineEvent) -> None:
        if event.diagnostic_event:
            self.said.append((event.diagnostic_event.severity, event.diagnostic_event.message.strip()))


@pytest.fixture
def engine(api: KubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The plug-in lies where the CLI looks for the official one."""
    if not (paths.tools_bin() / "pulumi").exists():
        pytest.fail("pulumi is missing: run `python -m infra.node.tools`")
    plugin = tmp_path / "home" / "plugins" / "resource-kubernetes-v4.34.2" / "pulumi-resource-kubernetes"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(LAUNCHER)
    plugin.chmod(0o755)
    for name in ("project", "state"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PATH", f"{paths.tools_bin()}{os.pathsep}{os.environ['PATH']}")
    environment = {
        "KUBECONFIG": str(api.kubeconfig),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "a test's",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PATH": f"{paths.tools_bin()}{os.pathsep}{os.environ['PATH']}",
    }
    return Engine(tmp_path, environment)


def object_of(api: KubernetesApi, kind: str, name: str, namespace: str) -> dict[str, Any]:
    """An object as kubectl shows it."""
    found: dict[str, Any] = json.loads(api.kubectl("-n", namespace, "get", kind, name, "-o", "json"))
    return found
