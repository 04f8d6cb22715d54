"""`python -m infra.images`: builds the images that changed, pushes them and writes their references by digest."""

import argparse
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from infra import paths
from infra.images import recipe
from infra.images.builder import Builder, Places, write_references
from infra.images.progress import Commands
from infra.images.recipe import ImageError, Recipe
from infra.images.registry import Client, Registry, from_environment

_DISK_BYTES = 5_000_000_000
"""What a run from nothing uses at its peak, with room to spare: storage, wheels, 0.5 GB in the registry."""

_REPOSITORY = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 done, 1 refused or failed (one line on stderr says what), 130 interrupted."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(options)
    except ImageError as error:
        print(f"images: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("images: interrupted; nothing half-built is left, and what was pushed counts next time", file=sys.stderr)
        return 130


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.images",
        description="Builds the images that changed, pushes them and writes their references by digest.",
        epilog="Environment: VNAOPS_REGISTRY=HOST[:PORT]/PREFIX (a site's registry, with the standard auth file), "
        "VNAOPS_REGISTRY_CA=FILE, VNAOPS_BASE_IMAGE=REFERENCE (a Debian 13 image instead of one made by mmdebstrap).",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="images; all of them if none is named")
    parser.add_argument(
        "--list", action="store_true", help="only show each image, its key and whether the registry has it"
    )
    parser.add_argument(
        "--rebuild", action="store_true", help="build also what hasn't changed: Debian's updates come in"
    )
    parser.add_argument(
        "--wait-for-tools", type=float, default=0.0, metavar="SECONDS", help="for binaries that are still being built"
    )
    parser.add_argument("--repository", type=Path, default=_REPOSITORY, help="the tree with the images' folders")
    return parser


def _run(options: argparse.Namespace) -> int:
    recipes = recipe.load(options.repository)
    wanted = recipe.with_parents(recipes, options.names or list(recipes))
    registry = from_environment()
    places = Places(options.repository, paths.tools_bin(), paths.cache_dir() / "images")
    say = _timed_lines()
    with _only_run(places.cache) as lock:
        builder = Builder(
            places,
            registry,
            Commands(say, keep_open=[lock]),
            say,
            base_image=os.environ.get("VNAOPS_BASE_IMAGE", ""),
            rebuild=options.rebuild,
            wait_for_tools=options.wait_for_tools,
        )
        _await_registry(registry, say)
        if options.list:
            return _list(builder, wanted)
        _need_programs()
        _need_disk(places.cache)
        built, errors = builder.build(wanted)
        if built:
            write_references(paths.images_file(), built, recipes)
    fresh = sum(image.fresh for image in built.values())
    say(f"{fresh} built, {len(built) - fresh} unchanged, {len(errors)} failed; references in {paths.images_file()}")
    for error in errors:
        print(f"images: {error}", file=sys.stderr)
    return 1 if errors else 0


def _list(builder: Builder, wanted: dict[str, Recipe]) -> int:
    keys: dict[str, str] = {"": ""}
    for name, image in wanted.items():
        try:
            if image.file.parent not in keys:
                raise ImageError(f"its parent {image.file.parent} has no key")
            keys[name] = builder.key(image, keys[image.file.parent])
            state = builder.in_registry(image, keys[name]) or "to be built"
        except ImageError as error:
            state = str(error)
        print(f"{name:18} {keys.get(name, '-'):40} {state}")
    return 0


def _await_registry(registry: Registry, say: Callable[[str], None]) -> None:
    """Starts the embedded registry unless it answers. Raises ImageError where there is none."""
    client = Client(registry)
    if client.answers():
        return
    if registry.embedded:
        say(f"starts the registry on {registry.host}")
        if (
            subprocess.run([sys.executable, "-m", "infra.node", "registry"], check=False).returncode == 0
            and client.answers()
        ):
            return
        raise ImageError(f"the embedded registry on {registry.host} doesn't start: see python -m infra.node registry")
    raise ImageError(f"no registry answers by TLS on {registry.host} (VNAOPS_REGISTRY, VNAOPS_REGISTRY_CA)")


def _need_programs() -> None:
    if os.geteuid() != 0:
        raise ImageError("images are built as root (mmdebstrap and buildah make device nodes and mounts)")
    if missing := [name for name in ("buildah", "mmdebstrap", "unshare") if not shutil.which(name)]:
        raise ImageError(f"{', '.join(missing)}: not installed; python -m infra.node.tools installs the packages")


def _need_disk(cache: Path) -> None:
    if (free := shutil.disk_usage(cache).free) < _DISK_BYTES:
        raise ImageError(f"{cache}: {free / 1e9:.1f} GB are free, the builds need {_DISK_BYTES / 1e9:.0f} GB")


@contextmanager
def _only_run(cache: Path) -> Iterator[int]:
    """Holds the lock of this cache. The builds' processes hold it too: it outlives a killed run as long as they do."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ImageError(f"another run is building images (lock {lock.name}): wait for its end") from error
        yield lock.fileno()


def _timed_lines() -> Callable[[str], None]:
    began = time.monotonic()
    lock = threading.Lock()

    def say(line: str) -> None:
        with lock:
            print(f"images {time.monotonic() - began:6.1f} s  {line}", flush=True)

    return say


if __name__ == "__main__":
    sys.exit(main())
