"""`make bench-tap`: what a tap in front of an archive costs, beside the direct way, in one run.

Before the deployed archive: a tap of this machine in front of one replica's own DICOM port (not its sidecar's: the
same for both ways), stores over 1 and 16 associations, direct and through the tap by turns in short
rounds; then open-loop stores at half the knee. Before a sink, where sender, tap and sink share the processors:
processor seconds per GB. Last, a million small stores: the tap's memory. Writes `build/bench/tap.json`.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from loadtests import environment as environments
from loadtests.bench import archive
from loadtests.bench.sink import sink
from loadtests.engine.errors import ScuError
from loadtests.engine.scu import Scu, Target
from loadtests.environment import OutputsError

ROUNDS = 20
QUIET_RATE = 0.5  # of the knee
CT_BYTES = 512 * 512 * 2
CT = "1.2.840.10008.5.1.4.1.1.2"
_START_SECONDS = 30.0


class BenchError(Exception):
    """There is nothing to measure; the message says what didn't work."""


class Tap:
    """A tap in a process of its own."""

    def __init__(self, host: str, port: int) -> None:
        command = [sys.executable, "-m", "exporters.dimse_tap.main", "--to", f"{host}:{port}", "--log.level", "info"]
        command += ["--congestion-control", "reno"]  # as the sidecar has it
        command += ["--listen", "127.0.0.1:0", "--web.listen-address", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None  # noqa: S101  (for the type checker)
        line = self.process.stderr.readline()
        try:
            self.port = int(json.loads(line)["listen"][1])
        except ValueError:
            raise BenchError(f"the tap does not start: {line.strip()}") from None
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def processor_seconds(self) -> float:
        """User and system time until now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        """Its memory now."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def tap(host: str, port: int) -> Iterator[Tap]:
    """Runs one to that port."""
    made = Tap(host, port)
    try:
        yield made
    finally:
        made.process.terminate()
        made.process.wait(60)


def replica(namespace: str, port: int) -> tuple[str, int]:
    """Address of the archive replica that stores: the first one, as the balancer takes it."""
    command = [
        "kubectl",
        "get",
        "pods",
        "-n",
        namespace,
        "-l",
        "app.kubernetes.io/name=archive",
        "--sort-by=.metadata.name",
    ]
    command += ["-o", "jsonpath={.items[0].status.podIP}"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode or not said.stdout:
        raise BenchError(f"no archive pod in {namespace}: {said.stderr.strip() or 'there is none'}")
    return said.stdout, port


def throughput(direct: Target, through: Target, associations: int, count: int) -> dict[str, Any]:
    """Instances/s both ways by turns, and the median of the rounds' ratios with its 95 % interval.

    The archive's own pauses fall into the one way's round or the other's and move a ratio of sums by several percent.
    """
    source = archive.Instances()
    rates: dict[str, list[float]] = {"direct": [], "tap": []}
    failures = {"direct": 0, "tap": 0}
    for number in range(ROUNDS):
        ways = [("direct", direct), ("tap", through)]
        for name, target in ways if number % 2 else reversed(ways):
            measured = archive.Measured()
            measured.add(*archive.store(target, source.make(count), associations))
            rates[name].append(measured.rate)
            failures[name] += len(measured.failures)
        if number % 4 == 3:
            middle = {name: float(np.median(each)) for name, each in rates.items()}
            _say(
                f"  {associations} associations, round {number + 1}/{ROUNDS}: "
                f"direct {middle['direct']:.1f}/s, tap {middle['tap']:.1f}/s"
            )
    ratios = np.array(rates["tap"]) / np.array(rates["direct"])
    return {
        "name": f"throughput_{associations}",
        "value": round(float(np.median(rates["tap"])), 2),
        "unit": "instances/s",
        "peer": "the same archive directly",
        "peer_value": round(float(np.median(rates["direct"])), 2),
        "ratio": round(float(np.median(ratios)), 4),
        "ratio_interval": _interval(ratios),
        "rounds": ROUNDS,
        "failures": failures,
    }


def _interval(rounds: Any) -> list[float]:
    """95 % interval of the rounds' median."""
    found = stats.bootstrap((rounds,), np.median, method="percentile", random_state=1).confidence_interval
    return [round(float(found.low), 6), round(float(found.high), 6)]


def added_latency(direct: Target, through: Target, rate: float, seconds: float) -> dict[str, Any]:
    """p99 of open-loop stores' latencies through the tap less that of the direct way, by turns, seconds.

    The median of the rounds' differences: the archive's own pauses of 0.2 s come a few times a minute, in the one
    way's rounds or the other's.
    """
    source = archive.Instances()
    found: dict[str, list[list[float]]] = {"direct": [], "tap": []}
    rounds = 16
    for number in range(rounds):
        ways = [("direct", direct), ("tap", through)]
        for name, target in ways if number % 2 else reversed(ways):
            made = source.make(max(1, int(rate * seconds / rounds / 2)))
            found[name].append(_open_loop(target, made, rate))
    rounds_p99 = {name: np.array([np.quantile(one, 0.99) for one in each]) for name, each in found.items()}
    added = rounds_p99["tap"] - rounds_p99["direct"]
    p99 = {name: float(np.median(each)) for name, each in rounds_p99.items()}
    p50 = {name: float(np.quantile(np.concatenate(each), 0.5)) for name, each in found.items()}
    for name in found:
        _say(f"  {name} at {rate:.0f}/s: p50 {p50[name]:.4f}, p99 {p99[name]:.4f} s")
    return {
        "name": "added_p99_seconds",
        "value": round(float(np.median(added)), 6),
        "unit": "s",
        "interval": _interval(added),
        "rate": round(rate, 1),
        "p99_seconds": p99,
        "p50_seconds": p50,
        "instances": sum(map(len, found["tap"])),
    }


def _open_loop(target: Target, made: list[Any], rate: float) -> list[float]:
    """Latencies from the intended begin, over four associations that take what is due."""
    begin, lock = time.perf_counter() + 0.1, threading.Lock()
    numbered = iter(enumerate(made))
    latencies: list[float] = []

    def work() -> None:
        with Scu(target, [(made[0].sop_class_uid, [made[0].transfer_syntax])]) as scu:
            while True:
                with lock:
                    number, one = next(numbered, (None, None))
                if one is None or number is None:
                    return
                due = begin + number / rate
                time.sleep(max(0.0, due - time.perf_counter()))
                try:
                    scu.store(one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax, one.buffers)
                except ScuError:
                    return
                latencies.append(time.perf_counter() - due)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return latencies


def against_sink(count: int) -> list[dict[str, Any]]:
    """CT-size stores to a sink: the tap's own processor seconds per GB, and how fast both ways are."""
    payload = memoryview(bytes(CT_BYTES))
    with sink() as port, tap("127.0.0.1", port) as relay:
        rates, used = {}, 0.0
        for name, at in (("direct", port), ("tap", relay.port)):
            target = Target("127.0.0.1", at, "SINK", "BENCH")
            before, begun = relay.processor_seconds(), time.perf_counter()
            with Scu(target, [(CT, ["1.2.840.10008.1.2.1"])]) as scu:
                for number in range(count):
                    scu.store(CT, f"1.2.3.{number + 1}", "1.2.840.10008.1.2.1", (payload,))
            rates[name] = count / (time.perf_counter() - begun)
            used = relay.processor_seconds() - before
        gigabytes = count * len(payload) / 1e9
        _say(f"  sink: direct {rates['direct']:.0f}/s, tap {rates['tap']:.0f}/s, {used / gigabytes:.3f} s/GB")
        return [
            {
                "name": "cpu_seconds_per_gb",
                "value": round(used / gigabytes, 4),
                "unit": "s/GB",
                "gigabytes": round(gigabytes, 2),
                "peer": "direct to the sink",
                "peer_value": round(rates["direct"], 1),
                "rate": round(rates["tap"], 1),
            }
        ]


def memory(count: int) -> list[dict[str, Any]]:
    """Resident memory of the tap over so many small stores, in bytes."""
    with sink() as port, tap("127.0.0.1", port) as relay:
        readings: list[int] = []

        def work(each: int) -> None:
            payload = (memoryview(bytes(128)),)
            with Scu(Target("127.0.0.1", relay.port, "SINK", "BENCH"), [(CT, ["1.2.840.10008.1.2.1"])]) as scu:
                for number in range(each):
                    scu.store(CT, f"1.2.3.{number + 1}", "1.2.840.10008.1.2.1", payload)

        rounds = 20
        for number in range(rounds):
            work(count // rounds)
            readings.append(relay.resident_bytes())
            if number % 5 == 4:
                _say(f"  {(number + 1) * count // rounds:,} transactions: {readings[-1] / 1e6:.1f} MB")
        settled = readings[rounds // 10]
        return [
            {
                "name": "resident_bytes_growth",
                "value": readings[-1] - settled,
                "unit": "bytes",
                "transactions": count,
                "resident_bytes": readings[-1],
            }
        ]


def _say(text: str) -> None:
    print(text, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """The command. 2 for bad input or nothing to measure, else 0; whether it is good enough is judged elsewhere."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench.tap",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--outputs", type=Path, help="JSON file of the environment's outputs; without: only the sink")
    parser.add_argument("--archive-port", type=int, default=4243, help="the archive's own DICOM port in its pod")
    parser.add_argument("--count", type=int, default=60, help="instances a round and way; three times as many over 16")
    parser.add_argument("--seconds", type=float, default=120.0, help="of the open-loop measurement")
    parser.add_argument("--transactions", type=int, default=1_000_000, help="small stores of the memory measurement")
    options = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    try:
        if options.outputs:
            rows += _deployed(options)
        rows += against_sink(6000)
        rows += memory(options.transactions)
    except (BenchError, OutputsError, ScuError) as error:
        print(f"bench-tap: {error}", file=sys.stderr)
        return 2
    path = Path("build/bench/tap.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"when": datetime.now(UTC).isoformat(timespec="seconds"), "figures": rows}, indent=1))
    for row in rows:
        ratio = "  ratio {ratio} (95 %: {ratio_interval[0]} to {ratio_interval[1]})" if "ratio" in row else ""
        _say(f"{row['name']:24} {row['value']} {row['unit']}{ratio.format(**row)}")
    return 0


def _deployed(options: argparse.Namespace) -> list[dict[str, Any]]:
    door = environments.load(options.outputs)
    namespace = json.loads(options.outputs.read_text())["namespace"]
    host, port = replica(namespace, options.archive_port)
    direct = Target(host, port, door.dicom.ae_title, door.dicom.calling_ae_title)
    with tap(host, port) as relay:
        through = Target("127.0.0.1", relay.port, door.dicom.ae_title, door.dicom.calling_ae_title)
        archive.store(direct, archive.Instances().make(64), 16)
        many = throughput(direct, through, 16, options.count * 3)
        one = throughput(direct, through, 1, options.count)
        return [one, many, added_latency(direct, through, many["peer_value"] * QUIET_RATE, options.seconds)]


if __name__ == "__main__":
    sys.exit(main())
