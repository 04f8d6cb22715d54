"""The console script `dicom-exporter`."""

import argparse
import asyncio
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import structlog
from aiohttp import web

from exporters import addresses, logs
from exporters.dicom_exporter import config
from exporters.dicom_exporter.handler import application
from exporters.dicom_exporter.outcome import os_words
from exporters.dicom_exporter.reload import Reloader
from exporters.dicom_exporter.runner import Runner
from exporters.dicom_exporter.target import Target

RESOLVERS = 64


def main(arguments: list[str] | None = None) -> int:
    """Run the exporter until SIGTERM or SIGINT; 0 then, 1 for a bad configuration or an address that can't be had."""
    options = _parser().parse_args(arguments)
    try:
        loaded = config.load(options.config_file)
    except config.ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    if options.config_check:
        print(f"{options.config_file}: {len(loaded.modules)} modules, {len(loaded.targets)} targets: correct")
        return 0
    logs.configure(options.log_level)
    host, port = options.listen_address
    try:
        asyncio.run(_serve(options.config_file, Runner(loaded), host, port, options.timeout_offset))
    except config.ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"--web.listen-address {host or ''}:{port} can't be listened on: {os_words(error)}", file=sys.stderr)
        return 1
    return 0


async def _serve(path: Path, runner: Runner, host: str | None, port: int, timeout_offset: float) -> None:
    reloader, loop = Reloader(path, runner), asyncio.get_running_loop()
    # a resolver can't be interrupted: names that hang must not keep the others waiting
    loop.set_default_executor(ThreadPoolExecutor(RESOLVERS, "resolver"))
    await reloader.use(runner.config)
    app = application(runner, timeout_offset, reloader.reload)
    # A probe ends within its scrape: nothing is worth waiting for longer.
    web_runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await web_runner.setup()
    try:
        await web.TCPSite(web_runner, host, port).start()
        stop, again = asyncio.Event(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, again.set)
        log = structlog.get_logger()
        log.info("listening", addresses=[str(Target(*address[:2])) for address in web_runner.addresses])
        reloading = loop.create_task(_reload_when(again, reloader))
        await stop.wait()
        reloading.cancel()
        log.info("stopping")
    finally:
        await web_runner.cleanup()


async def _reload_when(asked: asyncio.Event, reloader: Reloader) -> None:
    while True:
        await asked.wait()
        asked.clear()
        with suppress(config.ConfigError):  # it is logged
            await reloader.reload()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to 60")
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "dicom-exporter",
        description="Probe DICOM application entities for Prometheus: /probe?target=HOST:PORT&module=NAME",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    files = parser.add_argument_group("configuration")
    files.add_argument("--config.file", dest="config_file", type=Path, required=True, metavar="FILE", help="YAML file")
    files.add_argument("--config.check", dest="config_check", action="store_true", help="check the file and end")
    web_options = parser.add_argument_group("web")
    web_options.add_argument(
        "--web.listen-address",
        dest="listen_address",
        type=addresses.argument,
        default=":9880",
        metavar="[HOST]:PORT",
        help="where to listen; port 0: any free one",
    )
    web_options.add_argument(
        "--timeout-offset",
        dest="timeout_offset",
        type=_seconds,
        default=1.0,  # blackbox_exporter's 0.5 was too late for 17 scrapes of 8,000 on an overloaded machine
        metavar="SECONDS",
        help="how much earlier than the scrape's time-out a probe ends",
    )
    logs.add_option(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
