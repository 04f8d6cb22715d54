"""`python -m infra.maintenance`: an environment's alerts are quiet for a while, since somebody works on it.

A silence in Alertmanager: alerts are still seen on its page and in Prometheus, nobody is called. What no maintenance
explains is told as ever: the Watchdog (or the dead man's switch outside would raise an alarm), critical alerts of the
monitoring itself (who works blind does not see what he breaks), and a bucket whose lock is not what was declared
(images may be unprotected from then on, and no work on an environment has to change that beside the program).

`start` again extends; `end` ends everything of the environment. An operation of the project takes `maintenance(…)`,
which has a silence of its own: it ends with the operation, whatever a colleague has started meanwhile.
"""

import argparse
import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import yaml

from infra import paths, rules
from infra.settings import parse
from infra.silences import AlertmanagerError, Matcher, Silence, Silences

BY_HAND, BY_OPERATION = "vnaops maintenance", "vnaops operation"
LONGEST_MINUTES = 24 * 60
NEVER_EXPLAINED = "ObjectLockDrift"


class MaintenanceError(Exception):
    """What was asked for can't be done; one line says why and what to do."""


def audible(stack: str) -> list[str]:
    """The alerts that no maintenance silences."""
    found = {NEVER_EXPLAINED}
    for text in rules.files(parse({}, stack), stack).values():
        for group in yaml.safe_load(text)["groups"]:
            for rule in group["rules"]:
                labels = rule.get("labels", {})
                if labels.get("component") == "monitoring" and labels["severity"] in ("critical", "none"):
                    found.add(rule["alert"])
    return sorted(found)


def matchers(stack: str) -> tuple[Matcher, ...]:
    """What a maintenance of the stack silences."""
    return (
        Matcher("environment", stack),
        Matcher("alertname", "|".join(audible(stack)), equal=False, regex=True),
    )


def current(silences: Silences, stack: str) -> list[Silence]:
    """The stack's maintenances, by hand and by operations."""
    return [
        one
        for one in silences.living()
        if one.created_by in (BY_HAND, BY_OPERATION) and Matcher("environment", stack) in one.matchers
    ]


def start(silences: Silences, stack: str, minutes: float, comment: str, *, by: str = BY_HAND) -> Silence:
    """Silences for so long from now on; the one that was started by hand before is extended, and never shortened."""
    now = datetime.now(UTC)
    wanted = Silence(matchers(stack), now, now + timedelta(minutes=minutes), by, comment)
    for before in current(silences, stack):
        if by == BY_HAND == before.created_by:
            # with another start it would be another silence, and the alerts be told in between
            wanted = replace(wanted, id=before.id, starts=before.starts, ends=max(before.ends, wanted.ends))
            break
    return replace(wanted, id=silences.put(wanted))


def end(silences: Silences, stack: str) -> list[Silence]:
    """Ends all maintenances of the stack, an operation's that was killed among them. Returns what there was."""
    ended = current(silences, stack)
    for one in ended:
        silences.expire(one.id)
    return ended


@contextmanager
def maintenance(silences: Silences, stack: str, minutes: float, comment: str) -> Iterator[Silence]:
    """The stack's alerts are quiet in the block, and for `minutes` at most: also when this process is killed.

    Raises AlertmanagerError before the block where Alertmanager isn't reached; after it only if the block has not
    failed itself (the silence then ends by its time).
    """
    own = start(silences, stack, minutes, comment, by=BY_OPERATION)

    def finish() -> None:
        if own.id in {one.id for one in silences.living()}:
            silences.expire(own.id)

    try:
        yield own
    except BaseException:
        with suppress(AlertmanagerError):
            finish()
        raise
    finish()


def of_stack(stack: str) -> Silences:
    """Those of the stack's Alertmanager, as its outputs name it. Raises MaintenanceError."""
    file = paths.outputs_file(stack)
    try:
        outputs = json.loads(file.read_text())
    except FileNotFoundError:
        raise MaintenanceError(
            f"{stack}: {file} does not exist: run `make deploy ENV={stack}`, or give --url"
        ) from None
    if "alertmanager" not in outputs:
        raise MaintenanceError(
            f"{stack}: its Alertmanager is not published (monitoring.alertmanagerNodePort is null): "
            f"run `kubectl -n {outputs['namespace']} port-forward service/alertmanager 9093` and give --url"
        )
    return Silences(outputs["alertmanager"]["url"])


def _line(one: Silence) -> str:
    return f"{one.id}  until {one.ends:%Y-%m-%d %H:%M:%S} UTC  {one.created_by}: {one.comment}"


def minutes(text: str) -> float:
    number = float(text)
    if not 0 < number <= LONGEST_MINUTES:
        raise argparse.ArgumentTypeError(f"more than 0 and at most {LONGEST_MINUTES}: a longer silence is forgotten")
    return number


def comment(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("says why: whoever misses an alert looks there")
    return text


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.maintenance", description="An environment's alerts be quiet."
    )
    parser.add_argument("--stack", required=True, metavar="ENV", help="whose alerts: their label `environment`")
    parser.add_argument("--url", help="of Alertmanager (default: as the stack's outputs name it)")
    what = parser.add_subparsers(dest="what", required=True)
    begin = what.add_parser("start", help="begin or extend it", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    begin.add_argument("--minutes", type=minutes, default=60, help="how long from now on")
    begin.add_argument("--comment", type=comment, required=True, help="why; whoever looks at Alertmanager reads it")
    what.add_parser("end", help="end it now")
    what.add_parser("list", help="show what there is")
    return parser.parse_args()


def main() -> int:
    """0 when it is done, 1 with one line when it can't be, 2 for arguments that are wrong."""
    arguments = _arguments()
    stack = arguments.stack
    try:
        silences = Silences(arguments.url) if arguments.url else of_stack(stack)
        if arguments.what == "start":
            made = start(silences, stack, arguments.minutes, f"{arguments.comment} ({getpass.getuser()})")
            print(f"{_line(made)}\nstill told: {', '.join(audible(stack))}")
        elif arguments.what == "end":
            print("\n".join(f"ended  {_line(one)}" for one in end(silences, stack)) or f"{stack}: no maintenance")
        else:
            print("\n".join(map(_line, current(silences, stack))) or f"{stack}: no maintenance")
    except (AlertmanagerError, MaintenanceError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
