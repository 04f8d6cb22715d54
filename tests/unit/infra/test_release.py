"""A release names what runs: equal settings have equal hashes, in every process."""

import os
import subprocess
import sys

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
