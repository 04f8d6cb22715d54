"""One tool: where it comes from, and that it is there."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.node.tools import debian, downloads, go_build, on_path, store
from infra.node.tools.catalogue import Tool
from infra.node.tools.downloads import Download


@dataclass(frozen=True)
class Source:
    """Where a tool's programs lie or will lie, and why there."""

    kind: str
    """`PATH`, `download`, `Debian` or `Go`."""
    version: str
    folder: Path


def choose(tool: Tool, configured: Mapping[str, Download]) -> Source:
    """PATH before the site's download before what is made here. Makes nothing."""
    if found := on_path.find(tool):
        return Source("PATH", found[1], found[0])
    if download := configured.get(tool.name):
        return Source("download", download.version, store.folder(tool, download.version, download.key))
    if tool.debian_package:
        suite = _suite()
        key = hashlib.sha256(f"{tool.debian_package} {suite}".encode()).hexdigest()[:12]
        return Source("Debian", suite, store.folder(tool, suite, key))
    return Source("Go", tool.version, store.folder(tool, tool.version, go_build.key(tool)))


def ensure(tool: Tool, configured: Mapping[str, Download]) -> Source:
    """Make the tool where it is missing, and link its programs. Raises ToolError; then nothing has changed."""
    source = choose(tool, configured)
    if source.kind != "PATH" and not store.is_whole(tool, source.folder):
        with store.making(source.folder) as folder:
            if source.kind == "download":
                downloads.fetch(tool, configured[tool.name], folder)
            elif source.kind == "Debian":
                debian.take_programs(tool.debian_package, [f"usr/bin/{name}" for name in tool.programs], folder)
            else:
                go_build.build(tool, folder)
    for program in tool.programs:
        if source.kind != "PATH" or (source.folder / program).exists():
            store.link(program, source.folder / program)
        else:
            store.unlink(program)
    return source


def _suite() -> str:
    """`bookworm`: which Debian the package comes from."""
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    return "unknown"
