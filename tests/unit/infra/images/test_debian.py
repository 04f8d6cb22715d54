"""The machine's Debian mirrors, as its apt tells them, become the sources of the images' suite."""

from infra.images.debian import sources_for_suite

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
