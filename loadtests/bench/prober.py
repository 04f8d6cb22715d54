"""`make bench-prober`: a thousand targets every 15 s from one exporter on one core, while a tenth of them hang.

The exporter has a processor to itself; targets and scraper share the others. Targets are ports of one light SCP in
a process of its own: of those that hang, one half takes the connection and says nothing, the other half accepts the
association and then says nothing. Scrapes are spread over the interval as Prometheus spreads them, with its time-out
in their header. A hung target has to be an answered scrape with `dicom_probe_success 0`. Writes
`build/bench/prober.json`.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import aiohttp
import numpy as np

from exporters.dimse import command, negotiate, uids
from exporters.dimse.association import Association
from exporters.dimse.errors import DimseError
from exporters.dimse.message import Message
from exporters.dimse.pdu import AssociateRequest, ReleaseRequest

INTERVAL = 15.0
TIMEOUT = 10.0
SUPPORTED = {uids.VERIFICATION: [uids.IMPLICIT_VR_LITTLE_ENDIAN]}
_SUCCESS = re.compile(r"^dicom_probe_success ([01])", re.MULTILINE)
_DURATION = re.compile(r"^dicom_probe_duration_seconds (\S+)", re.MULTILINE)


class BenchError(Exception):
    """There is nothing to measure; the message says what didn't work."""


class EchoScp(asyncio.Protocol):
    """Answers C-ECHO; `until` is how far it goes before it falls silent."""

    def __init__(self, until: str) -> None:
        self._until, self._association = until, Association.acceptor(max_data_set=0)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  (for the type checker: TCP)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        transport, association = self._transport, self._association
        if self._until == "connection" or transport is None:
            return
        try:
            association.feed(data)
            while (event := association.next_event()) is not None:
                if isinstance(event, AssociateRequest):
                    transport.write(association.accept_with(negotiate.answer(event, SUPPORTED)))
                elif isinstance(event, ReleaseRequest):
                    transport.write(association.release_reply())
                    transport.close()
                elif isinstance(event, Message) and self._until == "end":
                    answer = command.response(event.command, 0)
                    transport.write(b"".join(association.message(event.context_id, answer)))
        except DimseError:
            transport.abort()


async def serve(count: int, hung: int) -> None:
    """Listen on so many ports, the first of which hang; print them and serve until standard input ends."""
    loop = asyncio.get_running_loop()
    silent = ("connection", "association")
    servers = []
    for number in range(count):
        until = silent[number % 2] if number < hung else "end"
        servers.append(await loop.create_server(partial(EchoScp, until), "127.0.0.1", 0))
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def targets(count: int, hung: int) -> Iterator[list[int]]:
    """Their ports."""
    arguments = [sys.executable, "-m", "loadtests.bench.prober", "--serve", str(count), "--hung", str(hung)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101  (for the type checker)
            line = process.stdout.readline()
            if not line:
                raise BenchError("the targets did not start")
            yield json.loads(line)
        finally:
            process.kill()


class Exporter:
    """A dicom-exporter in a process of its own, on one processor."""

    def __init__(self, configuration: Path, processor: int) -> None:
        arguments = ["taskset", "-c", str(processor), sys.executable, "-m", "exporters.dicom_exporter.main"]
        arguments += ["--config.file", str(configuration), "--web.listen-address", "127.0.0.1:0"]
        self.process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None  # noqa: S101  (for the type checker)
        line = self.process.stderr.readline()
        try:
            self.address: str = json.loads(line)["addresses"][0]
        except (ValueError, KeyError):
            raise BenchError(f"the exporter does not start: {line.strip()}") from None
        self._logs = threading.Thread(target=self.process.stderr.read, daemon=True)
        self._logs.start()

    def stop(self) -> None:
        """Ask it to end, and see that it has."""
        self.process.terminate()
        self._logs.join(60)
        self.process.kill()
        with self.process:  # closes the pipe
            pass

    def processor_seconds(self) -> float:
        """User and system time until now."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes_peak(self) -> int:
        """The most memory that it has had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        return int(found[1]) * 1024 if found else 0


@contextmanager
def exporter(processor: int) -> Iterator[Exporter]:
    """One with a module `echo` that may go anywhere on the loopback."""
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder) / "prober.yaml"
        module = {"prober": "echo", "called_ae_title": "BENCH"}
        configuration.write_text(json.dumps({"targets": ["127.0.0.1:*"], "modules": {"echo": module}}))
        made = Exporter(configuration, processor)
        try:
            yield made
        finally:
            made.stop()


