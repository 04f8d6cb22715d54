"""The five numbers that stand above everything: who passes by a wall screen reads these."""

from math import inf
from typing import Final

from infra.dashboards.panel import Limits, Panel, Unit, stat

USED: Final = "bucket:s3_exporter_bucket_bytes:sum"

WATCHED: Final = f"and on (bucket) {USED} offset 1h"
"""Only what has been watched for an hour: the first campaign of a new environment would fill it within a day."""

TOO_NEW: Final = "the buckets have been watched for less than an hour"

DAYS_TO_FULL: Final = f"""\
min(
  (s3_exporter_capacity_bytes - on (bucket) {USED})
    / on (bucket) (86400 * clamp_min(deriv({USED}[6h]), 0))
  {WATCHED}
)"""
"""Days until the first bucket has reached its capacity by the growth of six hours; without growth infinity."""

IS_UP: Final = {1.0: "up", 0.0: "down"}

WALL: Final[tuple[Panel, ...]] = (
    stat(
        "Front door",
        Unit.NUMBER,
        'min(max by (module) (dicom_probe_success{module=~"echo|store"}))',
        "Whether a C-ECHO and a C-STORE through the front door succeed.",
        jobs=("dicom-echo", "dicom-store"),
        limits=Limits(1, 0.5),
        words=IS_UP,
    ),
    stat(
        "Alerts firing",
        Unit.NUMBER,
        'count(ALERTS{alertstate="firing", severity!~"none|info"}) or vector(0)',
        "Critical alerts and warnings; the list is below.",
        limits=Limits(1, 1),
    ),
    stat(
        "Store p99",
        Unit.SECONDS,
        'operation:dimse_tap_operation_duration_seconds:p99_5m{operation="C-STORE"}',
        "Of a hundred C-STOREs of the last five minutes, 99 were answered within this.",
        jobs=("dimse-tap",),
        limits=Limits(1, 5),
    ),
    stat(
        "Instances stored",
        Unit.PER_SECOND,
        'sum(rate(dimse_tap_instances_total{direction="to_archive"}[1m]))',
        "Instances that came by DICOM, in the last minute.",
        jobs=("dimse-tap",),
    ),
    stat(
        "Days to full",
        Unit.DAYS,
        DAYS_TO_FULL,
        "When the first bucket reaches its capacity, by the growth of the last six hours.",
        jobs=("s3-exporter",),
        limits=Limits(90, 30),
        words={inf: "not filling"},
        empty_when=TOO_NEW,
    ),
)
