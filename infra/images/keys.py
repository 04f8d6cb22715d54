"""The key of an image: a hash over all that its build sees. It is the image's tag, and so the registry is the cache."""

import hashlib
import platform

from infra.images.context import ContextFile
from infra.images.recipe import Recipe

BUILDER = "2"
"""Raise it when the builder makes something else of the same inputs."""


def image_key(recipe: Recipe, files: list[ContextFile], parent: str, outside: str = "") -> str:
    """The key, 40 hexadecimal digits.

    `files` is what `context.collect` found (image.toml and lock files among them), `parent` the parent's key or "",
    `outside` what else decides the result: the base's reference or Debian suite.
    """
    digest = hashlib.sha256()
    for part in (BUILDER, platform.machine(), recipe.name, parent, outside):
        digest.update(f"{len(part)}:{part}".encode())
    for file in sorted(files):
        with file.source.open("rb") as content:
            hashed = hashlib.file_digest(content, "sha256").hexdigest()
        digest.update(f"{len(file.name)}:{file.name} {file.mode:o} {hashed}\n".encode())
    return digest.hexdigest()[:40]
