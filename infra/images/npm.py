"""npm packages for an image, by a lock file with hashes: fetched on the host, whose npm knows the registry."""

import hashlib
import shutil
from pathlib import Path

from infra.images.progress import Commands
from infra.images.recipe import ImageError, Recipe


def fetch(recipe: Recipe, repository: Path, cache: Path, commands: Commands, log: Path) -> Path:
    """The folder node_modules of the image's lock file, fetched unless `cache` has it whole.

    No package's script is run. Raises ImageError for a missing lock file, one that names download addresses, and where
    npm fails (wrong hash, no registry).
    """
    lock = repository / recipe.npm_lock
    manifest = lock.with_name("package.json")
    for file in (lock, manifest):
        if not file.is_file():
            raise ImageError(f"{recipe.folder}/image.toml: npm: there is no {file.relative_to(repository)}")
    if b'"resolved"' in lock.read_bytes():
        raise ImageError(
            f"{recipe.npm_lock}: names download addresses: make it with `npm install --package-lock-only "
            "--omit-lockfile-registry-resolved`"
        )
    if shutil.which("npm") is None:
        raise ImageError(f"image {recipe.name} needs npm, which is not on PATH: apt-get install npm")
    name = hashlib.sha256(lock.read_bytes() + manifest.read_bytes()).hexdigest()[:20]
    whole = cache / recipe.name / name
    if whole.is_dir():
        return whole / "node_modules"
    if whole.parent.exists():
        shutil.rmtree(whole.parent)
    partial = whole.with_name("partial")
    partial.mkdir(parents=True)
    for file in (lock, manifest):
        shutil.copyfile(file, partial / file.name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(partial)]
    commands.run(recipe.name, "fetch npm packages", command, log)
    partial.rename(whole)
    return whole / "node_modules"
