"""What the generator could send from here: its engine against a sink on the same machine, a few seconds long.

Printed with every campaign; a result near it says as much of the generator as of the archive.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from exporters.dimse import uids
from loadtests.bench.sink import sink
from loadtests.engine.scu import Scu, Target

CT_SIZE = 525_000
_CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
_LEAST = 256  # bytes of an instance's data set that are its own
_START_SECONDS = 30.0


@dataclass(slots=True, frozen=True)
class Calibration:
    """Rates of all processes together; processor seconds are the senders', per 1,000 instances."""

    instances_per_second: float
    megabytes_per_second: float
    processor_seconds_per_thousand: float
    seconds: float
    associations: int
    processes: int

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


def calibrate(
    seconds: float = 3.0, *, sizes: Sequence[int] = (CT_SIZE,), associations: int = 4, processes: int = 1
) -> Calibration:
    """Send instances of these sizes (bytes), in turn, over so many associations of each of so many processes.

    The senders are processes of their own, under gevent as campaigns are; this one only waits.

    Raises:
        ValueError: there is no size, association or process.
        RuntimeError: a sender ended with an error, or took far too long.
    """
    if not sizes or associations < 1 or processes < 1 or seconds <= 0:
        raise ValueError("a calibration needs sizes, associations, processes and seconds")
    with sink() as port:
        command = [sys.executable, "-m", "loadtests.calibration", "--port", str(port), "--seconds", str(seconds)]
        command += ["--associations", str(associations), "--sizes", ",".join(map(str, sizes))]
        senders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
        try:
            sent = [_result(sender, seconds) for sender in senders]
        finally:
            for sender in senders:
                sender.kill()
                sender.wait()
                if sender.stdout:
                    sender.stdout.close()
    instances = sum(one["instances"] for one in sent)
    return Calibration(
        instances_per_second=sum(one["instances"] / one["seconds"] for one in sent),
        megabytes_per_second=sum(one["bytes"] / one["seconds"] for one in sent) / 1e6,
        processor_seconds_per_thousand=1000 * sum(one["processor_seconds"] for one in sent) / instances,
        seconds=seconds,
        associations=associations * processes,
        processes=processes,
    )


def _result(sender: "subprocess.Popen[str]", seconds: float) -> dict[str, Any]:
    try:
        said, _ = sender.communicate(timeout=seconds + _START_SECONDS)
    except subprocess.TimeoutExpired:
        raise RuntimeError("the calibration's sender does not end") from None
    if sender.returncode:
        raise RuntimeError(f"the calibration's sender ended with exit code {sender.returncode}")
    result: dict[str, Any] = json.loads(said)
    return result


def _send(port: int, sizes: Sequence[int], associations: int, seconds: float) -> dict[str, float]:
    import gevent

    body, sent, size_sent = memoryview(bytes(max(sizes))), 0, 0
    heads = [bytes(min(_LEAST, size)) for size in sizes]
    bodies = [body[: size - len(head)] for size, head in zip(sizes, heads, strict=True)]

    def run(scu: Scu) -> None:
        nonlocal sent, size_sent
        uid = uids.new_uid()
        with scu:
            while True:
                for size, head, rest in zip(sizes, heads, bodies, strict=True):
                    if time.perf_counter() >= end:
                        return
                    scu.store(_CT_IMAGE_STORAGE, uid, uids.EXPLICIT_VR_LITTLE_ENDIAN, (bytearray(head), rest))
                    sent += 1
                    size_sent += size

    contexts = [(_CT_IMAGE_STORAGE, [uids.EXPLICIT_VR_LITTLE_ENDIAN])]
    opened = [Scu(Target("127.0.0.1", port, "SINK"), contexts) for _ in range(associations)]
    used, begun = time.process_time(), time.perf_counter()
    end = begun + seconds
    gevent.joinall([gevent.spawn(run, scu) for scu in opened], raise_error=True)
    return {
        "instances": sent,
        "bytes": size_sent,
        "seconds": time.perf_counter() - begun,
        "processor_seconds": time.process_time() - used,
    }


def main() -> int:
    """A sender."""
    from gevent import monkey

    monkey.patch_all(ssl=False)  # imported already, and not used
    parser = argparse.ArgumentParser(prog="python -m loadtests.calibration", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="of a sink on the loopback")
    parser.add_argument("--sizes", required=True, help="bytes of the instances, with commas between")
    parser.add_argument("--associations", type=int, default=4, help="at a time (%(default)s)")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long (%(default)s)")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    print(json.dumps(_send(options.port, sizes, options.associations, options.seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
