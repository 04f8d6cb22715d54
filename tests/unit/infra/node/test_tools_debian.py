"""Debian packages: which are missing, and what an installation leaves alone."""

import os
import re
from pathlib import Path

import pytest

from infra.node.tools import debian
from infra.node.tools.errors import ToolError


def test_a_line_names_a_package_or_alternatives_and_what_for() -> None:
    text = "# a heading\n\nrunc # runs\ncontainerd | containerd.io # the pods\n"
    assert debian.wanted(text) == [("runc",), ("containerd", "containerd.io")]


def test_every_line_of_the_projects_file_is_a_list_of_package_names() -> None:
    packages = debian.wanted(debian.PACKAGES.read_text())
    assert len(packages) > 10
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", name) for line in packages for name in line)
    assert len(packages) == len(set(packages))


def test_what_dpkg_does_not_have_installed_is_missing() -> None:
    assert debian.missing([("dpkg",), ("vnaops-is-no-package",)]) == ["vnaops-is-no-package"]


def test_an_installed_alternative_is_enough_and_the_first_one_is_asked_for_otherwise() -> None:
    assert debian.missing([("vnaops-is-no-package", "dpkg"), ("vnaops-a", "vnaops-b")]) == ["vnaops-a"]


def test_a_machine_without_dpkg_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"no Debian: install what packages\.txt names by hand, .* --no-packages$"):
        debian.missing([("dpkg",)])


def test_who_is_not_root_is_told_which_packages_to_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ToolError) as refusal:
        debian.install(["runc", "nftables"])
    assert "apt-get install --no-install-recommends runc nftables`" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The places of the system that an installation may touch, elsewhere."""
    monkeypatch.setattr(debian, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(debian, "UNITS", tmp_path)
    monkeypatch.setattr(debian, "INIT_SCRIPTS", tmp_path / "init.d")
    (tmp_path / "init.d").mkdir()
    (tmp_path / "multi-user.target.wants").mkdir()
    return tmp_path


def test_services_are_kept_from_starting_only_while_packages_are_installed(system: Path) -> None:
    with debian.no_services():
        assert "exit 101" in debian.POLICY.read_text()
        assert debian.POLICY.stat().st_mode & 0o777 == 0o755
    assert not debian.POLICY.exists()


def test_a_service_that_an_installation_enables_is_disabled_again_and_others_stay(system: Path) -> None:
    wants = system / "multi-user.target.wants"
    (wants / "ssh.service").symlink_to("/lib/systemd/system/ssh.service")
    with debian.no_services():
        (wants / "containerd.service").symlink_to("/lib/systemd/system/containerd.service")
    assert [link.name for link in wants.iterdir()] == ["ssh.service"]


def test_an_init_script_that_an_installation_brings_cannot_be_started_and_others_can(system: Path) -> None:
    old, new = system / "init.d" / "ssh", system / "init.d" / "docker-registry"
    old.touch(0o755)
    with debian.no_services():
        new.touch(0o755)
    assert [os.access(script, os.X_OK) for script in (old, new)] == [True, False]


def test_a_policy_of_the_site_stays(system: Path) -> None:
    debian.POLICY.write_text("#!/bin/sh\nexit 0\n")
    with debian.no_services():
        assert debian.POLICY.read_text() == "#!/bin/sh\nexit 0\n"
    assert debian.POLICY.exists()


def test_a_policy_that_a_killed_run_left_goes_with_the_next(system: Path) -> None:
    debian.POLICY.write_text(debian.NO_ACTION)
    with debian.no_services():
        pass
    assert not debian.POLICY.exists()


def test_an_interrupted_installation_takes_its_policy_away(system: Path) -> None:
    with pytest.raises(KeyboardInterrupt), debian.no_services():
        raise KeyboardInterrupt
    assert not debian.POLICY.exists()
