"""Which component the processor time of a load goes to: user and system time of the processes, by name."""

import os
import time
from pathlib import Path

_TICK = 1 / os.sysconf("SC_CLK_TCK")
COMPONENTS = {
    "Orthanc": "orthanc",
    "weed": "seaweedfs",
    "postgres": "postgresql",
    "haproxy": "haproxy",
    "patroni": "patroni",
    "dicom-exporter": "dicom-exporter",
    "prometheus": "prometheus",
}


def seconds() -> dict[str, float]:
    """Processor seconds until now: of each component's processes, of this one, and of all the machine (`machine`).

    Where this machine's pods run components, only processes in pods count: tests may run others beside them.
    """
    inside: dict[str, float] = {}
    everywhere: dict[str, float] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            name, rest = (folder / "stat").read_text().partition("(")[2].rsplit(")", 1)
            component = COMPONENTS.get(name)
            if component is None:
                continue
            fields = rest.split()
            used = (int(fields[11]) + int(fields[12])) * _TICK
            in_pod = "kubepods" in (folder / "cgroup").read_text()
        except (OSError, ValueError):
            continue  # it has ended
        for found in (everywhere, inside) if in_pod else (everywhere,):
            found[component] = found.get(component, 0) + used
    total = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    busy = sum(int(value) for at, value in enumerate(total) if at not in (3, 4))  # without idle and iowait
    return {**(inside or everywhere), "generator": time.process_time(), "machine": busy * _TICK}


def used(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Processor seconds of the environment's components between the two; empty where they aren't on this machine."""
    names = sorted(set(COMPONENTS.values()) & after.keys())
    return {name: round(after[name] - before.get(name, 0), 2) for name in names}


def per_instance(before: dict[str, float], after: dict[str, float], instances: int) -> dict[str, float]:
    """Milliseconds of processor per instance; `others` is what the machine did besides."""
    used = {name: (after[name] - before.get(name, 0)) * 1000 / instances for name in after}
    machine = used.pop("machine")
    return {**used, "others": machine - sum(used.values())}
