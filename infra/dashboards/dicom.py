"""Every DICOM transaction, as the tap in front of each replica times it."""

from typing import Final

from infra.dashboards.panel import Dashboard, Limits, Query, Unit, heat_map, series, stat, table

TAP: Final = ("dimse-tap",)
BUCKETS: Final = "dimse_tap_operation_duration_seconds_bucket"
COUNT: Final = "dimse_tap_operation_duration_seconds_count"

DASHBOARD: Final = Dashboard(
    "vnaops-dicom",
    "DICOM transactions",
    "What do modalities ask for, how long do they wait, who is refused, who is silent?",
    (
        stat(
            "Operations",
            Unit.PER_SECOND,
            f"sum(rate({COUNT}[1m]))",
            "DIMSE operations that ended in the last minute.",
            jobs=TAP,
        ),
        stat(
            "Failures",
            Unit.RATIO,
            f'(sum(rate({COUNT}{{status_class="failure"}}[5m])) or vector(0)) / sum(rate({COUNT}[5m]))',
            "The share of operations of the last five minutes that were answered with a failure.",
            jobs=TAP,
            limits=Limits(0.0005, 0.001),
        ),
        stat(
            "Associations open",
            Unit.NUMBER,
            "sum(dimse_tap_associations_open)",
            "Associations that are accepted and not ended.",
            jobs=TAP,
        ),
        stat(
            "Rejected",
            Unit.PER_SECOND,
            "sum(rate(dimse_tap_rejections_total[5m]))",
            "Associations that the archive has rejected in the last five minutes.",
            jobs=TAP,
            limits=Limits(0.01, 0.1),
        ),
        heat_map(
            "Store latency",
            f'{BUCKETS}{{operation="C-STORE"}}',
            "How many C-STOREs took how long, from the first byte to the answer.",
            jobs=TAP,
        ),
        heat_map(
            "Query latency",
            f'{BUCKETS}{{operation="C-FIND"}}',
            "How many C-FINDs took how long, to their last response.",
            jobs=TAP,
        ),
        heat_map(
            "Retrieve latency",
            f'{BUCKETS}{{operation=~"C-GET|C-MOVE"}}',
            "How many C-GETs and C-MOVEs took how long, to their last response.",
            jobs=TAP,
        ),
        heat_map(
            "Association latency",
            "dimse_tap_association_setup_seconds_bucket",
            "How long the archive takes to answer the request for an association.",
            jobs=TAP,
        ),
        series(
            "Operations by kind",
            Unit.PER_SECOND,
            "DIMSE operations per second.",
            Query(f"sum by (operation) (rate({COUNT}[$window]))", "{{operation}}"),
            jobs=TAP,
            stacked=True,
        ),
        series(
            "Latency, p99",
            Unit.SECONDS,
            "Of a hundred operations, 99 ended within this.",
            Query(f"histogram_quantile(0.99, sum by (operation, le) (rate({BUCKETS}[$window])))", "{{operation}}"),
            jobs=TAP,
        ),
        series(
            "First response, p95",
            Unit.SECONDS,
            "Of twenty queries and retrieves, 19 had their first pending response within this.",
            Query(
                "histogram_quantile(0.95, sum by (operation, le)"
                " (rate(dimse_tap_first_response_seconds_bucket[$window])))",
                "{{operation}}",
            ),
            jobs=TAP,
        ),
        series(
            "Operations by status",
            Unit.PER_SECOND,
            "Operations per second by the class of their final status (PS3.7 annex C).",
            Query(f"sum by (status_class) (rate({COUNT}[$window]))", "{{status_class}}"),
            jobs=TAP,
            stacked=True,
        ),
        series(
            "Stores by kind of object",
            Unit.PER_SECOND,
            "C-STOREs per second by the group of their SOP class.",
            Query(f'sum by (sop_class_group) (rate({COUNT}{{operation="C-STORE"}}[$window]))', "{{sop_class_group}}"),
            jobs=TAP,
            stacked=True,
        ),
        series(
            "Stores by transfer syntax",
            Unit.PER_SECOND,
            "C-STOREs per second by how their pixels are encoded.",
            Query(f'sum by (transfer_syntax) (rate({COUNT}{{operation="C-STORE"}}[$window]))', "{{transfer_syntax}}"),
            jobs=TAP,
            stacked=True,
        ),
        series(
            "Instances by sender",
            Unit.PER_SECOND,
            "Instances stored per second, by calling AE title.",
            Query('sum by (calling) (rate(dimse_tap_instances_total{direction="to_archive"}[$window]))', "{{calling}}"),
            jobs=TAP,
            stacked=True,
        ),
        series(
            "Rejected associations",
            Unit.PER_SECOND,
            "Rejections per second by who rejects and why (PS3.8 table 9-21).",
            Query("sum by (source, reason) (rate(dimse_tap_rejections_total[$window]))", "{{reason}} ({{source}})"),
            jobs=TAP,
        ),
        series(
            "Aborts",
            Unit.PER_SECOND,
            "A-ABORTs per second by who sent them.",
            Query("sum by (source) (rate(dimse_tap_aborts_total[$window]))", "{{source}}"),
            jobs=TAP,
        ),
        series(
            "Stalls",
            Unit.NUMBER,
            "How many operations wait at a time, by for whom: the sender, the archive or the network.",
            Query("sum by (who) (rate(dimse_tap_stall_seconds_total[$window]))", "{{who}}"),
            jobs=TAP,
            stacked=True,
        ),
        table(
            "Senders by silence",
            Unit.SECONDS,
            "sort_desc((time() - (calling:dimse_tap_last_heard_timestamp_seconds:max > 0))"
            " or (calling:dimse_tap_last_heard_timestamp_seconds:max == 0) - 1)",
            "How long each known calling AE title has been silent.",
            jobs=TAP,
            words={-1.0: "not heard since the tap began"},
        ),
        series(
            "Relayed",
            Unit.BYTES_PER_SECOND,
            "Bytes per second to the archive and from it.",
            Query("sum by (direction) (rate(dimse_tap_bytes_total[$window]))", "{{direction}}"),
            jobs=TAP,
        ),
        series(
            "Not understood",
            Unit.PER_SECOND,
            "Streams per second that were relayed without being timed, by what was odd about them.",
            Query("sum by (reason) (rate(dimse_tap_unparsed_total[$window]))", "{{reason}}"),
            jobs=TAP,
        ),
    ),
)
