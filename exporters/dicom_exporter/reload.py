"""Reads the configuration anew while the exporter runs; a bad one leaves the old one in force."""

import asyncio
from pathlib import Path

import structlog
from prometheus_client import Gauge

from exporters.dicom_exporter import config
from exporters.dicom_exporter.config import Config, ConfigError
from exporters.dicom_exporter.outcome import os_words
from exporters.dicom_exporter.runner import Runner


class Reloader:
    """For the file that the runner's configuration came from."""

    def __init__(self, path: Path, runner: Runner) -> None:
        self._path, self._runner = path, runner
        self._one_at_a_time = asyncio.Lock()
        name = "dicom_exporter_config_last_reload"
        text = "Whether the configuration was read well when that was last tried"
        self._successful = Gauge(f"{name}_successful", text, registry=runner.registry)
        text = "When the configuration was last read well, in seconds since the epoch"
        self._when = Gauge(f"{name}_success_timestamp_seconds", text, registry=runner.registry)

    async def use(self, loaded: Config) -> None:
        """Put a configuration in force. Raises ConfigError if the receiver can't listen; all stays as it was then."""
        await self._receive(loaded)
        self._runner.use(loaded)
        self._successful.set(1)
        self._when.set_to_current_time()

    async def reload(self) -> None:
        """Use the file as it is now. Raises ConfigError if that can't be; all stays as it was then."""
        log = structlog.get_logger()
        try:
            async with self._one_at_a_time:
                loaded = config.load(self._path)
                await self.use(loaded)
        except ConfigError as error:
            self._successful.set(0)
            log.error("configuration refused", reason=str(error))
            raise
        log.info("configuration in force", modules=len(loaded.modules), targets=len(loaded.targets))

    async def _receive(self, loaded: Config) -> None:
        try:
            await self._runner.receiver.listen(loaded.receiver)
        except OSError as error:
            address = loaded.receiver.listen_address if loaded.receiver else ""
            words = f"{self._path}: receiver.listen_address: {address} can't be listened on: {os_words(error)}"
            raise ConfigError(words) from None
