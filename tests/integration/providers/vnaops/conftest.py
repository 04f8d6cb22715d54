"""What the provider's tests share: one SeaweedFS, and stacks of the real engine with the provider as its plug-in."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.pulumi_engine import PulumiEngine, prepare
from tests.peers.seaweedfs import SeaweedFS, seaweedfs

PLUGIN = Path(__file__).parents[4] / "infra" / "providers" / "vnaops"


@pytest.fixture(scope="session")
def store() -> Iterator[SeaweedFS]:
    with seaweedfs() as running:
        yield running


class Engine(PulumiEngine):
    """The engine with the provider as its plug-in."""

    def planned(self, program: Callable[[], None]) -> list[dict[str, Any]]:
        """The steps of `pulumi preview` that do something to our resources."""
        return [
            {"op": step.op.value, "type": step.type, "diff": step.detailed_diff or {}}
            for step in self.steps(program, "vnaops:")
        ]

    def import_(self, kind: str, name: str, identity: str, program: Callable[[], None]) -> None:
        """`pulumi import`."""
        self.stack(program).import_resources(
            resources=[{"type": f"vnaops:index:{kind}", "name": name, "id": identity}],
            protect=False,
            generate_code=False,
        )

    def resource(self, kind: str) -> dict[str, Any]:
        """The state's one resource of `vnaops:index:<kind>`."""
        resources = json.loads(self.state_text())["checkpoint"]["latest"].get("resources", [])
        (found,) = [one for one in resources if one["type"] == f"vnaops:index:{kind}"]
        return dict(found)


@pytest.fixture
def engine(store: SeaweedFS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Credentials of the store are boto3's default ones."""
    environment = prepare(tmp_path, monkeypatch)
    (tmp_path / "project" / "Pulumi.yaml").write_text(
        f"name: test\nruntime: python\nplugins:\n  providers:\n    - name: vnaops\n      path: {PLUGIN}\n"
    )
    store.write_credentials(tmp_path / "credentials")
    monkeypatch.setenv("VNAOPS_STATE", str(tmp_path / "vnaops"))  # of this process, which looks into it
    environment |= {
        "VNAOPS_STATE": str(tmp_path / "vnaops"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        # the plug-in's first line takes python3 from there
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}",
    }
    return Engine(tmp_path, environment)
