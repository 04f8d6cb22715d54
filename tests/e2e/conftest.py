"""Brings up the environment for the tests, and takes down what was down before."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import paths
from tests.e2e.environment import STACK, Deployed, outputs

ROOT = Path(__file__).parents[2]


def node_runs() -> bool:
    """Whether the embedded node answers."""
    status = [sys.executable, "-m", "infra.node", "status"]
    return subprocess.run(status, cwd=ROOT, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The `dev` environment, as `make up` makes it (a user's running one is used and left running)."""
    ran_before = node_runs()
    log = tmp_path_factory.mktemp("up") / "up.log"
    with log.open("w") as out:
        done = subprocess.run(
            [sys.executable, "-m", "infra.up", "--stack", STACK],
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
    assert done.returncode == 0, f"make up failed:\n{log.read_text()[-6000:]}"
    assert paths.outputs_file(STACK).stat().st_mode & 0o777 == 0o600
    yield Deployed(outputs(), tmp_path_factory.mktemp("deployed"))
    if not ran_before:
        subprocess.run([sys.executable, "-m", "infra.node", "down"], cwd=ROOT, check=True)
