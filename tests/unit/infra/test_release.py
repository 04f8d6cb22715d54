"""A release names what runs: equal settings have equal hashes, in every process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra import release
from infra.settings import Settings, SettingsError, parse

PROGRAM = """
from infra import release, settings
rights = ["echo", "store", "find", "get", "move", "destination"]
modalities = [{"aeTitle": "CT1", "host": "10.0.0.1", "rights": rights}]
print(release.settings_hash(settings.parse({"modalities": modalities}, "dev")))
"""


def test_equal_settings_have_equal_hashes_whatever_the_process() -> None:
    def one(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert len({one(str(seed)) for seed in range(4)}) == 1


def loaded(**more: Any) -> Settings:
    modality = {"aeTitle": "LOAD", "host": "10.0.0.9", "rights": ["store"]}
    return parse({"loadGenerator": "LOAD", "modalities": [modality], **more}, "dev")


def test_a_campaign_loads_a_release_and_makes_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = {name: f"registry.example/{name}@sha256:{'0' * 64}" for name in (*release.COMPONENTS, "loadtests")}
    monkeypatch.setenv("VNAOPS_STATE", str(tmp_path))
    (tmp_path / "images.json").write_text(json.dumps(built))
    idle, busy = loaded(), loaded(campaign={"name": "first"})
    assert release.release(idle, release.images(idle)) == release.release(busy, release.images(busy))
    assert "loadtests" in release.images(busy)


def test_a_campaign_whose_image_is_not_built_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = {name: f"registry.example/{name}@sha256:{'0' * 64}" for name in release.COMPONENTS}
    monkeypatch.setenv("VNAOPS_STATE", str(tmp_path))
    (tmp_path / "images.json").write_text(json.dumps(built))
    release.images(loaded())
    with pytest.raises(SettingsError, match="no image for loadtests: run `make images`"):
        release.images(loaded(campaign={"name": "first"}))
