"""`make bench-associations`: a thousand associations at a time from one process against a sink. Is any one starved?

Every association sends small instances one after the other, all for the same time; how many each one got through is
what is compared. Writes `build/bench/associations.json`.
"""

from gevent import monkey

monkey.patch_all(ssl=False)

import argparse  # noqa: E402  (sockets must be patched before they are imported)
import json  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
import gevent.lock  # noqa: E402
import numpy as np  # noqa: E402
from gevent.event import Event  # noqa: E402

from exporters.dimse import uids  # noqa: E402
from loadtests.bench.sink import sink  # noqa: E402
from loadtests.engine.scu import Scu, Target  # noqa: E402

SIZE = 10_240
_OPENING = 64  # at a time, as a listener's backlog is finite
_CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"


def run(port: int, associations: int, seconds: float) -> dict[str, Any]:
    """Figures of so many associations at a time for so long. Raises ScuError if one of them fails."""
    target = Target("127.0.0.1", port, "SINK", connect_timeout=60.0, association_timeout=60.0, answer_timeout=60.0)
    syntax, data_set, begin = uids.EXPLICIT_VR_LITTLE_ENDIAN, (bytes(SIZE),), Event()
    opening, end = gevent.lock.BoundedSemaphore(_OPENING), float("inf")
    opened = 0

    def associate() -> list[float]:
        nonlocal opened
        latencies, uid = [], uids.new_uid()
        with opening:
            scu = Scu(target, [(_CT_IMAGE_STORAGE, [syntax])])
        with scu:
            opened += 1
            begin.wait()
            while time.monotonic() < end:
                latencies.append(scu.store(_CT_IMAGE_STORAGE, uid, syntax, data_set).seconds)
        return latencies

    begun = time.monotonic()
    running = [gevent.spawn(associate) for _ in range(associations)]
    while opened < associations:
        gevent.joinall([one for one in running if one.ready()], raise_error=True)
        gevent.sleep(0.05)
    _say(f"{associations} associations are open after {time.monotonic() - begun:.1f} s")
    opened_after, used, started = time.monotonic() - begun, time.process_time(), time.monotonic()
    end = started + seconds
    begin.set()
    gevent.joinall(running, raise_error=True)
    took, used = time.monotonic() - started, time.process_time() - used
    latencies = [one.value for one in running]
    counts = np.array([len(one) for one in latencies])
    # an association's speed is its seconds per instance: the slowest one's over the median's
    slowness = took / np.maximum(counts, 1e-9)
    p50, p99 = np.quantile(np.concatenate([np.asarray(one) for one in latencies]), (0.5, 0.99)).tolist()
    return {
        "associations": associations,
        "open_seconds": opened_after,
        "seconds": took,
        "instances": int(counts.sum()),
        "instances_per_second": float(counts.sum() / took),
        "processor_seconds_per_thousand": used * 1000 / int(counts.sum()),
        "slowest_over_median": float(slowness.max() / np.median(slowness)),
        "instances_of_the_slowest": int(counts.min()),
        "instances_of_the_median": float(np.median(counts)),
        "p50_seconds": p50,
        "p99_seconds": p99,
        "rss_peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def main(arguments: list[str] | None = None) -> int:
    """The command. Whether the figures are good enough is judged elsewhere."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench.associations",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--associations", type=int, default=1000, help="at a time")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long they send")
    parser.add_argument("--output", type=Path, default=Path("build/bench/associations.json"), help="for the figures")
    options = parser.parse_args(arguments)
    _allow_files(2 * options.associations + 256)
    with sink() as port:
        figures = run(port, options.associations, options.seconds)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(figures, indent=1) + "\n")
    for name, value in figures.items():
        _say(f"{name:32} {value:,.6g}")
    _say(f"written to {options.output}")
    return 0


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard) if hard > 0 else count, hard))


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
