"""The probers: one file each behind one signature."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from exporters.dicom_exporter.association import PHASES
from exporters.dicom_exporter.modules import Module
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.prober import (
    commitment,
    echo,
    find,
    get,
    move,
    qido_rs,
    round_trip,
    store,
    stow_rs,
    wado,
)
from exporters.dicom_exporter.receiver import Receiver
from exporters.dicom_exporter.target import Target
from exporters.dicom_exporter.web_client import PHASES as WEB_PHASES


@dataclass(frozen=True)
class Prober:
    """`run(target, module, probe, receiver)` returns if the target does what is asked for; otherwise it raises.

    It raises ProbeError, OSError or `exporters.dimse`'s errors. It is cancelled at its deadline, and leaves nothing.
    """

    run: Callable[[Target, Any, Probe, Receiver], Awaitable[None]]
    phases: tuple[str, ...]


def _dimse(*phases: str) -> tuple[str, ...]:
    return (*PHASES[:-1], *phases, PHASES[-1])


PROBERS: Mapping[str, Prober] = {
    "echo": Prober(echo.run, _dimse("request")),
    "store": Prober(store.run, _dimse("transfer", "request")),
    "find": Prober(find.run, _dimse("request", "transfer")),
    "get": Prober(get.run, _dimse("request", "transfer")),
    "move": Prober(move.run, _dimse("request", "transfer")),
    "commitment": Prober(commitment.run, _dimse("transfer", "request", "report")),
    "round-trip": Prober(round_trip.run, round_trip.PHASES),
    "qido-rs": Prober(qido_rs.run, WEB_PHASES),
    "stow-rs": Prober(stow_rs.run, WEB_PHASES),
    "wado-rs": Prober(wado.run, ("store", *WEB_PHASES)),
    "wado-uri": Prober(wado.run, ("store", *WEB_PHASES)),
}


def phases_of(module: Module) -> tuple[str, ...]:
    """The phases that a probe of the module has; `tls` after `connect` only where there is TLS."""
    phases = PROBERS[module.prober].phases
    if module.tls is None or "connect" not in phases:
        return phases
    at = phases.index("connect") + 1
    return (*phases[:at], "tls", *phases[at:])
