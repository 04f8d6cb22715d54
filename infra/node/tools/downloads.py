"""What a site lets its machines download instead of building: `VNAOPS_TOOL_URLS` names a TOML file of its own.

    [[tool]]
    name = "pulumi"            # a name of `--list`
    version = "3.250.0"        # must suit like a version on PATH; exactly the project's where that has no range
    url = "https://files.example.org/pulumi-v3.250.0-linux-x64.tar.gz"
    sha256 = "…"

A file is a program (for a tool of one program) or a tar archive with all of the tool's programs somewhere in it.
"""

import hashlib
import os
import shutil
import tarfile
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.node.tools import versions
from infra.node.tools.catalogue import TOOLS, Tool
from infra.node.tools.errors import ToolError
from infra.node.tools.progress import BETWEEN_SIGNS_S, say

VARIABLE = "VNAOPS_TOOL_URLS"
_CHUNK_BYTES = 1 << 20
_SILENCE_S = 30.0


class Download(BaseModel):
    """One `[[tool]]` of the site's file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str = Field(pattern=r"^\d+\.\d+(\.\d+)?$")
    url: str = Field(pattern="^(https?|file)://")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")

    @property
    def key(self) -> str:
        """What stands in the folder's name in the place of a build's key."""
        return self.sha256[:12]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tool: list[Download] = []


def configured() -> dict[str, Download]:
    """The site's downloads by tool; empty where `VNAOPS_TOOL_URLS` is not set. Raises ToolError for a wrong file."""
    named = os.environ.get(VARIABLE)
    if not named:
        return {}
    try:
        file = _File.model_validate(tomllib.loads(Path(named).read_text()))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ToolError(f"{VARIABLE}={named}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ToolError(f"{VARIABLE}={named}: {where}: {first['msg']}") from error
    tools = {tool.name: tool for tool in TOOLS}
    for download in file.tool:
        if download.name not in tools:
            raise ToolError(f"{VARIABLE}={named}: no tool is named {download.name!r}; there are {', '.join(tools)}")
        _refuse_other_versions(tools[download.name], download, named)
    return {download.name: download for download in file.tool}


def _refuse_other_versions(tool: Tool, download: Download, named: str) -> None:
    version = versions.find(download.version) or (0,)
    if tool.on_path and not versions.suits(version, tool.on_path):
        at_least, below = versions.spell(tool.on_path.at_least), versions.spell(tool.on_path.below)
        raise ToolError(
            f"{VARIABLE}={named}: {tool.name} {download.version} does not suit: {at_least} or later, below {below}"
        )
    if not tool.on_path and download.version != tool.version:
        raise ToolError(f"{VARIABLE}={named}: {tool.name} {download.version} does not suit: exactly {tool.version}")


def fetch(tool: Tool, download: Download, into: Path) -> None:
    """Download and unpack the tool's programs into the folder `into`.

    Raises ToolError when the address does not answer, the bytes are not the ones of `sha256`, or a program is missing.
    """
    archive = into / ".download"
    _download(download, archive)
    if tarfile.is_tarfile(archive):
        _unpack(tool, download, archive, into)
        archive.unlink()
    elif len(tool.programs) == 1:
        archive.rename(into / tool.programs[0])
        (into / tool.programs[0]).chmod(0o755)
    else:
        raise ToolError(f"{download.url}: not a tar archive, but {tool.name} has {len(tool.programs)} programs")


def _download(download: Download, archive: Path) -> None:
    what = f"downloading {download.name} {download.version}"
    say(f"{what} …")
    began = said = time.monotonic()
    digest = hashlib.sha256()
    try:
        # The scheme was checked when the file was read.
        with urllib.request.urlopen(download.url, timeout=_SILENCE_S) as answer, archive.open("wb") as file:  # noqa: S310
            while chunk := answer.read(_CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
                if (now := time.monotonic()) - said > BETWEEN_SIGNS_S:
                    said = now
                    say(f"{what} … {now - began:.0f} s, {file.tell() >> 20} MiB")
    except (urllib.error.URLError, OSError) as error:
        raise ToolError(f"{download.url}: {error}: check {VARIABLE} and the proxy settings") from error
    if digest.hexdigest() != download.sha256:
        raise ToolError(
            f"{download.url}: its sha256 is {digest.hexdigest()}, not {download.sha256} as {VARIABLE} says: "
            "nothing was installed; find out which of the two is wrong"
        )
    say(f"{what}: {time.monotonic() - began:.1f} s")


def _unpack(tool: Tool, download: Download, archive: Path, into: Path) -> None:
    missing = set(tool.programs)
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).name
            if name in missing and (source := tar.extractfile(member) if member.isfile() else None):
                with source, (into / name).open("wb") as program:
                    shutil.copyfileobj(source, program)
                (into / name).chmod(0o755)
                missing.remove(name)
    if missing:
        raise ToolError(f"{download.url}: has no {', '.join(sorted(missing))} in it, which {tool.name} needs")
