"""Runs probes: one at a time per target and module, so many in all, none past its deadline, each to an outcome."""

import asyncio

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from exporters.dicom_exporter.config import Config
from exporters.dicom_exporter.outcome import Outcome, ProbeError, of_os_error, os_words
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.prober import PROBERS, phases_of
from exporters.dicom_exporter.receiver import Receiver
from exporters.dicom_exporter.target import Target
from exporters.dimse.errors import ProtocolError, UsageError

_Key = tuple[Target, str]


class BusyError(Exception):
    """As many probes run as the configuration allows."""


class Runner:
    """Probes by the configuration; `registry` has the exporter's own metrics."""

    def __init__(self, config: Config) -> None:
        self.registry = CollectorRegistry()
        self.receiver = Receiver()
        ProcessCollector(registry=self.registry)
        self._probes = Counter(
            "dicom_exporter_probes", "Probes by what they came to", ["module", "result"], registry=self.registry
        )
        self._in_flight = Gauge("dicom_exporter_probes_in_flight", "Probes that run now", registry=self.registry)
        text = "Probes that were not begun, since as many ran as the configuration allows"
        self._refused = Counter("dicom_exporter_probes_refused", text, registry=self.registry)
        self._running: dict[_Key, asyncio.Task[Probe]] = {}
        self.use(config)

    def use(self, config: Config) -> None:
        """Probe by this configuration from now on; what runs ends by the one it began with."""
        self.config = config
        for module in config.modules:
            for outcome in Outcome:
                self._probes.labels(module, outcome.value)

    async def probe(self, target: Target, module_name: str, seconds: float) -> Probe:
        """Probe the target within so many seconds; who asks for what runs already is given that one's result.

        Raises:
            BusyError: too many run.
        """
        key = (target, module_name)
        task = self._running.get(key)
        if task is not None:
            return await self._share(task, key, seconds)
        limit = self.config.limits.concurrent_probes
        if len(self._running) >= limit:
            self._refused.inc()
            raise BusyError(f"{limit} probes run already, which is limits.concurrent_probes of the configuration")
        task = asyncio.create_task(self._probe(target, module_name, seconds))
        self._running[key] = task
        task.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Cancel what runs."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.receiver.close()

    async def _share(self, task: "asyncio.Task[Probe]", key: _Key, seconds: float) -> Probe:
        """The result of a probe that runs already; one's own deadline may come before that one's."""
        try:
            async with asyncio.timeout(min(seconds, self.config.module_for(key[1], str(key[0])).timeout_seconds)):
                return await asyncio.shield(task)
        except TimeoutError:
            target, module = key
            probe = Probe((), structlog.get_logger().bind(target=str(target), module=module))
            words = f"the probe that runs already has not ended within {seconds:g} s"
            probe.end(ProbeError(Outcome.TIMED_OUT, words))
            return probe

    async def _probe(self, target: Target, module_name: str, seconds: float) -> Probe:
        module = self.config.module_for(module_name, str(target))
        prober = PROBERS[module.prober]
        logger: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(
            target=str(target), module=module_name
        )
        probe = Probe(phases_of(module), logger)
        seconds = min(seconds, module.timeout_seconds)
        probe.say("probe begins", deadline_seconds=round(seconds, 3))
        with self._in_flight.track_inprogress():
            try:
                async with asyncio.timeout(seconds) as deadline:
                    await prober.run(target, module, probe, self.receiver)
            except ProbeError as error:
                probe.end(error)
            except ProtocolError as error:
                probe.end(ProbeError(Outcome.PROTOCOL_VIOLATION, str(error)))
            except OSError as error:
                words = f"the deadline of {seconds:g} s has passed" if deadline.expired() else os_words(error)
                probe.end(ProbeError(of_os_error(error), words))
            except UsageError as error:  # a peer so odd that nothing valid can be sent to it
                probe.end(ProbeError(Outcome.PROTOCOL_VIOLATION, str(error)))
            except Exception as error:
                logger.exception("a defect of the exporter")
                probe.end(ProbeError(Outcome.INTERNAL_ERROR, f"{type(error).__name__} in the exporter"))
            else:
                probe.end()
        self._probes.labels(module_name, probe.outcome.value).inc()
        return probe
