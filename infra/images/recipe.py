"""What an image is made of: the folder `infra/images/NAME` with its `Containerfile` and `image.toml` (README.md)."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

IMAGES = Path("infra/images")


class ImageError(Exception):
    """Something that the caller can put right; the message is one line that says what and where."""


class ImageFile(BaseModel):
    """`image.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1, description="label org.opencontainers.image.title")
    version: str = Field(min_length=1, description="label org.opencontainers.image.version")
    parent: str = Field("base", description="image whose digest the build gets as BASE; empty if no stage uses it")
    files: tuple[str, ...] = Field((), description="globs from the repository's root, beside the image's own folder")
    wheels: str = Field("", description="lock file, from the image's folder; the build sees its wheels as wheels/")
    wheels_python: str = Field("3.13", pattern=r"^3\.\d+$", description="the Python that the wheels are for")
    npm: str = Field("", description="package-lock.json, from the image's folder; the build sees node_modules/")
    tools: tuple[str, ...] = Field((), description="binaries of infra.paths.tools_bin(), seen by the build as tools/")


@dataclass(frozen=True)
class Recipe:
    """One image: its name, which is its folder's, and its description."""

    name: str
    file: ImageFile

    @property
    def folder(self) -> Path:
        """The image's folder, from the repository's root."""
        return IMAGES / self.name

    @property
    def containerfile(self) -> Path:
        """The Containerfile, from the repository's root."""
        return self.folder / "Containerfile"

    @property
    def lock(self) -> Path:
        """The lock file of its wheels, from the repository's root; two images may share one."""
        return Path(os.path.normpath(self.folder / self.file.wheels))

    @property
    def npm_lock(self) -> Path:
        """The lock file of its npm packages, from the repository's root."""
        return Path(os.path.normpath(self.folder / self.file.npm))


def load(repository: Path) -> dict[str, Recipe]:
    """All images, each after its parent.

    Raises ImageError for a file that is missing or wrong, naming it and the rule.
    """
    recipes = {}
    for file in sorted((repository / IMAGES).glob("*/image.toml")):
        name = file.parent.name
        where = file.relative_to(repository)
        if not file.with_name("Containerfile").is_file():
            raise ImageError(f"{where.parent}: has an image.toml but no Containerfile")
        try:
            recipes[name] = Recipe(name, ImageFile.model_validate(tomllib.loads(file.read_text())))
        except tomllib.TOMLDecodeError as error:
            raise ImageError(f"{where}: {error}") from error
        except ValidationError as error:
            first = error.errors()[0]
            raise ImageError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return _parents_first(recipes)


def _parents_first(recipes: Mapping[str, Recipe]) -> dict[str, Recipe]:
    for recipe in recipes.values():
        if recipe.file.parent and recipe.file.parent not in recipes:
            raise ImageError(f"{recipe.folder}/image.toml: parent: there is no image {recipe.file.parent!r}")
    graph = {name: [recipe.file.parent] if recipe.file.parent else [] for name, recipe in recipes.items()}
    try:
        return {name: recipes[name] for name in TopologicalSorter(graph).static_order()}
    except CycleError as error:
        raise ImageError(f"{IMAGES}: these images are each other's parents: {', '.join(error.args[1])}") from error


def with_parents(recipes: Mapping[str, Recipe], names: list[str]) -> dict[str, Recipe]:
    """The named images and what they are built on, each after its parent.

    Raises ImageError for an unknown name.
    """
    wanted = set()
    for name in names:
        if name not in recipes:
            raise ImageError(f"there is no image {name!r}; there are: {', '.join(sorted(recipes))}")
        while name:
            wanted.add(name)
            name = recipes[name].file.parent
    return {name: recipe for name, recipe in recipes.items() if name in wanted}
