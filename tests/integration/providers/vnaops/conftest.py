"""What the provider's tests share: one SeaweedFS, and stacks of the real engine with the provider as its plug-in."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation

from infra import paths
from tests.peers.seaweedfs import SeaweedFS, seaweedfs

PLUGIN = Path(__file__).parents[4] / "infra" / "providers" / "vnaops"


@pytest.fixture(scope="session")
def store() -> Iterator[SeaweedFS]:
    with seaweedfs() as running:
        yield running


@dataclass
class Engine:
    """A stack of its own whose program each test gives; state and home lie in the test's folder."""

    folder: Path
    environment: dict[str, str]
    printed: list[str] = field(default_factory=list)

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
        """`pulumi up`; what it prints is kept in `printed`."""
        self.printed.clear()
        return self.stack(program).up(on_output=self.printed.append, **options)

    def refused(self, program: Callable[[], None]) -> str:
        """What `pulumi up` prints when it fails, as it must."""
        with pytest.raises(automation.CommandError):
            self.up(program)
        return "\n".join(self.printed)

    def planned(self, program: Callable[[], None]) -> list[dict[str, Any]]:
        """The steps of `pulumi preview` that do something to our resources."""
        steps: list[dict[str, Any]] = []

        def note(event: automation.EngineEvent) -> None:
            if event.resource_pre_event:
                metadata = event.resource_pre_event.metadata
                if metadata.op != automation.OpType.SAME and metadata.type.startswith("vnaops:"):
                    steps.append({"op": metadata.op.value, "type": metadata.type, "diff": metadata.detailed_diff or {}})

        self.stack(program).preview(on_event=note)
        return steps

    def import_(self, kind: str, name: str, identity: str, program: Callable[[], None]) -> None:
        """`pulumi import`."""
        self.stack(program).import_resources(
            resources=[{"type": f"vnaops:index:{kind}", "name": name, "id": identity}],
            protect=False,
            generate_code=False,
        )

    def state_text(self) -> str:
        """The state file as it lies on disk."""
        return (self.folder / "state" / ".pulumi" / "stacks" / "test" / "test.json").read_text()

    def resource(self, kind: str) -> dict[str, Any]:
        """The state's one resource of `vnaops:index:<kind>`."""
        resources = json.loads(self.state_text())["checkpoint"]["latest"].get("resources", [])
        (found,) = [one for one in resources if one["type"] == f"vnaops:index:{kind}"]
        return dict(found)


@pytest.fixture
def engine(store: SeaweedFS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Credentials of the store are boto3's default ones."""
    if not (paths.tools_bin() / "pulumi").exists():
        pytest.fail("pulumi is missing: run `python -m infra.node.tools`")
    for name in ("project", "state", "home"):
        (tmp_path / name).mkdir()
    (tmp_path / "project" / "Pulumi.yaml").write_text(
        f"name: test\nruntime: python\nplugins:\n  providers:\n    - name: vnaops\n      path: {PLUGIN}\n"
    )
    store.write_credentials(tmp_path / "credentials")
    monkeypatch.setenv("VNAOPS_STATE", str(tmp_path / "vnaops"))  # of this process, which looks into it
    monkeypatch.setenv("PATH", f"{paths.tools_bin()}{os.pathsep}{os.environ['PATH']}")
    environment = {
        "VNAOPS_STATE": str(tmp_path / "vnaops"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "a test's",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PATH": f"{paths.tools_bin()}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    return Engine(tmp_path, environment)
