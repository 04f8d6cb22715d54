"""`make bench-soak`: an hour of C-STORE at half the knee against the sink. Does memory grow, does the rate drift?

Instances are made, patched and sent as campaigns do it, on an open schedule, by this process, under gevent. A line a
minute; `build/bench/soak.json` is written as often, so that a run that is cut says what it saw.
"""

from gevent import monkey

monkey.patch_all(ssl=False)

import argparse  # noqa: E402  (sockets must be patched before they are imported)
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from dataclasses import asdict, dataclass  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
import numpy as np  # noqa: E402

from loadtests.bench.sink import sink  # noqa: E402
from loadtests.engine.scu import Scu, Target  # noqa: E402
from loadtests.profiles.catalogue import profile  # noqa: E402
from loadtests.profiles.instance import Instance  # noqa: E402
from loadtests.profiles.study import Study  # noqa: E402

KNEE_SECONDS = 10.0
PER_STUDY = 300
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Window:
    """What one window of time (a minute, or a twentieth of a shorter run) has seen."""

    seconds: float
    instances: int
    rate: float
    offered: float
    p50_seconds: float
    p99_seconds: float
    rss_bytes: int
    processor_share: float
    """Of one core, of this process."""


class Load:
    """Associations that share a schedule: `rate` instances/s, or as many as go (None)."""

    def __init__(self, port: int, rate: float | None, associations: int) -> None:
        self._target, self._rate = Target("127.0.0.1", port, "SINK"), rate
        self._instances = _instances()
        self._sent = 0
        self._latencies: list[float] = []
        self._until = float("inf")
        self.begun = time.monotonic()
        self._running = [gevent.spawn(self._run) for _ in range(associations)]

    def taken(self) -> list[float]:
        """Latencies from the intended begin, in seconds, of what has ended since this was last asked."""
        latencies, self._latencies = self._latencies, []
        return latencies

    def stop(self) -> None:
        """End after the instances that are under way. Raises ScuError if an association has failed."""
        self._until = 0.0
        gevent.joinall(self._running, raise_error=True)

    def check(self) -> None:
        """Raises ScuError if an association has failed."""
        gevent.joinall([one for one in self._running if one.ready()], raise_error=True)

    def _run(self) -> None:
        instance = next(self._instances)
        with Scu(self._target, [(instance.sop_class_uid, [instance.transfer_syntax])]) as scu:
            while (intended := self._next()) < self._until:
                if (early := intended - time.monotonic()) > 0:
                    gevent.sleep(early)
                scu.store(instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax, instance.buffers)
                self._latencies.append(time.monotonic() - intended)
                instance = next(self._instances)

    def _next(self) -> float:
        """When the next instance is to begin."""
        if self._rate is None:
            return time.monotonic()
        self._sent += 1
        return self.begun + self._sent / self._rate


def _instances() -> Iterator[Instance]:
    ct, number = profile("ct", 1), 0
    while True:
        number += 1
        yield from Study(ct, "soak", number, PER_STUDY, datetime.now(UTC)).instances()


def knee(port: int, associations: int, seconds: float = KNEE_SECONDS) -> float:
    """Instances/s that go at most: there the rate leaves what is offered."""
    load = Load(port, None, associations)
    gevent.sleep(seconds / 5)
    load.taken()
    begun = time.monotonic()
    gevent.sleep(seconds * 4 / 5)
    rate = len(load.taken()) / (time.monotonic() - begun)
    load.stop()
    return rate


def soak(port: int, rate: float, associations: int, seconds: float, each: float) -> Iterator[Window]:
    """Load for so long; a window each so many seconds."""
    load = Load(port, rate, associations)
    begun, used = load.begun, time.process_time()
    for number in range(1, max(1, round(seconds / each)) + 1):
        gevent.sleep(load.begun + number * each - time.monotonic())
        load.check()
        latencies, now, used_now = load.taken(), time.monotonic(), time.process_time()
        p50, p99 = np.quantile(latencies, (0.5, 0.99)).tolist() if latencies else (float("nan"),) * 2
        share = (used_now - used) / (now - begun)
        yield Window(now - begun, len(latencies), len(latencies) / (now - begun), rate, p50, p99, rss_bytes(), share)
        begun, used = now, used_now
    load.stop()


def rss_bytes() -> int:
    """This process's resident memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def judged(windows: list[Window]) -> dict[str, Any]:
    """Drift of the rate and growth of memory between the first and the last fifth, the first window left out.

    Ratios: 0.01 is one percent. `largest_rate_deviation` is of a window from what was offered.
    """
    rates = np.array([one.rate for one in windows[1:]] or [one.rate for one in windows])
    memory = np.array([one.rss_bytes for one in windows[1:]] or [one.rss_bytes for one in windows], dtype=float)
    fifth = max(1, len(rates) // 5)
    offered = windows[0].offered

    def change(values: "np.ndarray[Any, np.dtype[np.float64]]") -> float:
        return float(values[-fifth:].mean() / values[:fifth].mean() - 1)

    return {
        "rate_drift": change(rates),
        "largest_rate_deviation": float(np.abs(rates / offered - 1).max()),
        "rss_growth": change(memory),
        "rss_first_bytes": int(memory[0]),
        "rss_last_bytes": int(memory[-1]),
    }


def main(arguments: list[str] | None = None) -> int:
    """The command. Whether the figures are good enough is judged elsewhere."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench.soak",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=3600.0, help="how long")
    parser.add_argument("--rate", type=float, help="instances/s at most, where half the knee is more than wanted")
    parser.add_argument("--associations", type=int, default=16, help="at a time")
    parser.add_argument("--output", type=Path, default=Path("build/bench/soak.json"), help="where the figures go")
    options = parser.parse_args(arguments)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    windows: list[Window] = []
    with sink() as port:
        highest = knee(port, options.associations, min(KNEE_SECONDS, options.seconds))
        rate = min(highest / 2, options.rate or float("inf"))
        size = next(_instances()).size
        _say(
            f"the knee is at {highest:.0f} instances/s; {options.seconds:.0f} s at {rate:.0f}/s "
            f"({rate * size / 1e6:.0f} MB/s) over {options.associations} associations"
        )
        settings = {
            "knee_instances_per_second": highest,
            "offered_instances_per_second": rate,
            "instance_bytes": size,
            "associations": options.associations,
            "seconds": options.seconds,
            "begun": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }
        each = min(60.0, options.seconds / 20)
        for window in soak(port, rate, options.associations, options.seconds, each):
            windows.append(window)
            verdict = judged(windows)
            done = len(windows) * each >= options.seconds - each / 2
            _write(options.output, {**settings, "finished": done, **verdict, "windows": [asdict(w) for w in windows]})
            _say(
                f"{len(windows) * each:5.0f} s: {window.rate:.2f}/s of {rate:.2f}/s, p50 {window.p50_seconds * 1e3:.2f}"
                f" ms, p99 {window.p99_seconds * 1e3:.2f} ms, RSS {window.rss_bytes / 1e6:.1f} MB, "
                f"processor {window.processor_share:.0%}; drift {verdict['rate_drift']:+.3%}, "
                f"memory {verdict['rss_growth']:+.2%}"
            )
    _say(f"written to {options.output}")
    return 0


def _write(path: Path, figures: dict[str, Any]) -> None:
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(figures, indent=1) + "\n")
    beside.replace(path)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
