"""What a modality, a viewer or a browser meets: the balancer, its certificates, the probes that come as clients do."""

from typing import Final

from infra.dashboards.panel import Dashboard, Limits, Query, Unit, heat_map, series, stat, table
from infra.dashboards.wall import IS_UP

PROBES: Final = ("dicom-echo", "dicom-store")
DOOR: Final = ("load-balancer",)
HTTP: Final = ("http-log-exporter",)

DASHBOARD: Final = Dashboard(
    "vnaops-front-door",
    "Front door",
    "Can modalities and viewers get in, how long do they wait, what is behind the door?",
    (
        stat(
            "Probes that succeed",
            Unit.RATIO,
            "avg(max by (module) (dicom_probe_success))",
            "The share of the prober's modules whose last probe through the front door succeeded.",
            jobs=PROBES,
            limits=Limits(1, 0.5),
        ),
        stat(
            "Replicas that take stores",
            Unit.NUMBER,
            'max(haproxy_backend_active_servers{proxy="dicom_writers"})',
            "Archive replicas whose index, bucket and C-ECHO work.",
            jobs=DOOR,
            limits=Limits(1, 0.5),
        ),
        stat(
            "Certificate's last day in",
            Unit.DAYS,
            "min(dicom_probe_certificate_days_left)",
            "Days until the first certificate of the front door's chain ends.",
            limits=Limits(30, 7),
        ),
        stat(
            "HTTP failures",
            Unit.RATIO,
            '(sum(rate(http_transactions_duration_seconds_count{status_class="5xx"}[5m])) or vector(0))'
            " / sum(rate(http_transactions_duration_seconds_count[5m]))",
            "The share of DICOMweb and WADO requests of the last five minutes that were answered 5xx.",
            jobs=HTTP,
            limits=Limits(0.001, 0.01),
        ),
        table(
            "Probes",
            Unit.NUMBER,
            "max by (module) (dicom_probe_success)",
            "What the prober can do through the front door.",
            jobs=PROBES,
            limits=Limits(1, 0.5),
            words=IS_UP,
        ),
        table(
            "Error budgets left",
            Unit.RATIO,
            "sort(max by (objective) (label_replace("
            'slo:period_error_budget_remaining:ratio, "objective", "$1", "sloth_slo", "(.*)")))',
            "What each objective may still fail in 30 days; below nought it is missed.",
            limits=Limits(0.25, 0),
        ),
        series(
            "Error budgets' burn rates",
            Unit.NUMBER,
            "How fast each budget is used up: at 1 it lasts exactly its 30 days.",
            Query("max by (sloth_slo) (slo:current_burn_rate:ratio)", "{{sloth_slo}}"),
        ),
        series(
            "Probe duration",
            Unit.SECONDS,
            "How long a probe of each module took, as a client waits for it.",
            Query("max by (module) (dicom_probe_duration_seconds)", "{{module}}"),
            jobs=PROBES,
        ),
        series(
            "Phases of a store probe",
            Unit.SECONDS,
            "Where the time of a C-STORE through the front door goes.",
            Query('max by (phase) (dicom_probe_phase_duration_seconds{module="store"})', "{{phase}}"),
            jobs=("dicom-store",),
            stacked=True,
        ),
        series(
            "Connections at the door",
            Unit.NUMBER,
            "Connections that are open, by frontend of the balancer.",
            Query('sum by (proxy) (haproxy_frontend_current_sessions{proxy!="metrics"})', "{{proxy}}"),
            jobs=DOOR,
        ),
        series(
            "New connections",
            Unit.PER_SECOND,
            "Connections taken per second, by frontend.",
            Query('sum by (proxy) (rate(haproxy_frontend_connections_total{proxy!="metrics"}[$window]))', "{{proxy}}"),
            jobs=DOOR,
        ),
        series(
            "Through the door",
            Unit.BYTES_PER_SECOND,
            "Bytes per second that clients send and are sent.",
            Query('sum(rate(haproxy_frontend_bytes_in_total{proxy!="metrics"}[$window]))', "from clients"),
            Query('sum(rate(haproxy_frontend_bytes_out_total{proxy!="metrics"}[$window]))', "to clients"),
            jobs=DOOR,
        ),
        series(
            "Replicas behind the door",
            Unit.NUMBER,
            "Replicas that are up, by what the balancer sends them.",
            Query("max by (proxy) (haproxy_backend_active_servers)", "{{proxy}}"),
            jobs=DOOR,
        ),
        heat_map(
            "HTTP latency",
            "http_transactions_duration_seconds_bucket",
            "How many DICOMweb and WADO requests took how long.",
            jobs=HTTP,
        ),
        series(
            "HTTP transactions",
            Unit.PER_SECOND,
            "DICOMweb and WADO requests per second, by route.",
            Query("sum by (operation) (rate(http_transactions_duration_seconds_count[$window]))", "{{operation}}"),
            jobs=HTTP,
            stacked=True,
        ),
        series(
            "HTTP first byte, p95",
            Unit.SECONDS,
            "Of twenty requests, 19 had the first byte of their answer within this.",
            Query(
                "histogram_quantile(0.95, sum by (operation, le)"
                " (rate(http_transactions_first_byte_seconds_bucket[$window])))",
                "{{operation}}",
            ),
            jobs=HTTP,
        ),
        series(
            "HTTP answers",
            Unit.PER_SECOND,
            "Requests per second, by class of the status.",
            Query(
                "sum by (status_class) (rate(http_transactions_duration_seconds_count[$window]))", "{{status_class}}"
            ),
            jobs=HTTP,
            stacked=True,
        ),
    ),
)
