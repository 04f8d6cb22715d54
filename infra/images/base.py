"""Debian's root file system for the `base` image, made by mmdebstrap from this machine's own mirrors."""

import os
from pathlib import Path
from typing import Protocol

from infra.images import debian
from infra.images.progress import Commands
from infra.images.recipe import IMAGES

NAME = "base"
ROOT_IMAGE = "localhost/debian-root:latest"


class Buildah(Protocol):
    """Runs a buildah command for an image."""

    def __call__(self, image: str, step: str, *arguments: str, log: Path) -> None: ...


def make_root(buildah: Buildah, commands: Commands, scratch: Path, repository: Path, epoch: int, log: Path) -> None:
    """Makes the image ROOT_IMAGE in buildah's storage: Debian's minimal system and nothing of this machine.

    mmdebstrap takes 40 s and works below TMPDIR in `scratch`, so that whatever it leaves behind goes with that folder.
    Raises ImageError if it fails.
    """
    sources = scratch / "debian.list"
    sources.write_text(debian.sources())
    context, temporary = scratch / "root", scratch / "mmdebstrap"
    context.mkdir()
    temporary.mkdir(mode=0o755)
    command = ["unshare", "--mount", "--propagation=private", "mmdebstrap", "--variant=minbase", "--mode=root"]
    command.append(f"--dpkgopt={repository / IMAGES / NAME / 'dpkg.cfg'}")
    # apt's own cleaning leaves folders that belong to whoever fetched: root where _apt can't reach TMPDIR
    command.append("--skip=cleanup/apt")
    of_this_machine = "etc/apt/sources.list.d/* etc/resolv.conf etc/hostname var/lib/apt/lists/* var/cache/* var/log/*"
    command.append(f'--customize-hook=cd "$1" && rm -rf {of_this_machine}')
    command += [debian.SUITE, str(context / "root.tar"), str(sources)]
    environment = dict(os.environ) | {"TMPDIR": str(temporary), "SOURCE_DATE_EPOCH": str(epoch)}
    commands.run(NAME, f"make Debian {debian.SUITE} with mmdebstrap", command, log, environment)
    (context / "Containerfile").write_text("FROM scratch\nADD root.tar /\n")
    options = ["--layers=false", f"--timestamp={epoch}", "--isolation=chroot", f"--tag={ROOT_IMAGE}"]
    buildah(NAME, "import", "bud", *options, str(context), log=log)
