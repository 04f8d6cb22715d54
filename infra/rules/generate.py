"""`make rules`: has sloth make the rules of every stack's objectives, and commits them to the work tree.

A stack of `stacks/` whose objectives are the defaults shares the rules of `default`; one with none has none.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from infra.environment import STACKS
from infra.rules import slo
from infra.settings import PREFIX, Settings, SettingsError, parse
from infra.slo_settings import PERIOD_DAYS

LIMIT_SECONDS = 60.0


class GenerateError(Exception):
    """sloth can't be had, or refuses the specification; one line says why."""


def stacks() -> dict[str, Settings]:
    """The settings of every committed stack, by its name. Raises SettingsError."""
    found = {}
    for file in sorted(STACKS.glob("Pulumi.*.yaml")):
        stack = file.name.split(".")[1]
        values = (yaml.safe_load(file.read_text()) or {}).get("config", {})
        own = {key.partition(":")[2]: value for key, value in values.items() if key.startswith(f"{PREFIX}:")}
        found[stack] = parse(own, stack)
    return found


def wanted() -> dict[str, dict[str, Any]]:
    """The specifications that have rules of their own, by the folder of `generated/`. Raises SettingsError."""
    usual = slo.spec(parse({}, slo.DEFAULT))
    own = {stack: slo.spec(settings) for stack, settings in stacks().items()}
    return {slo.DEFAULT: usual} | {stack: spec for stack, spec in own.items() if spec["slos"] and spec != usual}


def sloth(spec: dict[str, Any]) -> str:
    """The rules that sloth makes of a specification. Raises GenerateError."""
    with tempfile.TemporaryDirectory(prefix="vnaops-slo-") as folder:
        (Path(folder) / slo.SPEC).write_text(slo.text(spec))
        command = ["sloth", "--no-log", "generate", "--input", slo.SPEC, "--out", slo.RULES]
        command += ["--default-slo-period", f"{PERIOD_DAYS}d"]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=LIMIT_SECONDS)
        except FileNotFoundError:
            raise GenerateError("sloth: not found on PATH: run `make tools`") from None
        except subprocess.CalledProcessError as error:
            raise GenerateError(f"sloth: {' '.join((error.stderr or error.stdout).split())}") from None
        except subprocess.TimeoutExpired:
            raise GenerateError(f"sloth: did not end within {LIMIT_SECONDS:g} s") from None
        return (Path(folder) / slo.RULES).read_text().lstrip()


def main() -> int:
    """0 when all is written, 1 with one line when it can't be; then nothing has changed."""
    try:
        made = {folder: (slo.text(spec), sloth(spec)) for folder, spec in wanted().items()}
    except (GenerateError, SettingsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for left in slo.GENERATED.glob("*/"):
        if left.name not in made:
            shutil.rmtree(left)
    for folder, (spec, rules) in made.items():
        (slo.GENERATED / folder).mkdir(parents=True, exist_ok=True)
        (slo.GENERATED / folder / slo.SPEC).write_text(spec)
        (slo.GENERATED / folder / slo.RULES).write_text(rules)
        count = sum(len(group["rules"]) for group in yaml.safe_load(rules)["groups"])
        print(f"infra/rules/generated/{folder}: {count} rules of {rules.count('sloth_slo_info')} objectives")
    return 0


if __name__ == "__main__":
    sys.exit(main())
