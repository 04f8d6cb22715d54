"""Runs the storage area's own unit tests (units.cpp) under the address and undefined-behaviour sanitizers."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[4]


def test_signatures_parsers_and_counts_are_right_and_survive_anything() -> None:
    folder = ROOT / "build" / "archive" / "address-undefined"
    make = ["make", "-C", str(ROOT / "infra" / "archive"), "-j2", f"BUILD={folder}", "SANITIZE=address,undefined"]
    made = subprocess.run([*make, f"{folder}/units"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[:4000]
    ran = subprocess.run([folder / "units"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
