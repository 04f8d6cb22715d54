"""Running the machine's own tools (ip, nft, ctr) in words: a failure is one line with what they said."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from infra.node.errors import NodeError


def run(command: Sequence[str], text: str | None = None) -> str:
    """The output of a command; raises NodeError with its own words if it fails or isn't there."""
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise NodeError(f"{command[0]} isn't installed: python -m infra.node.tools installs what is missing") from error
    if done.returncode:
        raise NodeError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[:400]}")
    return done.stdout


def works(command: Sequence[str]) -> bool:
    """Whether a command that may fail succeeded."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def ip_json(*arguments: str) -> list[dict[str, Any]]:
    """What `ip -json` answers."""
    answer: list[dict[str, Any]] = json.loads(run(["ip", "-json", *arguments]) or "[]")
    return answer
