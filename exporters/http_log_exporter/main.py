"""The console script `http-log-exporter`."""

import argparse
import asyncio
import os
import re
import signal
import sys

import structlog
from aiohttp import web
from prometheus_client import generate_latest

from exporters import addresses, logs
from exporters.http_log_exporter.metrics import Metrics
from exporters.http_log_exporter.receiver import Dropped, Receiver, bound

ADDRESS = "[HOST]:PORT"


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; 0 then, 1 for an address that can't be had."""
    options = _parser().parse_args(arguments)
    logs.configure(options.log_level)
    try:
        asyncio.run(_serve(options, Metrics(options.operations, options.backends)))
    except OSError as error:
        print(f"http-log-exporter can't listen: {os.strerror(error.errno or 0)}", file=sys.stderr)
        return 1
    return 0


async def _serve(options: argparse.Namespace, metrics: Metrics) -> None:
    loop = asyncio.get_running_loop()
    lines = bound(*options.log_listen)
    loop.add_reader(lines, Receiver(lines, metrics.line).take)
    metrics.registry.register(Dropped(os.fstat(lines.fileno()).st_ino))
    runner = web.AppRunner(application(metrics), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, *options.web_listen).start()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        structlog.get_logger().info(
            "listening", log=list(lines.getsockname()), web=[list(one[:2]) for one in runner.addresses]
        )
        await stop.wait()
    finally:
        await runner.cleanup()
        loop.remove_reader(lines)
        lines.close()


def application(metrics: Metrics) -> web.Application:
    """`/metrics` and `/-/healthy`."""

    async def exposition(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(metrics.registry),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="Healthy\n")

    made = web.Application()
    made.router.add_get("/metrics", exposition)
    made.router.add_get("/-/healthy", healthy)
    return made


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
            raise argparse.ArgumentTypeError(f"{name!r} is no name: letters, digits, `_`, `.` and `-`, 64 at most")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "http-log-exporter",
        description="Take HAProxy's log by UDP, a line per HTTP transaction, and export durations and bytes per route.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    log = parser.add_argument_group("log")
    log.add_argument(
        "--log.listen-address", dest="log_listen", type=addresses.argument_ipv4, metavar=ADDRESS,
        default="127.0.0.1:9514",
        help="where HAProxy sends its lines (UDP, IPv4); port 0: any free one",
    )  # fmt: skip
    labels = parser.add_argument_group("labels")
    labels.add_argument(
        "--operations", type=_names, default=[], metavar="A,B", help="names of routes with series; others are `other`"
    )
    labels.add_argument(
        "--backends", type=_names, default=[], metavar="A,B", help="backends with series; others are `other`"
    )
    served = parser.add_argument_group("web")
    served.add_argument(
        "--web.listen-address", dest="web_listen", type=addresses.argument_ipv4, default=":9883", metavar=ADDRESS,
        help="/metrics and /-/healthy; port 0: any free one",
    )  # fmt: skip
    logs.add_option(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
