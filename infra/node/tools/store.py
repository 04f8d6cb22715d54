"""The tools' folder outside the work tree: `NAME-VERSION-KEY/` per tool, `bin/` with a link to each program in use."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra import paths
from infra.node.tools.catalogue import Tool
from infra.node.tools.errors import ToolError
from infra.node.tools.progress import say

_UNFINISHED = ".unfinished-"


def folder(tool: Tool, version: str, key: str) -> Path:
    """Where the tool lies once it is made; it exists whole or not at all."""
    return paths.tools_dir() / f"{tool.name}-{version}-{key}"


def is_whole(tool: Tool, made: Path) -> bool:
    """Whether all of the tool's programs are there (somebody may have tidied up by hand)."""
    return all(os.access(made / program, os.X_OK) for program in tool.programs)


@contextmanager
def making(target: Path) -> Iterator[Path]:
    """A folder to make something in, that becomes `target` only when the block ends without an exception."""
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=target.parent))
    try:
        yield unfinished
        unfinished.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def unlink(program: str) -> None:
    """Take a program away that the tool in use does not have."""
    (paths.tools_bin() / program).unlink(missing_ok=True)


def link(program: str, target: Path) -> None:
    """Let `tools_bin()/program` be a link to `target`, at no moment absent: others call it meanwhile."""
    place = paths.tools_bin() / program
    if not os.access(target, os.X_OK):
        raise ToolError(f"{program}: {target} is no program, so it was not linked into {place.parent}")
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink() and place.readlink() == target:
        return
    beside = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=paths.tools_dir()))
    try:
        (beside / program).symlink_to(target)
        (beside / program).rename(place)
    finally:
        shutil.rmtree(beside)


@contextmanager
def locked() -> Iterator[None]:
    """One run at a time; also clears away what a killed run has left unfinished."""
    root = paths.tools_dir()
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run holds {lock.name}: waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in root.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
