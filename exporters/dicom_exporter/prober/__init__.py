"""The probers: one file each behind one signature."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from exporters.dicom_exporter.association import PHASES
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.prober import echo, store
from exporters.dicom_exporter.target import Target


@dataclass(frozen=True)
class Prober:
    """`run(target, module, probe)` returns if the target does what the module asks for; otherwise it raises.

    It raises ProbeError, OSError or `exporters.dimse`'s errors. It is cancelled at its deadline, and leaves nothing.
    """

    run: Callable[[Target, Any, Probe], Awaitable[None]]
    phases: tuple[str, ...]


PROBERS: Mapping[str, Prober] = {
    "echo": Prober(echo.run, (*PHASES[:-1], "request", PHASES[-1])),
    "store": Prober(store.run, (*PHASES[:-1], "transfer", "request", PHASES[-1])),
}
