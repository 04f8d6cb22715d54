"""The object store beneath the archive: how fast, how full, how soon full, and whether it is as declared."""

from typing import Final

from infra.dashboards.panel import Dashboard, Limits, Query, Unit, heat_map, series, stat, table
from infra.dashboards.wall import DAYS_TO_FULL, IS_UP, TOO_NEW, USED, WATCHED

S3: Final = ("s3-exporter",)
DURATION: Final = "s3_exporter_operation_duration_seconds"

DASHBOARD: Final = Dashboard(
    "vnaops-storage",
    "Object storage and capacity",
    "Is the object store there, fast, protected, and for how long is there room?",
    (
        stat(
            "Object store",
            Unit.NUMBER,
            "min(s3_exporter_endpoint_up)",
            "Whether all operations of the last round on the canary bucket succeeded.",
            jobs=S3,
            limits=Limits(1, 0.5),
            words=IS_UP,
        ),
        stat("In the buckets", Unit.BYTES, f"sum({USED})", "Bytes in all buckets.", jobs=S3),
        stat(
            "Used",
            Unit.RATIO,
            "max(s3_exporter_quota_used_ratio)",
            "The share of its quota or capacity that the fullest bucket uses.",
            jobs=S3,
            limits=Limits(0.8, 0.95),
        ),
        stat(
            "Days to full",
            Unit.DAYS,
            DAYS_TO_FULL,
            "When the first bucket reaches its capacity, by the growth of the last six hours.",
            jobs=S3,
            limits=Limits(90, 30),
            words={float("inf"): "not filling"},
            empty_when=TOO_NEW,
        ),
        series(
            "Bytes by bucket",
            Unit.BYTES,
            "What is in each bucket, and what there is room for.",
            Query(USED, "{{bucket}}"),
            Query("max by (bucket) (s3_exporter_capacity_bytes)", "room of {{bucket}}"),
            jobs=S3,
        ),
        series(
            "Growth",
            Unit.BYTES,
            "Bytes that each bucket gains in a day, by the last hour.",
            Query(f"86400 * deriv({USED}[1h])", "{{bucket}}"),
            jobs=S3,
        ),
        series(
            "Used in 30 days",
            Unit.RATIO,
            "The share of its capacity that a bucket uses in 30 days, if it goes on as in the last six hours.",
            Query(
                f"clamp_min(predict_linear({USED}[6h], 30 * 86400), 0)"
                f" / on (bucket) max by (bucket) (s3_exporter_capacity_bytes) {WATCHED}",
                "{{bucket}}",
            ),
            jobs=S3,
            empty_when=TOO_NEW,
        ),
        series(
            "Objects by bucket",
            Unit.NUMBER,
            "Objects in each bucket.",
            Query("sum by (bucket) (s3_exporter_bucket_objects)", "{{bucket}}"),
            jobs=S3,
        ),
        heat_map(
            "Put latency",
            f'{DURATION}_bucket{{operation="put"}}',
            "How long a put into the canary bucket takes.",
            jobs=S3,
        ),
        heat_map(
            "Get latency",
            f'{DURATION}_bucket{{operation="get"}}',
            "How long a whole get from the canary bucket takes.",
            jobs=S3,
        ),
        series(
            "Latency, p99",
            Unit.SECONDS,
            "Of a hundred operations of the last 15 minutes on the canary bucket, 99 ended within this.",
            Query(f"histogram_quantile(0.99, sum by (operation, le) (rate({DURATION}_bucket[15m])))", "{{operation}}"),
            jobs=S3,
        ),
        series(
            "Operations that failed",
            Unit.PER_SECOND,
            "Operations on the canary bucket per second that did not succeed, by what they came to.",
            Query('sum by (result) (rate(s3_exporter_operations_total{result!="success"}[$window]))', "{{result}}"),
            jobs=S3,
        ),
        table(
            "As declared",
            Unit.NUMBER,
            "min by (bucket, part) (s3_exporter_as_declared)",
            "Whether lock, retention, versions and the rest of each bucket are what the program declared.",
            jobs=S3,
            limits=Limits(1, 0.5),
            words={1.0: "as declared", 0.0: "differs"},
        ),
        series(
            "Oldest incomplete upload",
            Unit.SECONDS,
            "How old the oldest upload is that was begun and not ended.",
            Query("max by (bucket) (s3_exporter_oldest_incomplete_upload_age_seconds)", "{{bucket}}"),
            jobs=S3,
        ),
        series(
            "Requests of the embedded store",
            Unit.PER_SECOND,
            "Requests that the embedded object store takes per second; a site's own store has its own pictures.",
            Query("sum by (type) (rate(SeaweedFS_s3_request_total[$window]))", "{{type}}"),
            jobs=("object-store",),
            stacked=True,
        ),
    ),
)
