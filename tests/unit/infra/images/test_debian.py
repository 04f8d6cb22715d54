"""The machine's Debian mirrors, as its apt tells them, become the sources of the images' suite."""

from pathlib import Path

import pytest

from infra.images.debian import sources_for_suite, write_apt_configuration

SIGNED = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"


def test_a_machine_of_an_older_suite_lends_its_mirrors() -> None:
    targets = (
        "http://mirror.test/debian/|bookworm|main|Debian\n"
        "http://mirror.test/debian/|bookworm-updates|main|Debian\n"
        "http://mirror.test/security/|bookworm-security|main|Debian\n"
    )
    assert sources_for_suite("bookworm", targets) == [
        f"{SIGNED} http://mirror.test/debian/ trixie main",
        f"{SIGNED} http://mirror.test/debian/ trixie-updates main",
        f"{SIGNED} http://mirror.test/security/ trixie-security main",
    ]


def test_a_mirror_that_apt_has_not_loaded_yet_counts() -> None:
    targets = "http://mirror.test/debian/|trixie|main|$(ORIGIN)\n"
    assert sources_for_suite("trixie", targets) == [f"{SIGNED} http://mirror.test/debian/ trixie main"]


def test_repositories_of_others_are_left_out() -> None:
    targets = (
        "https://vendor.test/|bookworm|stable|Vendor\n"
        "https://vendor.test/|bookworm|main|Vendor\n"
        "https://vendor.test/|bookworm-pgdg|main|$(ORIGIN)\n"
        "https://vendor.test/|nodistro|main|Vendor\n"
        "http://mirror.test/debian/|bookworm|contrib|Debian\n"
        "http://mirror.test/debian/|bookworm-backports|main|Debian\n"
        "http://mirror.test/debian/|sid|main|Debian\n"
    )
    assert sources_for_suite("bookworm", targets) == []


def test_a_mirror_named_twice_is_used_once() -> None:
    line = "http://mirror.test/debian/|trixie|main|Debian\n"
    assert len(sources_for_suite("trixie", line * 2)) == 1


def test_the_apt_proxy_and_the_authorities_of_the_machine_are_told_to_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "apt.conf").write_text(
        'Acquire::http::Proxy "http://proxy.test:3142/";\nAPT::Get::Show-Versions "1";\n'
    )
    (tmp_path / "authorities.pem").write_text("PEM")
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    folder = tmp_path / "apt.conf.d"
    folder.mkdir()
    write_apt_configuration(folder, tmp_path / "authorities.pem")
    written = (folder / "90build").read_text().splitlines()
    assert 'Acquire::http::Proxy "http://proxy.test:3142/";' in written
    assert 'Acquire::https::CAInfo "/etc/apt/apt.conf.d/ca.pem";' in written
    assert not any("Show-Versions" in line for line in written)
    assert (folder / "ca.pem").read_text() == "PEM"
