"""One probe, as the tests of the probers make it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from exporters.dicom_exporter.config import Config
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.runner import Runner
from exporters.dicom_exporter.target import Target
from tests.integration.exporters.odd_scp import Behaviour, odd_scp

RECEIVER = {"listen_address": "127.0.0.1:0", "ae_title": "PROBE_SCP"}


def config(module: Mapping[str, Any], receiver_port: int = 0) -> Config:
    """With this module, named `probe`."""
    receiver = RECEIVER | {"listen_address": f"127.0.0.1:{receiver_port}"}
    return Config.model_validate({"targets": ["*"], "receiver": receiver, "modules": {"probe": module}})


def probed(
    port: int,
    module: Mapping[str, Any],
    seconds: float = 20.0,
    *,
    listening: Callable[[int], Awaitable[None]] | None = None,
    receiver_port: int = 0,
) -> Probe:
    """One probe in an event loop of its own.

    With a port, or with `listening`, which is told the port before, the prober's own SCP listens.
    """

    async def run() -> Probe:
        runner = Runner(config(module, receiver_port))
        try:
            if listening is not None or receiver_port:
                await runner.receiver.listen(runner.config.receiver)
            if listening is not None:
                await listening(runner.receiver.port)
            return await runner.probe(Target("127.0.0.1", port), "probe", seconds)
        finally:
            await runner.close()

    return asyncio.run(run())


def probed_oddly(
    behaviour: Behaviour, module: Mapping[str, Any], seconds: float = 20.0, *, listen: bool = False
) -> Probe:
    """One probe of a peer that behaves so; `listen`: with the prober's own SCP."""

    async def run() -> Probe:
        async with odd_scp(behaviour) as scp:
            runner = Runner(config(module))
            if listen:
                await runner.receiver.listen(runner.config.receiver)
            try:
                return await runner.probe(Target("127.0.0.1", scp.port), "probe", seconds)
            finally:
                await runner.close()

    return asyncio.run(run())


def reason(done: Probe) -> object:
    """Why it failed, from its log."""
    return done.log[-1][2].get("reason")


def value(done: Probe, series: str) -> float:
    """Of a series in its exposition."""
    (line,) = [line for line in done.exposition().decode().splitlines() if line.startswith(f"{series} ")]
    return float(line.rsplit(" ", 1)[1])
