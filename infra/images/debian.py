"""The machine's own Debian mirrors, told to a build for the images' suite: the repository has no mirror's address."""

import platform
import subprocess
from pathlib import Path

from infra.images.recipe import ImageError

SUITE = "trixie"
"""Debian 13: the suite that all images are made of."""

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_POCKETS = ("", "-updates", "-security")
_CA_INSIDE = "/etc/apt/apt.conf.d/ca.pem"


def sources() -> str:
    """The sources.list of the images' suite on the mirrors that this machine's apt uses for its own Debian.

    Raises ImageError where apt knows no Debian mirror (then VNAOPS_BASE_IMAGE names a base image instead).
    """
    try:
        own = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
        targets = subprocess.run(
            [
                "apt-get",
                "indextargets",
                "--format",
                "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)",
                "Created-By: Packages",
            ],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise ImageError(
            f"this machine's apt can't be asked for its Debian mirrors, set VNAOPS_BASE_IMAGE: {error}"
        ) from error
    lines = sources_for_suite(own, targets)
    if not lines:
        raise ImageError("this machine's apt has no Debian mirror: set VNAOPS_BASE_IMAGE to a Debian 13 image")
    return "".join(f"{line}\n" for line in lines)


def sources_for_suite(own: str, targets: str) -> list[str]:
    """Lines of a sources.list, from `apt-get indextargets` lines `URI|RELEASE|COMPONENT|ORIGIN`.

    `own` is the suite of the machine that gave these lines.
    Others' repositories are left out: their component isn't main, their suite isn't Debian's, or they say who they are.
    ORIGIN is apt's placeholder where no package lists have been loaded yet.
    """
    lines = []
    for target in targets.splitlines():
        uri, release, component, origin = target.split("|")
        pocket = release.removeprefix(own)
        if (
            release.startswith(own)
            and pocket in _POCKETS
            and component == "main"
            and origin in ("Debian", "", "$(ORIGIN)")
        ):
            lines.append(f"deb [signed-by={_KEYRING}] {uri} {SUITE}{pocket} main")
    return list(dict.fromkeys(lines))


def write_apt_configuration(folder: Path, ca: Path) -> None:
    """Fills a folder that is mounted as a build's /etc/apt/apt.conf.d: this machine's apt proxy and authorities.

    A certificate authority is needed for mirrors by https, since the base has none.
    """
    lines = ['Dpkg::Use-Pty "0";', 'APT::Color "0";', 'Acquire::Retries "3";', 'Acquire::Languages "none";']
    dump = subprocess.run(["apt-config", "dump"], check=False, capture_output=True, text=True).stdout
    wanted = ("acquire::http::proxy", "acquire::https::proxy", "acquire::check-valid-until", "acquire::check-date")
    lines += [line for line in dump.splitlines() if line.lower().startswith(wanted)]
    if ca.is_file():
        (folder / Path(_CA_INSIDE).name).write_bytes(ca.read_bytes())
        lines.append(f'Acquire::https::CAInfo "{_CA_INSIDE}";')
    (folder / "90build").write_text("".join(f"{line}\n" for line in lines))
