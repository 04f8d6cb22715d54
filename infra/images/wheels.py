"""Python packages for an image, by a hash-locked list: downloaded on the host, whose pip knows the index."""

import hashlib
import platform
import shutil
import sys
from pathlib import Path

from infra.images.progress import Commands
from infra.images.recipe import ImageError, Recipe

_GLIBC = (5, 12, 17, 24, 26, 27, 28, 31, 34, 35, 38, 39)
"""The manylinux_2_N that wheels are published for and Debian 13 (glibc 2.41) can run; pip takes only those told."""


def fetch(recipe: Recipe, repository: Path, cache: Path, commands: Commands, log: Path) -> Path:
    """The folder with the wheels of the image's lock file, downloaded unless `cache` has it whole.

    Raises ImageError for a missing lock file, and where pip fails (no wheel for that Python, wrong hash, no index).
    """
    lock = repository / recipe.lock
    if not lock.is_file():
        raise ImageError(f"{recipe.folder}/image.toml: wheels: there is no {recipe.lock}")
    name = hashlib.sha256(lock.read_bytes() + recipe.file.wheels_python.encode()).hexdigest()[:20]
    whole = cache / recipe.name / name
    if whole.is_dir():
        return whole
    if whole.parent.exists():
        shutil.rmtree(whole.parent)
    partial = whole.with_name("partial")
    partial.mkdir(parents=True)
    machine = platform.machine()
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in _GLIBC]
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command += ["--python-version", recipe.file.wheels_python, *platforms, f"--platform=manylinux2014_{machine}"]
    command += ["--progress-bar=off", "--dest", str(partial), "-r", str(lock)]
    commands.run(recipe.name, "download wheels", command, log)
    partial.rename(whole)
    return whole
