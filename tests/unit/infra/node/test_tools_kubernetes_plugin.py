"""The Kubernetes plug-in of Pulumi: the official one is never overwritten, the stand-in fills in."""

from pathlib import Path

import pytest

from infra import paths
from infra.node.tools import kubernetes_plugin
from infra.node.tools.kubernetes_plugin import LAUNCHER, MARK, PROGRAM


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VNAOPS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def cli(script: str) -> None:
    """A CLI in the place of Pulumi's: what the network answers must not decide about these tests."""
    paths.tools_bin().mkdir(parents=True)
    file = paths.tools_bin() / "pulumi"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def lay(text: str) -> Path:
    file = kubernetes_plugin.folder() / PROGRAM
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


def test_it_lies_where_the_cli_looks_for_the_version_of_the_python_package(home: Path) -> None:
    assert kubernetes_plugin.folder() == home / "plugins" / f"resource-kubernetes-v{kubernetes_plugin.version()}"


def test_the_stand_in_is_laid_where_the_official_one_cannot_be_had() -> None:
    cli("exit 1")
    assert kubernetes_plugin.ensure() == "stand-in"
    assert (kubernetes_plugin.folder() / PROGRAM).stat().st_mode & 0o777 == 0o755
    assert [file.name for file in kubernetes_plugin.folder().parent.iterdir()] == [kubernetes_plugin.folder().name]


def test_the_official_one_is_installed_where_it_can_be_had() -> None:
    folder = kubernetes_plugin.folder()
    cli(f'[ "$*" = "plugin install resource kubernetes {kubernetes_plugin.version()}" ] || exit 1\n'
        f"mkdir -p {folder} && echo official > {folder / PROGRAM}")  # fmt: skip
    assert kubernetes_plugin.ensure() == "official"
    assert (folder / PROGRAM).read_text() == "official\n"


def test_an_official_one_that_is_there_is_left_alone_and_nothing_is_asked_for() -> None:
    cli("kill -9 $PPID")
    file = lay("official")
    assert kubernetes_plugin.ensure() == "official"
    assert file.read_text() == "official"


def test_a_stand_in_that_is_there_is_kept_without_asking_the_network_again() -> None:
    cli("kill -9 $PPID")
    file = lay(LAUNCHER)
    assert kubernetes_plugin.ensure() == "stand-in"
    assert file.read_text() == LAUNCHER


def test_the_launcher_of_an_older_stand_in_is_renewed() -> None:
    cli("kill -9 $PPID")
    file = lay(f"#!/bin/sh\n{MARK}\nexec older\n")
    assert kubernetes_plugin.ensure() == "stand-in"
    assert file.read_text() == LAUNCHER


def test_an_installation_that_the_cli_left_half_done_counts_as_absent() -> None:
    cli("exit 1")
    file = lay("half of the official one")
    partial = file.parent.with_name(f"{file.parent.name}.partial")
    partial.touch()
    assert kubernetes_plugin.kind() == "absent"
    assert kubernetes_plugin.ensure() == "stand-in"
    assert not partial.exists()


def test_a_network_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes_plugin, "WITHIN_S", 0.2)
    cli("exec sleep 60")
    assert kubernetes_plugin.ensure() == "stand-in"
