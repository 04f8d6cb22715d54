"""A tree with tiny images, a registry, and the command, all of it away from this machine's own images."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers.image_registry import ImageRegistry, image_registry

REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True)
class Tree:
    """A repository of images in a folder, and how `python -m infra.images` is run on it."""

    root: Path
    registry: ImageRegistry

    def __post_init__(self) -> None:
        self.write_logins({})

    def write_logins(self, logins: dict[str, dict[str, str]]) -> None:
        """Writes the standard auth file: this machine's own doesn't count here."""
        (self.root / "auth.json").write_text(json.dumps({"auths": logins}))

    @property
    def references(self) -> Path:
        return self.root / "state/images.json"

    @property
    def environment(self) -> dict[str, str]:
        return dict(os.environ) | {
            "VNAOPS_CACHE": str(self.root / "cache"),
            "VNAOPS_STATE": str(self.root / "state"),
            "VNAOPS_REGISTRY": f"{self.registry.host}/test/vna",
            "VNAOPS_REGISTRY_CA": str(self.registry.ca),
            "REGISTRY_AUTH_FILE": str(self.root / "auth.json"),
        }

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "infra.images", "--repository", str(self.root)]

    def image(self, name: str, containerfile: str, toml: str = 'parent = ""', **files: str) -> None:
        """Writes an image's folder; without `toml` it has no parent."""
        folder = self.root / "infra/images" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "Containerfile").write_text(containerfile)
        (folder / "image.toml").write_text(f'title = "Test {name}"\nversion = "1"\n{toml}\n')
        for file, content in files.items():
            (folder / file).write_text(content)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments],
            cwd=REPOSITORY,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageRegistry]:
    with image_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def tree(tmp_path: Path, registry: ImageRegistry) -> Tree:
    return Tree(tmp_path, registry)
