"""What a load campaign does to the environment: what its calling AE title sends and gets, and what that costs."""

from typing import Final

from infra.dashboards.archive import CONTAINERS, PODS
from infra.dashboards.front_door import HTTP
from infra.dashboards.panel import Dashboard, Query, Unit, heat_map, series, stat

TAP: Final = ("dimse-tap",)
LOAD: Final = 'calling="$calling"'
BUCKETS: Final = "dimse_tap_operation_duration_seconds_bucket"
COUNT: Final = "dimse_tap_operation_duration_seconds_count"


def quantile(share: float) -> Query:
    """The C-STOREs' quantile of the load."""
    stores = f'rate({BUCKETS}{{{LOAD}, operation="C-STORE"}}[$window])'
    return Query(f"histogram_quantile({share}, sum by (le) ({stores}))", f"p{share * 100:g}")


DASHBOARD: Final = Dashboard(
    "vnaops-campaigns",
    "Campaigns",
    "What does a load campaign do to the environment, and who else feels it?",
    (
        stat(
            "Stored by the load",
            Unit.PER_SECOND,
            f'sum(rate(dimse_tap_instances_total{{{LOAD}, direction="to_archive"}}[1m]))',
            "Instances that the load generator has stored by DICOM in the last minute.",
            jobs=TAP,
        ),
        stat(
            "Stored by all others",
            Unit.PER_SECOND,
            'sum(rate(dimse_tap_instances_total{calling!="$calling", direction="to_archive"}[1m]))',
            "Instances that everybody else has stored by DICOM in the last minute.",
            jobs=TAP,
        ),
        stat(
            "Associations of the load",
            Unit.NUMBER,
            f"sum(dimse_tap_associations_open{{{LOAD}}})",
            "Associations of the load generator that are open.",
            jobs=TAP,
        ),
        stat(
            "Load's failures",
            Unit.NUMBER,
            f'sum(increase({COUNT}{{{LOAD}, status_class="failure"}}[5m])) or vector(0)',
            "Operations of the load generator in the last five minutes that were answered with a failure.",
            jobs=TAP,
        ),
        series(
            "Instances of the load",
            Unit.PER_SECOND,
            "Instances per second that the load generator stores, and that it gets.",
            Query(
                f"sum by (direction) (rate(dimse_tap_instances_total{{{LOAD}}}[$window]))",
                "{{direction}}",
            ),
            jobs=TAP,
        ),
        series(
            "Operations of the load",
            Unit.PER_SECOND,
            "DIMSE operations of the load generator per second.",
            Query(f"sum by (operation) (rate({COUNT}{{{LOAD}}}[$window]))", "{{operation}}"),
            jobs=TAP,
            stacked=True,
        ),
        series(
            "The load's stores",
            Unit.SECONDS,
            "Of a hundred C-STOREs of the load generator, 50, 95 and 99 were answered within this.",
            quantile(0.5),
            quantile(0.95),
            quantile(0.99),
            jobs=TAP,
        ),
        heat_map(
            "Latency of the load's stores",
            f'{BUCKETS}{{{LOAD}, operation="C-STORE"}}',
            "How many C-STOREs of the load generator took how long.",
            jobs=TAP,
        ),
        series(
            "All others' latency, p99",
            Unit.SECONDS,
            "What everybody else feels of it: of a hundred of their operations, 99 ended within this.",
            Query(
                f'histogram_quantile(0.99, sum by (operation, le) (rate({BUCKETS}{{calling!="$calling"}}[$window])))',
                "{{operation}}",
            ),
            jobs=TAP,
        ),
        series(
            "Associations",
            Unit.NUMBER,
            "Associations that are open, by calling AE title.",
            Query("sum by (calling) (dimse_tap_associations_open)", "{{calling}}"),
            jobs=TAP,
            stacked=True,
        ),
        series(
            "Association latency of the load, p99",
            Unit.SECONDS,
            "Of a hundred requests of the load generator for an association, 99 were answered within this.",
            Query(
                "histogram_quantile(0.99, sum by (le)"
                f" (rate(dimse_tap_association_setup_seconds_bucket{{{LOAD}}}[$window])))",
                "p99",
            ),
            jobs=TAP,
        ),
        series(
            "HTTP latency, p99",
            Unit.SECONDS,
            "Of a hundred DICOMweb and WADO requests, 99 ended within this.",
            Query(
                "histogram_quantile(0.99, sum by (operation, le)"
                " (rate(http_transactions_duration_seconds_bucket[$window])))",
                "{{operation}}",
            ),
            jobs=HTTP,
        ),
        series(
            "HTTP volume",
            Unit.BYTES_PER_SECOND,
            "Bytes per second of DICOMweb and WADO, received and sent.",
            Query("sum by (direction) (rate(http_transactions_bytes_total[$window]))", "{{direction}}"),
            jobs=HTTP,
        ),
        series(
            "Who waits for whom",
            Unit.NUMBER,
            "How many operations wait at a time, by for whom: the sender, the archive or the network.",
            Query("sum by (who) (rate(dimse_tap_stall_seconds_total[$window]))", "{{who}}"),
            jobs=TAP,
            stacked=True,
        ),
        series(
            "What it costs",
            Unit.NUMBER,
            "Cores in use by container.",
            Query(
                f"sum by (container) (rate(container_cpu_usage_seconds_total{{{CONTAINERS}}}[$window]))",
                "{{container}}",
            ),
            jobs=PODS,
            stacked=True,
        ),
    ),
)
