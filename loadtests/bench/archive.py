"""`make bench-archive`: the archive as deployed, beside raw puts of the same bytes into its bucket, in one run."""

import argparse
import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from loadtests import environment as environments
from loadtests import processor
from loadtests.bench.raw_s3 import RawS3, Store, store_of
from loadtests.engine.errors import ScuError, StatusError
from loadtests.engine.scu import Scu, Target
from loadtests.environment import Environment, OutputsError
from loadtests.profiles.ct import ComputedTomography
from loadtests.profiles.instance import Instance
from loadtests.profiles.study import Study, new_run

ASSOCIATIONS = CONNECTIONS = 16
ROUNDS = 3  # of raw puts and stores in turn, so that a machine that changes its mind changes it for both
WARM_UP = 64


class BenchError(Exception):
    """There is nothing to measure; the message says what didn't work."""


@dataclass
class Measured:
    """Sums over the rounds. Times in seconds; latencies are of what was stored."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, seconds: float, latencies: list[float], failures: list[str]) -> None:
        """Another round."""
        self.seconds += seconds
        self.latencies += latencies
        self.failures += failures

    @property
    def rate(self) -> float:
        """Instances/s that were stored."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def quantile(self, which: float) -> float:
        """Of the latency, in seconds."""
        return float(np.quantile(self.latencies, which)) if self.latencies else float("nan")


class Instances:
    """New CT instances: in studies of 60 each, or all of one study."""

    def __init__(self) -> None:
        self._profile, self._run, self._studies = ComputedTomography(seed=1), new_run(), 0

    def make(self, count: int, per_study: int = 60) -> list[Instance]:
        """So many, none of them given before."""
        made: list[Instance] = []
        while len(made) < count:
            self._studies += 1
            size = min(per_study, count - len(made))
            made += Study(self._profile, self._run, self._studies, size, datetime.now(UTC)).instances()
        return made