@dataclass
class Scrapes:
    """What has been seen."""

    count: int = 0
    errors: int = 0
    wrong: int = 0
    """Scrapes that said the contrary of how the target is."""
    probe_seconds: list[float] = field(default_factory=list)
    """Of targets that answer, as the exporter says."""
    scrape_seconds: list[float] = field(default_factory=list)
    """Of all targets, as the scraper sees them."""


async def scrape_all(address: str, ports: list[int], hung: int, rounds: int, seen: Scrapes) -> None:
    """Each target once an interval, evenly spread, those that hang among the others."""
    begun = perf_counter()

    async def follow(session: aiohttp.ClientSession, place: int, number: int) -> None:
        for one in range(rounds):
            due = begun + (one + place / len(ports)) * INTERVAL
            await asyncio.sleep(max(0.0, due - perf_counter()))
            await scrape(session, address, ports[number], number >= hung, seen)

    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session,
        asyncio.TaskGroup() as group,
    ):
        for place, number in enumerate(np.random.default_rng(7).permutation(len(ports)).tolist()):
            group.create_task(follow(session, place, number))


async def scrape(session: aiohttp.ClientSession, address: str, port: int, healthy: bool, seen: Scrapes) -> None:
    """One scrape as Prometheus does it."""
    began = perf_counter()
    seen.count += 1
    url = f"http://{address}/probe?target=127.0.0.1:{port}&module=echo"
    try:
        async with session.get(url, headers={"X-Prometheus-Scrape-Timeout-Seconds": f"{TIMEOUT}"}) as answer:
            text = await answer.text()
    except (aiohttp.ClientError, TimeoutError):
        seen.errors += 1
        return
    success, duration = _SUCCESS.search(text), _DURATION.search(text)
    if answer.status != 200 or success is None or duration is None:
        seen.errors += 1
        return
    seen.scrape_seconds.append(perf_counter() - began)
    seen.wrong += (success[1] == "1") is not healthy
    if healthy:
        seen.probe_seconds.append(float(duration[1]))


def measure(count: int, hung: int, rounds: int) -> dict[str, Any]:
    """The figures."""
    processors = sorted(os.sched_getaffinity(0))
    own, others = processors[0], processors[1:]
    if others:
        os.sched_setaffinity(0, others)  # the targets inherit it
    seen = Scrapes()
    with targets(count, hung) as ports, exporter(own) as prober:
        before, begun = prober.processor_seconds(), perf_counter()
        asyncio.run(scrape_all(prober.address, ports, hung, rounds, seen))
        seconds = perf_counter() - begun
        used, peak = prober.processor_seconds() - before, prober.resident_bytes_peak()
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "targets": count,
        "hung_targets": hung,
        "interval_seconds": INTERVAL,
        "scrape_timeout_seconds": TIMEOUT,
        "seconds": round(seconds, 1),
        "scrapes": seen.count,
        "scrape_errors": seen.errors,
        "wrong_results": seen.wrong,
        "rss_bytes_peak": peak,
        "cpu_seconds_per_second": round(used / seconds, 4),
        "probe_p50_seconds": round(float(np.quantile(seen.probe_seconds, 0.5)), 6),
        "probe_p99_seconds": round(float(np.quantile(seen.probe_seconds, 0.99)), 6),
        "scrape_max_seconds": round(max(seen.scrape_seconds), 3),
    }


def main(arguments: list[str] | None = None) -> int:
    """The command. 2 if there is nothing to measure, else 0; whether it is good enough is judged elsewhere."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench.prober",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--targets", type=int, default=1000, help="how many there are")
    parser.add_argument("--hung", type=int, default=100, help="how many of them hang")
    parser.add_argument("--rounds", type=int, default=8, help="scrapes of each target")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve is not None:
        with suppress(KeyboardInterrupt):
            asyncio.run(serve(options.serve, options.hung))
        return 0
    try:
        figures = measure(options.targets, options.hung, options.rounds)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2
    path = Path("build/bench/prober.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=1))
    for name, value in figures.items():
        print(f"{name:24} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
