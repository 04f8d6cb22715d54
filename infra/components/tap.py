"""The DIMSE tap as a native sidecar: it is there before the archive listens, and after it has stopped."""

from collections.abc import Sequence
from typing import Any

from infra.components.pods import container, http_probe

METRICS_PORT = 9881
GRACE_SECONDS = 50  # of associations; the pod's grace leaves Orthanc ten seconds more
DRAIN = {"httpGet": {"path": "/-/drain", "port": METRICS_PORT}}


def sidecar(image: str, listen: int, to: int, known_ae_titles: Sequence[str]) -> dict[str, Any]:
    """An init container that goes on (KEP-753): started before the archive and stopped after it."""
    return container(
        "dimse-tap",
        image,
        cpu="20m",
        memory="64Mi",
        # a megabyte per direction of a connection whose receiver is slow
        memory_limit="512Mi",
        ports={"dicom": listen, "tap-metrics": METRICS_PORT},
        restartPolicy="Always",
        command=[
            "dimse-tap",
            f"--listen=:{listen}",
            f"--to=127.0.0.1:{to}",
            f"--web.listen-address=:{METRICS_PORT}",
            "--proxy-protocol",
            # BBR, the default on some nodes, paces with timers: a fifth of the tap's processor time on the loopback
            "--congestion-control=reno",
            f"--drain-seconds={GRACE_SECONDS}",
            f"--known-ae-titles={','.join(known_ae_titles)}",
        ],
        startupProbe=http_probe("/-/healthy", "tap-metrics", period=1, failures=30),
        livenessProbe=http_probe("/-/healthy", "tap-metrics", period=10),
    )
