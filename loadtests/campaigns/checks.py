"""Before any load: is it sent to whom it may be sent to, do they answer, and is there room for what it will store?"""

import json
import shutil
import socket
import urllib.request
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from loadtests.campaigns.expected import expected_bytes
from loadtests.campaigns.plan import Plan
from loadtests.environment import Environment
from loadtests.users.requirements import missing

SPARE_BYTES = 1 << 30
COPIES = 2.0  # the store's copy, and the database's and the logs' part
TIMEOUT_SECONDS = 5.0
DEFAULT_PORTS = {"http": 80, "https": 443}


class RefusedError(ValueError):
    """The campaign isn't begun; the message says why and what to do."""


def address(target: str) -> str:
    """HOST:PORT of a URL, or of what is that already; lower case.

    Raises:
        ValueError: it is neither.
    """
    parts = urlsplit(target if "://" in target else f"//{target}")
    port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    if not parts.hostname or not port:
        raise ValueError(f"{target!r} is neither HOST:PORT nor a URL")
    return f"{parts.hostname.lower()}:{port}"


def targets(plan: Plan, environment: Environment) -> list[str]:
    """Whom the campaign will call: by DIMSE what its streams do; over the web always, since all is looked for there."""
    found = [environment.dicom_web.url]
    for stream in plan.streams:
        if stream.protocol == "dimse":
            secure = environment.dicom_tls if stream.options.get("tls") else None
            door = secure or environment.dicom
            found.append(f"{door.host}:{door.port}")
        if stream.protocol == "wado_uri":
            found.append(environment.dicom_web.wado_uri)
        if stream.behaviour == "cleaning" and environment.test_deletion is not None:
            found.append(environment.test_deletion.url)
    return found


def check(
    plan: Plan, environment: Environment, outputs: Path, run: str, also: Collection[str], say: Callable[[str], None]
) -> None:
    """All of it, in the order in which it is cheap.

    Args:
        outputs: the outputs' file; its disk is the environment's where that is on this machine.
        run: the run's name.
        also: targets that the stack doesn't list and somebody has named.

    Raises:
        RefusedError: in one line.
    """
    if words := missing(plan, environment):
        raise RefusedError(words)
    check_targets(plan, environment, also)
    check_reachable(plan, environment)
    check_room(plan, environment, outputs, run, say)


def check_targets(plan: Plan, environment: Environment, also: Collection[str]) -> None:
    """Refuse whom the stack doesn't list and nobody has named: load is not sent to strangers.

    Raises:
        RefusedError: with the stranger's address.
    """
    allowed = {address(one) for one in (*environment.targets, *also)}
    for target in targets(plan, environment):
        if address(target) not in allowed:
            listed = ", ".join(environment.targets) or "there are none"
            raise RefusedError(
                f"{address(target)} isn't among the stack's targets ({listed}): load is not sent to strangers; "
                f"if it may be, say --also-load {address(target)}"
            )


def check_reachable(plan: Plan, environment: Environment) -> None:
    """Raises RefusedError where one of the targets doesn't take connections."""
    for target in dict.fromkeys(map(address, targets(plan, environment))):
        host, _, port = target.rpartition(":")
        try:
            socket.create_connection((host, int(port)), TIMEOUT_SECONDS).close()
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise RefusedError(f"{target} can't be reached ({why}): is the environment up? (`make up`)") from None


@dataclass(frozen=True)
class Room:
    """A place and what is free there, in bytes; how many bytes it takes of each that is stored."""

    where: str
    free: float
    times: float


def check_room(plan: Plan, environment: Environment, outputs: Path, run: str, say: Callable[[str], None]) -> None:
    """Refuse what would fill this machine's disk (where the environment is on it) or the bucket.

    Raises:
        RefusedError: with what there is and what would be needed.
    """
    size = expected_bytes(plan, run)
    rooms = [*_disk(environment.dicom.host, outputs), *_store(environment, say)]
    say(f"the campaign will store about {size / 1e9:.2f} GB" if size else "the campaign stores nothing")
    for room in rooms:
        needed = room.times * size + (SPARE_BYTES if room.times > 1 else 0)
        if room.free < needed:
            raise RefusedError(
                f"{room.where} has {room.free / 1e9:.1f} GB free, the campaign's {size / 1e9:.1f} GB need "
                f"{needed / 1e9:.1f}: make room, or store less (--studies, --limit, --factor)"
            )


def _disk(host: str, outputs: Path) -> list[Room]:
    """This machine's, if it has the environment's address; the generator's own files need little."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))  # sends nothing: asks which address it would go out from
            if probe.getsockname()[0] != socket.gethostbyname(host):
                return []
        except OSError:
            return []  # another machine's disk
    place = outputs.resolve().parent
    return [Room(str(place), shutil.disk_usage(place).free, COPIES)]


def _store(environment: Environment, say: Callable[[str], None]) -> list[Room]:
    store = environment.object_store
    if store is None or store.capacity_bytes is None:
        say("the object store's capacity isn't in the outputs: whether there is room is not judged")
        return []
    used = _ask(environment, store.used_query)
    if used is None:
        say("how much of the object store is taken can't be asked (Prometheus): taken for empty")
    available = _ask(environment, store.available_query)
    free = store.capacity_bytes - (used or 0)
    return [Room("the object store", max(0.0, free if available is None else min(free, available)), 1.0)]


def _ask(environment: Environment, query: str | None) -> float | None:
    """A number from the environment's Prometheus; None where it can't be had."""
    if query is None or environment.prometheus is None:
        return None
    url = f"{environment.prometheus.url}/api/v1/query?query={quote(query)}"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  (the stack's own output)
            return float(json.load(answer)["data"]["result"][0]["value"][1])
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None
