"""The http-log-exporter as a native sidecar of the balancer: it takes the log by UDP and counts HTTP transactions."""

from typing import Any

from infra.components.haproxy import HTTP_BACKENDS
from infra.components.http_routes import OPERATIONS
from infra.components.pods import container, http_probe

METRICS_PORT = 9883
LOG = "127.0.0.1:9514"  # within the pod, so that nobody else can send lines


def sidecar(image: str) -> dict[str, Any]:
    """An init container that goes on (KEP-753): it is there until after the last request.

    No startup probe and a patient liveness probe: the front door neither waits for it, nor leaves its Service for a
    restart that only a scrape would notice (a pod is ready only while all its containers are).
    """
    return container(
        "http-log-exporter",
        image,
        cpu="10m",
        memory="64Mi",
        memory_limit="128Mi",
        ports={"log-metrics": METRICS_PORT},
        restartPolicy="Always",
        command=[
            "http-log-exporter",
            f"--log.listen-address={LOG}",
            f"--web.listen-address=:{METRICS_PORT}",
            f"--operations={','.join(OPERATIONS)}",
            f"--backends={','.join(HTTP_BACKENDS)}",
        ],
        livenessProbe=http_probe("/-/healthy", "log-metrics", period=30, failures=10),
    )
