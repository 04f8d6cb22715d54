"""Profiles in an AWS shared credentials file: mode 0600, written atomically, other profiles kept as they are."""

import configparser
import fcntl
import os
import secrets
import string
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra.providers.vnaops.errors import RefusalError

_ID, _SECRET, _OWNER = "aws_access_key_id", "aws_secret_access_key", "vnaops_owner"


@dataclass(frozen=True)
class Keys:
    """An access key and its secret."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


def new_keys() -> Keys:
    """Random keys in AWS's own form: 20 capital letters and digits, and 40 letters and digits (238 bits)."""
    capitals, letters = string.ascii_uppercase + string.digits, string.ascii_letters + string.digits
    return Keys(
        "VN" + "".join(secrets.choice(capitals) for _ in range(18)),
        "".join(secrets.choice(letters) for _ in range(40)),
    )


def profiles(file: Path) -> list[str]:
    """Names of the file's profiles; none when it does not exist."""
    return _read(file).sections()


def read(file: Path, profile: str) -> Keys | None:
    """The profile's keys, or None when file or profile does not exist or has none."""
    parser = _read(file)
    if not (parser.has_option(profile, _ID) and parser.has_option(profile, _SECRET)):
        return None
    return Keys(parser.get(profile, _ID), parser.get(profile, _SECRET))


def write(file: Path, profile: str, keys: Keys, owner: str) -> None:
    """Write the profile, for `owner` (a resource's URN).

    Raises:
        RefusalError: somebody else's profile has that name.
    """
    with _locked(file):
        parser = _read(file)
        if parser.has_section(profile) and (held := parser.get(profile, _OWNER, fallback="nobody known")) != owner:
            raise RefusalError(
                f"profile {profile!r} in {file} belongs to {held}: choose another name, import it "
                f"(`pulumi import vnaops:index:Credentials NAME {profile}`), or remove it from the file"
            )
        parser[profile] = {_ID: keys.access_key_id, _SECRET: keys.secret_access_key, _OWNER: owner}
        _write(file, parser)


def remove(file: Path, profile: str, keys: Keys) -> None:
    """Remove the profile if it still has these keys; a later one's (after a replacement) stays."""
    with _locked(file):
        if read(file, profile) == keys:
            parser = _read(file)
            parser.remove_section(profile)
            _write(file, parser)


def claim(file: Path, profile: str, owner: str) -> None:
    """Make `owner` the owner of an existing profile (import)."""
    with _locked(file):
        parser = _read(file)
        parser.set(profile, _OWNER, owner)
        _write(file, parser)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Two stacks may write at once: the folder is the lock, since the file itself is replaced."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _read(file: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    if file.exists():
        try:
            parser.read_string(file.read_text())
        except configparser.Error as error:
            line = getattr(error, "lineno", None) or (getattr(error, "errors", None) or [(None,)])[0][0]
            raise RefusalError(
                f"{file} is not an AWS shared credentials file (line {line}): correct or remove it"
            ) from None  # the error's own text quotes the line, which may hold a secret
    return parser


def _write(file: Path, parser: configparser.RawConfigParser) -> None:
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=file.name + ".")  # made with mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w") as out:
            parser.write(out)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
