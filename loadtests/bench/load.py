"""`make bench-load`: the generator beside dcmtk's storescu and dcmsend and pynetdicom, in one run.

Against dcmtk's storescp and against a sink, small (10 KB) and CT-size (525 KB) instances, 1, 4 and 16 associations.
Instances are read before the clock starts, or lie in memory as files; each peer's start-up is measured with one
instance an association and subtracted; TCP_NODELAY is set for every one. Writes `build/bench/load.json`.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadtests.bench import instances
from loadtests.bench.senders import BIN, ENVIRONMENT, SENDERS, BenchError, Figure, Files, measure
from loadtests.bench.sink import sink

ROUNDS = 3  # the senders take turns, so that a machine that changes its mind changes it for all
ASSOCIATIONS = (1, 4, 16)
_START_SECONDS = 30.0

Case = tuple[str, str, int]
"""Target, size and associations."""


@contextmanager
def storescp() -> Iterator[int]:
    """dcmtk's, which throws away what it receives; its port on the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(BIN / "storescp"), "--ignore", "--fork", "-pdu", "131072", "+xa", str(port)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=ENVIRONMENT) as process:
        try:
            until = time.monotonic() + _START_SECONDS
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > until:
                    raise BenchError(f"storescp does not listen on port {port}")
            yield port
        finally:
            process.terminate()


def run(
    count: int,
    rounds: int,
    sizes: Sequence[str],
    numbers: Sequence[int],
    lean: Path | None,
    other_sink: int | None,
) -> list[dict[str, Any]]:
    """All figures, as rows; with progress."""
    home = Path(tempfile.mkdtemp(prefix="bench-load-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))  # noqa: S108
    each = -(-count // rounds)
    senders = [one for one in SENDERS if one != "lean" or lean]
    try:
        rows: list[dict[str, Any]] = []
        for size in sizes:
            written = instances.write(home / size, instances.SIZES[size], each)
            files = Files(home / size, written)
            for target in ("sink", "storescp"):
                at: AbstractContextManager[int] = storescp()
                if target == "sink":
                    at = sink() if other_sink is None else nullcontext(other_sink)
                with at as port:
                    for number in numbers:
                        figures = {sender: Figure() for sender in senders}
                        for turn in range(rounds):
                            for sender in (*senders[turn:], *senders[:turn]):
                                figures[sender].add(measure(sender, port, files, each, number, lean))
                            _say(f"{target}, {size}, {number} associations: round {turn + 1} of {rounds}")
                        rows += _rows((target, size, number), figures, written)
            for folder in home.iterdir():
                shutil.rmtree(folder)
        return rows
    finally:
        shutil.rmtree(home)


def _rows(case: Case, figures: dict[str, Figure], size: int) -> list[dict[str, Any]]:
    """Of one case; `ratio` is ours to the sender's."""
    own, rows = figures["ours"].rate, []
    for sender, figure in figures.items():
        rate = figure.rate
        target, name, associations = case
        row = {
            "name": f"{target} {name} {associations}",
            "target": target,
            "size": name,
            "instance_bytes": size,
            "associations": associations,
            "peer": sender,
            "unit": "instances/s",
            "value": rate and round(rate, 1),
            "ratio": round(own / rate, 3) if own and rate else None,
            "megabytes_per_second": rate and round(rate * size / 1e6, 1),
            "processor_seconds_per_thousand": round(figure.processor_seconds * 1000 / figure.instances, 4),
            "instances": figure.instances,
            "startup_seconds": round(figure.startup_seconds, 3),
        }
        rows.append(row)
        _say(
            f"  {sender:10} {row['value'] or '-':>9} instances/s  {row['megabytes_per_second'] or '-':>7} MB/s  "
            f"{row['processor_seconds_per_thousand']:.3f} processor s per 1,000"
            + (f"  (ours: {row['ratio']} times as many)" if sender != "ours" and row["ratio"] else "")
        )
    return rows


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True


def _say(text: str) -> None:
    print(text, flush=True)


def _loopback_port(text: str) -> int:
    host, _, port = text.rpartition(":")
    if host not in ("127.0.0.1", "localhost") or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text}: a sink is named as 127.0.0.1:PORT; load is not sent elsewhere")
    return int(port)


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns 2 where nothing could be measured; whether the figures are good is judged elsewhere."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench.load",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--instances", type=int, default=10_000, help="instances a figure, of all rounds together")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="turns that the senders take")
    parser.add_argument("--sizes", nargs="+", choices=list(instances.SIZES), default=list(instances.SIZES))
    parser.add_argument("--associations", nargs="+", type=int, default=list(ASSOCIATIONS), help="at a time")
    parser.add_argument("--sink", type=_loopback_port, help="another sink than the own one, as 127.0.0.1:PORT")
    parser.add_argument(
        "--lean",
        type=Path,
        default=os.environ.get("VNAOPS_LEAN_SCU"),
        help="script with a prototype (class SCU), measured too; also VNAOPS_LEAN_SCU",
    )
    parser.add_argument("--output", type=Path, default=Path("build/bench/load.json"), help="where the figures go")
    options = parser.parse_args(arguments)
    if options.lean and not options.lean.is_file():
        parser.error(f"--lean {options.lean}: there is no such file")
    # start-up is subtracted, so that each association needs more than the one instance that it is measured with
    if options.rounds < 1 or options.instances < 2 * options.rounds * max(options.associations):
        parser.error("--instances must be at least twice the rounds times the associations")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that gigabytes of files don't stay in memory
    begun, started = time.monotonic(), datetime.now(UTC)
    try:
        rows = run(options.instances, options.rounds, options.sizes, options.associations, options.lean, options.sink)
    except BenchError as error:
        print(f"bench-load: {error}", file=sys.stderr)
        return 2
    options.output.parent.mkdir(parents=True, exist_ok=True)
    figures = {
        "begun": f"{started:%Y-%m-%dT%H:%M:%SZ}",
        "seconds": round(time.monotonic() - begun, 1),
        "rounds": options.rounds,
        "processors": os.cpu_count(),
        "sink": "own" if options.sink is None else f"127.0.0.1:{options.sink}",
        "figures": rows,
    }
    options.output.write_text(json.dumps(figures, indent=1) + "\n")
    _say(f"written to {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
