"""Builds one image after another with buildah, as parallel as their parents, their inputs and the machine allow.

buildah's own storage is scratch: everything in it is removed at the end of a run, and at the start of the next one if
that was killed. What is to last is in the registry.
"""

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.files import write
from infra.images import base, context, debian, npm, wheels
from infra.images.keys import image_key
from infra.images.progress import Commands, InterruptedRunError
from infra.images.recipe import ImageError, Recipe
from infra.images.registry import Client, Registry

EPOCH = 1735689600
"""All times in the images (1 January 2025): equal inputs make equal digests. Not 0, since zip files begin with 1980."""

_AT_ONCE = 2
_SCRATCH_FOLDERS = ("var/cache", "var/log", "var/lib/apt/lists", "tmp", "etc/apt/apt.conf.d")


@dataclass(frozen=True)
class Built:
    """An image in the registry."""

    key: str
    digest: str
    reference: str
    """`HOST:PORT/PREFIX/NAME@sha256:…`"""
    fresh: bool
    """Whether this run built it."""


@dataclass(frozen=True)
class Places:
    """Where a run reads and writes."""

    repository: Path
    tools: Path
    cache: Path

    @property
    def logs(self) -> Path:
        """One log per image, of its last build."""
        return self.cache / "logs"


class Builder:
    """Builds images into a registry. `say` gets one line per event; `wait_for_tools` is in seconds."""

    def __init__(
        self,
        places: Places,
        registry: Registry,
        commands: Commands,
        say: Callable[[str], None],
        *,
        base_image: str = "",
        rebuild: bool = False,
        wait_for_tools: float = 0.0,
    ) -> None:
        self._places = places
        self._registry = registry
        self._client = Client(registry)
        self._commands = commands
        self._say = say
        self._base_image = base_image
        self._rebuild = rebuild
        self._tools_deadline = time.monotonic() + wait_for_tools
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._ending = threading.Event()

    def build(self, recipes: Mapping[str, Recipe]) -> tuple[dict[str, Built], list[ImageError]]:
        """Builds what the registry hasn't. `recipes` has every parent before its children.

        Gives back what is in the registry now, and an error for each image that isn't. An interruption
        (KeyboardInterrupt) ends the running commands and is raised on when they have ended.
        """
        self.clean()
        self._places.logs.mkdir(parents=True, exist_ok=True)
        futures: dict[str, Future[Built]] = {}
        with ThreadPoolExecutor(max_workers=max(1, len(recipes))) as pool:
            try:
                for name, recipe in recipes.items():
                    futures[name] = pool.submit(self._one, recipe, futures.get(recipe.file.parent))
                pending = set(futures.values())
                while pending:
                    _, pending = wait(pending, return_when=FIRST_EXCEPTION)
            except BaseException:
                self._ending.set()
                self._commands.end()
                raise
            finally:
                pool.shutdown()
                self.clean()
        built, errors = {}, []
        for name, future in futures.items():
            error = future.exception()
            if error is None:
                built[name] = future.result()
            elif isinstance(error, ImageError):
                errors.append(error)
            else:
                raise error
        return built, errors

    def key(self, recipe: Recipe, parent: str) -> str:
        """The image's key, given its parent's. Raises ImageError as `context.collect` does."""
        files = context.collect(recipe, self._places.repository, self._places.tools)
        return image_key(recipe, files, parent, self._outside(recipe))

    def in_registry(self, recipe: Recipe, key: str) -> str | None:
        """The digest of the image with this key, if the registry has it."""
        return self._client.digest(recipe.name, key)

    def _outside(self, recipe: Recipe) -> str:
        return (self._base_image or debian.SUITE) if recipe.name == base.NAME else ""

    def _one(self, recipe: Recipe, parent: Future[Built] | None) -> Built:
        below = self._parent(recipe, parent)
        self._await_tools(recipe)
        key = self.key(recipe, below.key if below else "")
        if not self._rebuild and (digest := self.in_registry(recipe, key)):
            return Built(key, digest, f"{self._registry.repository(recipe.name)}@{digest}", fresh=False)
        with self._slots:
            if self._ending.is_set():
                raise InterruptedRunError
            began = time.monotonic()
            built = self._make(recipe, below)
        self._say(f"{recipe.name}: built and pushed in {time.monotonic() - began:.0f} s")
        return built

    def _parent(self, recipe: Recipe, parent: Future[Built] | None) -> Built | None:
        if parent is None:
            return None
        try:
            return parent.result()
        except ImageError as error:
            raise ImageError(f"image {recipe.name}: not built, since {recipe.file.parent} isn't") from error

    def _await_tools(self, recipe: Recipe) -> None:
        """Waits, at most until the deadline, for tools that another process is still building."""
        said = False
        while not all((self._places.tools / tool).is_file() for tool in recipe.file.tools):
            left = self._tools_deadline - time.monotonic()
            if left <= 0:
                return
            if not said:
                self._say(f"{recipe.name}: waits for {', '.join(recipe.file.tools)} to be built, {left:.0f} s at most")
                said = True
            if self._ending.wait(min(1.0, left)):
                raise InterruptedRunError

    def _make(self, recipe: Recipe, below: Built | None) -> Built:
        log = self._places.logs / f"{recipe.name}.log"
        log.write_text("")
        with self._scratch(recipe) as scratch:
            files = context.collect(recipe, self._places.repository, self._places.tools)
            staged = context.stage(files, scratch / "context", EPOCH)
            # of the copies: a file that was edited after the registry had been asked must not hide under the old key
            key = image_key(recipe, staged, below.key if below else "", self._outside(recipe))
            if recipe.file.wheels:
                folder = wheels.fetch(
                    recipe, self._places.repository, self._places.cache / "wheels", self._commands, log
                )
                shutil.copytree(folder, scratch / "context/wheels", copy_function=os.link)
            if recipe.file.npm:
                modules = npm.fetch(recipe, self._places.repository, self._places.cache / "npm", self._commands, log)
                shutil.copytree(modules, scratch / "context/node_modules")
            from_image = below.reference if below else ""
            if recipe.name == base.NAME:
                from_image = self._base_image or base.ROOT_IMAGE
                if not self._base_image:
                    base.make_root(self._buildah, self._commands, scratch, self._places.repository, EPOCH, log)
            image = f"localhost/{recipe.name}:{key}"
            bud = self._bud(recipe, key, from_image, scratch)
            self._buildah(recipe.name, "build", "bud", f"--tag={image}", *bud, log=log)
            target = f"docker://{self._registry.repository(recipe.name)}:{key}"
            digest_file = scratch / "digest"
            # zstd: this registry, containerd from 1.5 and cri-o take it, and it costs a fifth of gzip's processor time
            options = ["--compression-format=zstd", f"--digestfile={digest_file}", *self._certificates()]
            self._buildah(recipe.name, "push", "push", *options, image, target, log=log)
            digest = digest_file.read_text().strip()
            return Built(key, digest, f"{self._registry.repository(recipe.name)}@{digest}", fresh=True)

    def _bud(self, recipe: Recipe, key: str, from_image: str, scratch: Path) -> list[str]:
        """The arguments of `buildah bud`, the context last."""
        labels = {"title": recipe.file.title, "version": recipe.file.version, "revision": key, "vendor": "vnaops"}
        arguments = ["--isolation=chroot", "--ulimit=nofile=1024:1024", "--layers=false", "--format=oci"]
        arguments += [f"--timestamp={EPOCH}", f"--build-arg=SOURCE_DATE_EPOCH={EPOCH}", *self._certificates()]
        arguments += [f"--label=org.opencontainers.image.{name}={value}" for name, value in labels.items()]
        if from_image:
            arguments.append(f"--build-arg=BASE={from_image}")
        for folder in _SCRATCH_FOLDERS:
            inside = scratch / "inside" / folder
            inside.mkdir(parents=True)
            arguments.append(f"--volume={inside}:/{folder}")
        (scratch / "inside/tmp").chmod(0o1777)
        debian.write_apt_configuration(
            scratch / "inside/etc/apt/apt.conf.d", Path("/etc/ssl/certs/ca-certificates.crt")
        )
        if not self._base_image:
            lists = scratch / "inside/etc/apt/sources.list.d"
            lists.mkdir()
            (lists / "build.list").write_text(debian.sources())
            arguments.append(f"--volume={lists}:/etc/apt/sources.list.d")
        return [*arguments, f"--file={scratch / 'context' / recipe.containerfile}", str(scratch / "context")]

    def _certificates(self) -> list[str]:
        """buildah's way to trust the registry's own authority: a folder with nothing else in it."""
        if not self._registry.ca:
            return []
        folder = self._places.cache / "certificates"
        folder.mkdir(parents=True, exist_ok=True)
        content = self._registry.ca.read_bytes()
        if not (folder / "ca.crt").is_file() or (folder / "ca.crt").read_bytes() != content:
            (folder / "ca.crt").write_bytes(content)
        return [f"--cert-dir={folder}"]

    def _buildah(self, image: str, step: str, *arguments: str, log: Path) -> None:
        # In a mount namespace of its own: whatever ends a build, none of its mounts is left on the machine.
        command = ["unshare", "--mount", "--propagation=private", "buildah", f"--root={self._storage / 'root'}"]
        command += [f"--runroot={self._storage / 'run'}", "--storage-driver=overlay"]
        environment = dict(os.environ) | {"TMPDIR": str(self._storage / "tmp")}
        if self._registry.embedded:
            own = self._registry.host.partition(":")[0]
            for name in ("NO_PROXY", "no_proxy"):
                environment[name] = ",".join(filter(None, (environment.get(name), own)))
        (self._storage / "tmp").mkdir(parents=True, exist_ok=True)
        self._commands.run(image, step, [*command, *arguments], log, environment)

    @property
    def _storage(self) -> Path:
        return self._places.cache / "storage"

    @contextmanager
    def _scratch(self, recipe: Recipe) -> Iterator[Path]:
        root = self._places.cache / "scratch"
        root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{recipe.name}-", dir=root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder)

    def clean(self) -> None:
        """Removes buildah's storage and every build's folder."""
        for folder in (self._storage, self._places.cache / "scratch"):
            if folder.exists():
                shutil.rmtree(folder)


def write_references(file: Path, built: Mapping[str, Built], known: Mapping[str, Recipe]) -> None:
    """Writes name -> reference by digest into a JSON file, in one step; images that no longer exist are left out."""
    before: dict[str, str] = json.loads(file.read_text()) if file.is_file() else {}
    references = {name: reference for name, reference in before.items() if name in known}
    references |= {name: image.reference for name, image in built.items()}
    write(file, json.dumps(dict(sorted(references.items())), indent=2) + "\n", 0o644)
