"""What the S3 beneath an archive does with a campaign's own sizes: objects of them are put and got directly."""

import hashlib
import http.client
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadtests.analysis.columns import Columns
from loadtests.analysis.summary import quantiles
from loadtests.bench.raw_s3 import RawS3, Store

CONNECTIONS = 8
OBJECTS = 200
BYTES = 512 << 20
LARGEST = 64 << 20  # larger instances are sent in parts by the archive, of which no single put is the measure
STORES = ("C-STORE", "STOW-RS")


@dataclass(frozen=True)
class Baseline:
    """The figures. `seconds` has the quantiles of one request, empty where none succeeded."""

    connections: int
    operations: dict[str, dict[str, Any]]
    """put, get: objects_per_second, bytes_per_second, seconds, failures."""
    left_out: int
    """Sizes of the campaign that are over `LARGEST`."""

    def as_dict(self) -> dict[str, Any]:
        """For the campaign's folder."""
        return {"connections": self.connections, "left_out": self.left_out, "operations": self.operations}


def sizes_of(rows: Columns) -> list[int]:
    """Sizes of instances as the campaign stored them: of each request's instances their mean."""
    stored = rows[rows.operation.is_(STORES[0]) | rows.operation.is_(STORES[1])].ok
    stored = stored[stored.instances > 0]
    return [int(size) for size in np.sort(stored.size / stored.instances)]


def measure(
    store: Store,
    sizes: Sequence[int],
    *,
    run: str,
    connections: int = CONNECTIONS,
    objects: int = OBJECTS,
    say: Callable[[str], None] = print,
) -> Baseline:
    """Put and get up to so many objects whose sizes are evenly taken out of `sizes`, and remove them again.

    Raises:
        ValueError: there is no size to take.
        OutputsError: the credentials lack the profile.
    """
    fitting = sorted(size for size in sizes if 0 < size <= LARGEST)
    if not fitting:
        raise ValueError("no S3 baseline: the campaign has stored no instance of at most 64 MiB")
    chosen = _chosen(fitting, objects)
    say(f"S3 baseline: {len(chosen)} objects of the campaign's sizes, {sum(chosen) / 1e6:.0f} MB")
    raw = RawS3(store, run)
    body = memoryview(np.random.default_rng(1).bytes(max(chosen)))
    names = (hashlib.sha256(f"{run}/{number}".encode()).hexdigest()[:32] for number in range(len(chosen)))
    puts = [raw.put(name, [body[:size]]) for name, size in zip(names, chosen, strict=True)]
    order = np.random.default_rng(2).permutation(len(puts))
    try:
        operations = {
            "put": _figures(raw.run([puts[at] for at in order], connections), sum(chosen)),
            "get": _figures(raw.run(raw.gets(), connections), sum(chosen)),
        }
    finally:
        say("removing the S3 baseline's objects, when their retention has lapsed")
        left = _remove(raw)
        if left:
            say(f"{len(left)} objects of the S3 baseline are left under bench-raw/{run}/: {left[0]}")
    return Baseline(connections, operations, len(sizes) - len(fitting))


def _chosen(fitting: Sequence[int], objects: int) -> list[int]:
    """Sizes at even ranks; fewer of them where they would be too much."""
    count = objects
    while True:
        chosen = [fitting[int(at)] for at in np.linspace(0, len(fitting) - 1, count)]
        if sum(chosen) <= BYTES or count <= 8:
            return chosen
        count = max(8, int(count * 0.7))


def _figures(done: tuple[float, list[float], list[str]], size: int) -> dict[str, Any]:
    seconds, latencies, failures = done
    share = len(latencies) / (len(latencies) + len(failures)) if latencies else 0.0
    return {
        "objects_per_second": len(latencies) / seconds if seconds else 0.0,
        "bytes_per_second": share * size / seconds if seconds else 0.0,
        "seconds": quantiles(np.array(latencies)),
        "failures": dict(Counter(failures)),
    }


def _remove(raw: RawS3) -> list[str]:
    try:
        return raw.remove()
    except (OSError, http.client.HTTPException) as error:
        return [type(error).__name__]