def store(target: Target, instances: list[Instance], associations: int) -> tuple[float, list[float], list[str]]:
    """Store them over that many associations, which share the work. Duration, latencies, failures."""
    waiting, lock = iter(instances), threading.Lock()
    latencies: list[float] = []
    failures: list[str] = []
    associations_lost: list[str] = []
    contexts = [(instances[0].sop_class_uid, [instances[0].transfer_syntax])]

    def next_one() -> Iterator[Instance]:
        while True:
            with lock:
                one = next(waiting, None)
            if one is None:
                return
            yield one

    def work() -> None:
        mine, left = next_one(), True
        while left:  # again where an association was lost
            left = False
            with Scu(target, contexts) as scu:
                for one in mine:
                    begun = time.perf_counter()
                    try:
                        scu.store(one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax, one.buffers)
                        latencies.append(time.perf_counter() - begun)
                    except ScuError as error:
                        failures.append(error.kind)
                        if left := not isinstance(error, StatusError):
                            break

    def guarded() -> None:
        try:
            work()
        except ScuError as error:  # no association: what it would have sent is left to the others
            associations_lost.append(error.kind)

    threads = [threading.Thread(target=guarded) for _ in range(associations)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    left_over = len(list(waiting))
    failures += [f"not sent ({kind})" for kind in associations_lost[:1] * left_over]
    return time.perf_counter() - begun, latencies, failures


def run(environment: Environment, raw: RawS3, count: int) -> list[dict[str, Any]]:
    """The whole benchmark, `count` instances a figure at least; what is written to the file."""
    door = environment.dicom
    target = Target(door.host, door.port, door.ae_title, door.calling_ae_title)
    source = Instances()
    many, one, one_study, direct = Measured(), Measured(), Measured(), Measured()
    each = -(-count // ROUNDS)
    _say(f"warming up with {WARM_UP} instances each way")
    _must_work("raw S3 puts", raw.run(raw.prepare(source.make(WARM_UP)), CONNECTIONS))
    _must_work("C-STORE", store(target, source.make(WARM_UP), ASSOCIATIONS))
    used: dict[str, float] = {}
    for number in range(ROUNDS):
        direct.add(*raw.run(raw.prepare(source.make(each)), CONNECTIONS))
        instances, before = source.make(each), processor.seconds()
        many.add(*store(target, instances, ASSOCIATIONS))
        for name, value in processor.per_instance(before, processor.seconds(), each).items():
            used[name] = used.get(name, 0) + value / ROUNDS
        one.add(*store(target, source.make(each), 1))
        _say(
            f"round {number + 1}/{ROUNDS}: raw {direct.rate:.0f}/s, {ASSOCIATIONS} associations {many.rate:.0f}/s, "
            f"one {one.rate:.0f}/s"
        )
    one_study.add(*store(target, source.make(count, per_study=count), ASSOCIATIONS))
    _say("removing the raw puts' objects, when their retention has lapsed")
    if left := raw.remove():
        _say(f"{len(left)} objects of the raw puts are left under bench-raw/: {left[0]}")
    peer = {"peer": f"raw S3 puts, {CONNECTIONS} connections", "peer_value": round(direct.rate, 2)}

    def row(name: str, value: float, unit: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "value": round(value, 4), "unit": unit, **more}

    def rate(name: str, measured: Measured) -> dict[str, Any]:
        ratio = round(measured.rate / direct.rate, 4) if direct.rate else None
        return row(name, measured.rate, "1/s", **peer, ratio=ratio)

    for name, measured in (("raw", direct), ("16", many), ("1", one), ("one study", one_study)):
        for kind in sorted(set(measured.failures)):
            _say(f"{name}: {measured.failures.count(kind)} × {kind}")
    return [
        rate("instances_per_second_16", many),
        rate("instances_per_second_1", one),
        row("p50_seconds_16", many.quantile(0.5), "s"),
        row("p99_seconds_16", many.quantile(0.99), "s"),
        row("p50_seconds_1", one.quantile(0.5), "s"),
        row("p99_seconds_1", one.quantile(0.99), "s"),
        row("failures_16", len(many.failures), "1"),
        row("failures_1", len(one.failures), "1"),
        row("failures_one_study", len(one_study.failures), "1"),
        row("instances_per_second_one_study", one_study.rate, "1/s"),
        row("failures_raw", len(direct.failures), "1"),
        *(row(f"processor_{name}_16", value, "ms/instance") for name, value in used.items()),
    ]


def _must_work(what: str, warmed_up: tuple[float, list[float], list[str]]) -> None:
    _, stored, failures = warmed_up
    if not stored:
        raise BenchError(f"nothing could be stored by {what}: {failures[0]}")


def _say(text: str) -> None:
    print(text, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns 2 for bad input, else 0; whether the figures are good enough is judged elsewhere."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench.archive",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--outputs", type=Path, required=True, help="JSON file of the environment's outputs")
    parser.add_argument("--s3-credentials", type=Path, required=True, help="AWS shared credentials file")
    parser.add_argument("--s3-endpoint", help="the store as this machine sees it; else objectStore of the outputs")
    parser.add_argument("--s3-bucket", help="the archive's bucket; else objectStore of the outputs")
    parser.add_argument("--s3-profile", help="profile in the credentials file; else objectStore of the outputs")
    parser.add_argument("--s3-ca", type=Path, help="authority of the endpoint's certificate (PEM)")
    parser.add_argument("--count", type=int, default=900, help="instances a figure")
    parser.add_argument("--output", type=Path, default=Path("build/bench/archive.json"), help="where the figures go")
    options = parser.parse_args(arguments)
    try:
        environment = environments.load(options.outputs)
        figures = run(environment, RawS3(_store(options), new_run()), options.count)
    except (OutputsError, BenchError) as error:
        print(f"bench-archive: {error}", file=sys.stderr)
        return 2
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(figures, indent=1) + "\n")
    for figure in figures:
        beside = f"  ({figure['peer_value']} {figure['peer']}, ratio {figure['ratio']})" if "peer" in figure else ""
        _say(f"{figure['name']:34} {figure['value']:>10} {figure['unit']}{beside}")
    _say(f"written to {options.output}")
    return 0


def _store(options: argparse.Namespace) -> Store:
    return store_of(
        options.outputs,
        options.s3_credentials,
        endpoint=options.s3_endpoint,
        bucket=options.s3_bucket,
        profile=options.s3_profile,
        ca_file=options.s3_ca,
    )


if __name__ == "__main__":
    sys.exit(main())
