"""The build context: copies of exactly the files that the key is over, so that the key can't miss what a build sees."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.images.recipe import ImageError, Recipe


@dataclass(frozen=True, order=True)
class ContextFile:
    """A file as the build sees it: `name` is its path in the context, `source` where it lies on this machine."""

    name: str
    source: Path

    @property
    def mode(self) -> int:
        """0755 where the owner may execute it, otherwise 0644: nothing else of the machine's umask counts."""
        return 0o755 if self.source.stat().st_mode & 0o100 else 0o644


def _wanted(path: Path) -> bool:
    return "__pycache__" not in path.parts and path.suffix != ".pyc" and not any(p.startswith(".") for p in path.parts)


def _matches(repository: Path, pattern: str, recipe: Recipe) -> Iterator[ContextFile]:
    # pathlib's own ** at the end means folders only
    for path in repository.glob(f"{pattern}/*" if pattern.endswith("**") else pattern):
        relative = path.relative_to(repository)
        if not _wanted(relative):
            continue
        if path.is_symlink():
            raise ImageError(f"{relative}: is a symbolic link, which an image's build can't see (image {recipe.name})")
        if path.is_file():
            yield ContextFile(relative.as_posix(), path)


def collect(recipe: Recipe, repository: Path, tools: Path) -> list[ContextFile]:
    """Every file of the image's context except its wheels (the lock file among these fixes them), sorted by name.

    `tools` is the folder that holds the built binaries. Raises ImageError for a glob without a match, a symbolic
    link, and a tool that hasn't been built.
    """
    files = set(_matches(repository, f"{recipe.folder}/**/*", recipe))
    for pattern in recipe.file.files:
        found = set(_matches(repository, pattern, recipe))
        if not found:
            raise ImageError(f"{recipe.folder}/image.toml: files: nothing matches {pattern!r}")
        files |= found
    if recipe.file.wheels:
        files |= set(_matches(repository, str(recipe.lock), recipe))
    for tool in recipe.file.tools:
        if not (tools / tool).is_file():
            raise ImageError(f"image {recipe.name} needs {tool}, which isn't built: run python -m infra.node.tools")
        files.add(ContextFile(f"tools/{tool}", tools / tool))
    return sorted(files)


def stage(files: list[ContextFile], into: Path, epoch: int) -> list[ContextFile]:
    """Copies the files into the folder `into`, with fixed modes and all times set to `epoch` (seconds since 1970).

    Gives back the copies.
    """
    for file in files:
        target = into / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.source, target)
        target.chmod(file.mode)
        os.utime(target, (epoch, epoch))
    return [ContextFile(file.name, into / file.name) for file in files]
