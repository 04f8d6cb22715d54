"""Which program of PATH is used: its version, its neighbours, its folder."""

from pathlib import Path

import pytest

from infra import paths
from infra.node.tools import on_path, versions
from infra.node.tools.catalogue import TOOLS
from infra.node.tools.downloads import Download
from infra.node.tools.ensure import choose, ensure

TOOL = {tool.name: tool for tool in TOOLS}


def program(folder: Path, name: str, prints: str, code: int = 0) -> Path:
    """A real program that answers to anything with one line."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{prints}'\nexit {code}\n")
    file.chmod(0o755)
    return file


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNAOPS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/nowhere")


def path(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    monkeypatch.setenv("PATH", ":".join(map(str, folders)))


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.250.0\n", (3, 250, 0)),
        ("Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0\n", (1, 32, 4)),
        ("promtool, version 2.42.0+ds (branch: debian/sid)", (2, 42, 0)),
        ("go1.26.8", None),
        ("1.25", (1, 25)),
        ("unknown", None),
    ],
)
def test_a_version_is_found_in_what_a_program_prints(text: str, version: tuple[int, ...] | None) -> None:
    assert versions.find(text) == version


@pytest.mark.parametrize(("minor", "suits"), [(32, False), (33, True), (34, True), (35, True), (36, False)])
def test_kubectl_is_used_within_one_minor_version_of_the_node(
    minor: int, suits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "kubectl", f"Client Version: v1.{minor}.1")
    path(monkeypatch, tmp_path)
    assert on_path.find(TOOL["kubectl"]) == ((tmp_path, f"1.{minor}.1") if suits else None)


@pytest.mark.parametrize(
    ("version", "suits"), [("3.249.9", False), ("3.250.0", True), ("3.300.1", True), ("4.0.0", False)]
)
def test_pulumi_is_used_from_3_250_on_and_below_4(
    version: str, suits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "pulumi", f"v{version}")
    program(tmp_path, "pulumi-language-python", "")
    path(monkeypatch, tmp_path)
    assert (on_path.find(TOOL["pulumi"]) is not None) == suits


def test_pulumi_without_a_language_host_beside_it_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "a", "pulumi", "v3.250.0")
    program(tmp_path / "b", "pulumi-language-python", "")
    path(monkeypatch, tmp_path / "a", tmp_path / "b")
    assert on_path.find(TOOL["pulumi"]) is None


def test_a_later_folder_of_path_is_used_when_the_first_one_is_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "old", "kubectl", "v1.20.0")
    program(tmp_path / "new", "kubectl", "v1.34.0")
    path(monkeypatch, tmp_path / "old", tmp_path / "new")
    assert on_path.find(TOOL["kubectl"]) == (tmp_path / "new", "1.34.0")


def test_a_program_that_fails_to_tell_its_version_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "kubectl", "v1.34.0", code=1)
    path(monkeypatch, tmp_path)
    assert on_path.find(TOOL["kubectl"]) is None


def test_what_was_linked_by_an_earlier_run_is_not_taken_for_the_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    program(paths.tools_bin(), "kubectl", "v1.34.0")
    path(monkeypatch, paths.tools_bin())
    assert on_path.find(TOOL["kubectl"]) is None


def test_the_machines_own_pulumi_is_linked_with_what_lies_beside_it_and_nothing_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "pulumi", "v3.251.0")
    program(tmp_path, "pulumi-language-python", "")
    leftover = program(paths.tools_bin(), "pulumi-language-python-exec", "of an earlier build")
    path(monkeypatch, tmp_path)
    assert ensure(TOOL["pulumi"], {}).kind == "PATH"
    assert (paths.tools_bin() / "pulumi").readlink() == tmp_path / "pulumi"
    assert (paths.tools_bin() / "pulumi-language-python").readlink() == tmp_path / "pulumi-language-python"
    assert not leftover.exists()


def test_path_goes_before_the_sites_download_and_that_before_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    download = Download(name="kubectl", version="1.34.1", url="https://files.example.org/kubectl", sha256="0" * 64)
    assert choose(TOOL["kubectl"], {}).kind == "Go"
    assert choose(TOOL["kubectl"], {"kubectl": download}).kind == "download"
    program(tmp_path, "kubectl", "v1.34.0")
    path(monkeypatch, tmp_path)
    assert choose(TOOL["kubectl"], {"kubectl": download}).kind == "PATH"
