"""What the machine already has: programs on PATH in a version that suits."""

import os
import subprocess
from pathlib import Path

from infra import paths
from infra.node.tools import versions
from infra.node.tools.catalogue import Tool

ANSWER_WITHIN_S = 20.0


def folders() -> list[Path]:
    """The folders of PATH in their order, without the one that this package fills."""
    own = paths.tools_bin().resolve()
    entries = [Path(entry) for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry]
    return [entry for entry in entries if entry.resolve() != own]


def find(tool: Tool) -> tuple[Path, str] | None:
    """The folder of the first suitable one on PATH and its version; None where there is none."""
    if tool.on_path is None:
        return None
    for entry in folders():
        program = entry / tool.programs[0]
        if not os.access(program, os.X_OK) or not all(
            os.access(entry / other, os.X_OK) for other in tool.on_path.beside
        ):
            continue
        version = _version(program, tool.on_path.version_command)
        if version and versions.suits(version, tool.on_path):
            return entry, versions.spell(version)
    return None


def _version(program: Path, command: tuple[str, ...]) -> tuple[int, ...] | None:
    try:
        answer = subprocess.run(
            [program, *command],
            capture_output=True,
            text=True,
            check=True,
            timeout=ANSWER_WITHIN_S,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
    except (OSError, subprocess.SubprocessError):
        return None  # a program that can't tell its version is not one to build on
    return versions.find(answer.stdout + answer.stderr)
