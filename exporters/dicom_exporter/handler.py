"""HTTP: `/probe`, `/metrics`, `/-/healthy`, `/-/reload`."""

import math
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import generate_latest

from exporters.dicom_exporter.config import ConfigError
from exporters.dicom_exporter.modules import Module
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.runner import BusyError, Runner
from exporters.dicom_exporter.target import Target

TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
EXPOSITION = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}


def application(
    runner: Runner, timeout_offset: float, reload: Callable[[], Awaitable[None]] | None = None
) -> web.Application:
    """The routes. A probe's deadline is the scrape's time-out minus the offset (both in seconds).

    `reload` reads the configuration anew, and raises ConfigError.
    """

    async def probe(request: web.Request) -> web.Response:
        try:
            target, module, seconds = _asked(request, runner, timeout_offset)
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")
        settings = runner.config.module_for(module, str(target))
        try:
            done = await runner.probe(target, module, seconds)
        except BusyError as error:  # no failed probe: of the target nothing is known
            return web.Response(status=503, text=f"{error}\n")
        if request.query.get("debug") == "true":
            return web.Response(text=_debug(done, module, settings))
        return web.Response(body=done.exposition(), headers=EXPOSITION)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(runner.registry), headers=EXPOSITION)

    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="Healthy\n")

    async def reloaded(_: web.Request) -> web.Response:
        try:
            if reload is not None:
                await reload()
        except ConfigError as error:
            return web.Response(status=500, text=f"{error}\n")
        return web.Response(text="Reloaded\n")

    async def close(_: web.Application) -> None:
        await runner.close()

    app = web.Application()
    app.add_routes(
        [
            web.get("/probe", probe, allow_head=False),
            web.get("/metrics", metrics),
            web.get("/-/healthy", healthy),
            web.post("/-/reload", reloaded),
            web.put("/-/reload", reloaded),
        ]
    )
    app.on_shutdown.append(close)
    return app


def _asked(request: web.Request, runner: Runner, offset: float) -> tuple[Target, str, float]:
    """Target, module and deadline. Raises ValueError in words for a request that can't be."""
    for name in ("target", "module"):
        if len(request.query.getall(name, [])) != 1:
            raise ValueError(f"the parameter {name} has to be given once")
    module = request.query["module"]
    if module not in runner.config.modules:
        raise ValueError(f"module {module!r} is unknown; there are: {', '.join(sorted(runner.config.modules))}")
    target = Target.parse(request.query["target"])
    if not runner.config.allows(str(target)):
        raise ValueError(f"target {str(target)!r} is not on the list of targets in the configuration")
    return target, module, seconds_allowed(request.headers.get(TIMEOUT_HEADER), offset)


def seconds_allowed(header: str | None, offset: float) -> float:
    """The scrape's time-out less the offset, or as it is where it is shorter. Raises ValueError if it is no time."""
    if header is None:
        return math.inf  # the module's own time-out holds
    try:
        seconds = float(header)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ValueError(f"{TIMEOUT_HEADER} has to be a positive number of seconds")
    return seconds - offset if seconds > offset else seconds


def _debug(probe: Probe, name: str, settings: Module) -> str:
    lines = [f"{at:10.6f} {event} {' '.join(f'{k}={v}' for k, v in values.items())}" for at, event, values in probe.log]
    metrics = probe.exposition().decode()
    shown = settings.model_dump_json(indent=2)
    return "\n".join(["Log of the probe:", *lines, "", "Metrics:", metrics, f"Module {name}:", shown, ""])
