"""A release is a thing: images by digest, commit and hash of the settings, in one JSON that all later papers name."""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from typing import Any

from infra import paths
from infra.settings import Settings, SettingsError

COMPONENTS = (
    "alertmanager",
    "archive",
    "haproxy",
    "page",
    "postgres",
    "postgres-exporter",
    "prometheus",
    "python",
    "seaweedfs",
)

NODE_EXPORTER = "node-exporter"
"""Only where the cluster is watched too."""

LOAD_GENERATOR = "loadtests"
"""The image of campaigns' pods: it makes the load, and is no part of what is loaded."""


def images(settings: Settings) -> dict[str, str]:
    """Image name -> reference by digest: the settings' own, else what `python -m infra.images` last pushed.

    Raises SettingsError where an image is neither set nor built.
    """
    wanted = [*COMPONENTS]
    if settings.monitoring.cluster is not None:
        wanted.append(NODE_EXPORTER)
    if settings.campaign is not None:
        wanted.append(LOAD_GENERATOR)
    built: dict[str, str] = {}
    if paths.images_file().exists():
        built = json.loads(paths.images_file().read_text())
    chosen = {**built, **settings.images}
    if missing := [name for name in wanted if name not in chosen]:
        raise SettingsError(
            f"vnaops:images: no image for {', '.join(missing)}: run `make images`, or name them by digest here"
        )
    return {name: chosen[name] for name in wanted}


def commit() -> str:
    """The checked-out commit, with `-dirty` where the work tree differs; `unknown` outside a checkout."""
    git = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def settings_hash(settings: Settings) -> str:
    """SHA-256 over the settings with every default filled in, so that equal settings have equal hashes.

    A campaign is left out: it loads a release and doesn't make another.
    """
    plain = json.dumps(settings.model_dump(mode="json", by_alias=True, exclude={"campaign"}), sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()


def release(settings: Settings, images: Mapping[str, str]) -> dict[str, Any]:
    """What is running: what this tree is, or what a campaign says that it has found running."""
    if settings.campaign is not None and settings.campaign.release is not None:
        return dict(settings.campaign.release)
    own = {name: images[name] for name in COMPONENTS}
    return {"commit": commit(), "settings": settings_hash(settings), "images": own}
