"""A tap in front of a port of the loopback: in this process, or in one of its own."""

import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from exporters.dimse_tap.labels import AeTitles
from exporters.dimse_tap.metrics import Metrics
from exporters.dimse_tap.relay import Relay

END_SECONDS = 30


@dataclass(frozen=True)
class Tap:
    """Where it listens, and what it counts."""

    port: int
    metrics: Metrics
    relay: Relay

    def value(self, name: str, **labels: str) -> float:
        """The sample's value; 0 if there is none."""
        return self.metrics.registry.get_sample_value(f"dimse_tap_{name}", labels) or 0.0

    def total(self, name: str, **labels: str) -> float:
        """The sum over all samples of that name which have these labels."""
        return _total(self.metrics.registry.collect(), name, labels)


@dataclass(frozen=True)
class TapProcess:
    """The command, as a replica's pod runs it."""

    port: int
    web: str

    def total(self, name: str, **labels: str) -> float:
        """The sum over all samples of that name which have these labels."""
        with urllib.request.urlopen(f"{self.web}/metrics", timeout=10) as answer:  # noqa: S310 (our own process)
            return _total(text_string_to_metric_families(answer.read().decode()), name, labels)


def _total(families: Iterable[Metric], name: str, labels: dict[str, str]) -> float:
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == f"dimse_tap_{name}" and labels.items() <= sample.labels.items()
    )


@contextmanager
def tap(to: int, **options: Any) -> Iterator[Tap]:
    """Relays to that port; `options` are `Relay`'s. On leaving, what is still open is cut."""
    metrics = Metrics(AeTitles(options.pop("known", ())))
    relay = Relay(("127.0.0.1", 0), ("127.0.0.1", to), metrics, **options)
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        yield Tap(relay.address[1], metrics, relay)
    finally:
        relay.leave()
        relay.leave()
        thread.join(END_SECONDS)
        assert not thread.is_alive()


@contextmanager
def tap_process(to: int) -> Iterator[TapProcess]:
    """Relays to that port until left."""
    command = [sys.executable, "-m", "exporters.dimse_tap.main", "--listen", "127.0.0.1:0", "--drain-seconds", "0"]
    command += ["--web.listen-address", "127.0.0.1:0", "--to", f"127.0.0.1:{to}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = json.loads(process.stderr.readline())
        try:
            yield TapProcess(said["listen"][1], "http://{}:{}".format(*said["web"]))
        finally:
            process.terminate()
            process.communicate(timeout=END_SECONDS)
