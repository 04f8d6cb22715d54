"""The environment in which the native tools work here: PATH, kubeconfig, Pulumi's backend and passphrase.

`eval "$(make -s env)"` gives it to a shell, `python -m infra.environment [--stack NAME] COMMAND …` to one command.
What the user has set already is left alone, PATH excepted.

Pulumi writes the passphrase's salt into a stack's file. The salt belongs to this machine, the file to everybody: so
the stack is made with a throw-away project (the state keeps the salt), PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER takes
it from there, and commands run with `--stack` get a copy of the file to scribble into. Without `--stack`, a bare
`pulumi up` works as well and adds one line to the file (`git checkout stacks` takes it away).
"""

import os
import secrets
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra import paths


def passphrase_file() -> Path:
    """The file with the passphrase of Pulumi's secrets; made on first use, mode 0600, never shown."""
    file = paths.passphrase_file()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file
    with os.fdopen(descriptor, "w") as out:
        out.write(secrets.token_urlsafe(32))
    return file


def variables(current: Mapping[str, str]) -> dict[str, str]:
    """What has to be set on top of `current`."""
    venv = str(Path(sys.executable).parent)
    new = {
        # the language host and both providers take `python` from PATH
        "PATH": os.pathsep.join(
            dict.fromkeys((venv, str(paths.tools_bin()), *current.get("PATH", "").split(os.pathsep)))
        ),
        "VIRTUAL_ENV": str(Path(venv).parent),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
    }
    if "KUBECONFIG" not in current and paths.node_kubeconfig().exists():
        new["KUBECONFIG"] = str(paths.node_kubeconfig())
    if "PULUMI_BACKEND_URL" not in current:
        paths.pulumi_state_dir().mkdir(parents=True, exist_ok=True, mode=0o700)
        new["PULUMI_BACKEND_URL"] = f"file://{paths.pulumi_state_dir()}"
    if not any(name in current for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")):
        new["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(passphrase_file())
    return new


STACKS = Path(__file__).parent.parent / "stacks"


def stack_variables(stack: str, more: Mapping[str, Any] | None = None) -> dict[str, str]:
    """What lets one command work on a stack and leave its committed file as it is: set it for that command only.

    In a shell it would give the settings of this stack to `pulumi up -s ANOTHER`. `more` are settings on top of the
    file's, without the prefix `vnaops:`.
    """
    file = STACKS / f"Pulumi.{stack}.yaml"
    if not file.exists():
        known = ", ".join(sorted(f.name.split(".")[1] for f in STACKS.glob("Pulumi.*.yaml")))
        sys.exit(f"{stack}: there is no stacks/{file.name}; there are {known}")
    copy = paths.stack_copies_dir() / (file.name if more is None else f"Pulumi.{stack}.more.yaml")
    copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if more is None:
        shutil.copyfile(file, copy)
    else:
        whole = yaml.safe_load(file.read_text()) or {}
        settings = whole.get("config", {}) | {f"vnaops:{name}": value for name, value in more.items()}
        copy.write_text(yaml.safe_dump({**whole, "config": settings}, sort_keys=False))
    own = {"PULUMI_OPTION_CONFIG_FILE": str(copy)}
    if names_a_cluster(stack) and "KUBECONFIG" not in os.environ:
        own["KUBECONFIG"] = str(Path.home() / ".kube" / "config")
    return own


def names_a_cluster(stack: str) -> bool:
    """Whether the stack's file names a context of the user's kubeconfig: then the embedded node is not meant."""
    settings = yaml.safe_load((STACKS / f"Pulumi.{stack}.yaml").read_text()) or {}
    return bool(settings.get("config", {}).get("vnaops:kubeContext"))


def main() -> None:
    """Runs a command in the environment, or prints it for a shell."""
    new = variables(os.environ)
    command = sys.argv[1:]
    if command[:1] == ["--stack"] and len(command) > 2:
        new |= stack_variables(command[1])
        command = command[2:]
    if command:
        os.environ.update(new)
        try:
            os.execvp(command[0], command)  # noqa: S606 (the user's own command)
        except FileNotFoundError:
            sys.exit(f"{command[0]}: not found on PATH: run `make tools`")
    for name, value in new.items():
        print(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    main()
