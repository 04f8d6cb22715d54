"""A tap in this process, in front of a port of the loopback."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

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
        return sum(
            sample.value
            for family in self.metrics.registry.collect()
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
